"""Labels of annotation programs: ELAN, Praat, Anvil, BORIS, VIA, Label Studio, WebVTT, NWB."""

import json
from pathlib import Path
import tempfile

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax.errors import FormatError
from skeljax.formats import annotations
from skeljax.localize.segments import Segments
from skeljax.viz import elan, webvtt
from tests.formats.damage import damaged, told

EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT>
<HEADER TIME_UNITS="milliseconds"><MEDIA_DESCRIPTOR MEDIA_URL="file:///x/take7.mp4"/></HEADER>
<TIME_ORDER>
<TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="1000"/><TIME_SLOT TIME_SLOT_ID="ts2"/>
<TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="2500"/><TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="4000"/>
</TIME_ORDER>
<TIER TIER_ID="hands">
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
<ANNOTATION_VALUE>wave</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts3" TIME_SLOT_REF2="ts4">
<ANNOTATION_VALUE> clap </ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>
</TIER>
<TIER TIER_ID="parts" PARENT_REF="hands">
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a3" ANNOTATION_REF="a2">
<ANNOTATION_VALUE>up</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a4" ANNOTATION_REF="a2" PREVIOUS_ANNOTATION="a3">
<ANNOTATION_VALUE>down</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>
</TIER>
</ANNOTATION_DOCUMENT>
"""
GRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 4
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "what"
        xmin = 0
        xmax = 4
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 1.5
            text = ""
        intervals [2]:
            xmin = 1.5
            xmax = 2.25
            text = "says ""hi"" 3 times"
        intervals [3]:
            xmin = 2.25
            xmax = 4
            text = "sit"
    item [2]:
        class = "TextTier"
        name = "beats"
        xmin = 0
        xmax = 4
        points: size = 1
        points [1]:
            number = 3.5
            mark = "jump"
"""
SHORT_GRID = """File type = "ooTextFile"
Object class = "TextGrid"

0
4
<exists>
2
"IntervalTier"
"what"
0
4
3
0
1.5
""
1.5
2.25
"says ""hi"" 3 times"
2.25
4
"sit"
"TextTier"
"beats"
0
4
1
3.5
"jump"
"""
ANVIL = """<?xml version="1.0" encoding="UTF-8"?>
<annotation><head><specification src="x.xml"/></head><body>
<track name="gesture.phase" type="primary">
<el index="0" start="1.5" end="2.25"><attribute name="kind">wave</attribute></el>
<el index="1" start="2.25" end="4"><attribute name="kind"></attribute></el>
</track>
<track name="gesture.phrase" type="span" ref="gesture.phase">
<el index="0" start="0" end="1"><attribute name="type">greeting</attribute></el>
</track>
<track name="mood" type="singleton" ref="gesture.phase"><el index="0" ref="1"/></track>
</body></annotation>
"""
BORIS = {
    'project_format_version': '7.0',
    'behaviors_conf': {
        '0': {'type': 'State event', 'code': 'sit'}, '1': {'type': 'Point event', 'code': 'jump'},
        '2': {'type': 'State event with coding map', 'code': 'walk'},
    },
    'observations': {
        'obs 1': {
            'file': {'1': ['C:\\films\\monday.mp4'], '2': []}, 'time offset': 1.0,
            'events': [
                [0.5, 'Ann', 'sit', '', ''], [1.0, 'No focal subject', 'walk', '', ''],
                [2.0, 'Ann', 'sit', '', '', 50], [2.5, 'Ann', 'jump', 'high', 'a comment'],
                [4.0, 'No focal subject', 'walk', '', ''],
            ],
        },
        'obs 2': {'file': [], 'events': [[3, '', 'sit', '', '']]},
    },
}
VIA = {
    'project': {'pid': '__VIA_PROJECT_ID__'}, 'config': {},
    'attribute': {
        '1': {'aname': 'what', 'anchor_id': 'FILE1_Z2_XY0', 'options': {'0': 'sit', '1': 'walk'}},
        '2': {'aname': 'note', 'anchor_id': 'FILE1_Z2_XY0', 'options': {}},
    },
    'file': {'1': {'fid': '1', 'fname': 'monday.mp4'}, '2': {'fid': '2', 'fname': 'tuesday.mp4'}},
    'view': {'1': {'fid_list': ['1']}, '2': {'fid_list': ['2']}},
    'metadata': {
        '1_a': {'vid': '1', 'z': [1.5, 2.25], 'xy': [], 'av': {'1': '1', '2': 'slow'}},
        '1_b': {'vid': '1', 'z': [3], 'xy': [2, 1, 1, 5, 5], 'av': {'1': '0'}},
        '1_c': {'vid': '1', 'z': [3, 4], 'xy': [], 'av': {'1': '0,1'}},
    },
}
VIA_CSV = """# Exported using VGG Image Annotator (http://www.robots.ox.ac.uk/~vgg/software/via)
# Notes:
# ATTRIBUTE = {"1":{"aname":"what","anchor_id":"FILE1_Z2_XY0","options":{"0":"sit","1":"walk"}}}
# CSV_HEADER = metadata_id,file_list,flags,temporal_coordinates,spatial_coordinates,metadata
"1_a","[""monday.mp4""]",0,"[1.5,2.25]","[]","{""1"":""1""}"
"1_b","[""monday.mp4""]",0,"[3]","[2,1,1,5,5]","{""1"":""0""}"
"""
STUDIO = [
    {
        'id': 1, 'data': {'video': '/data/upload/3/1a2b3c4d-monday.mp4'},
        'annotations': [
            {'was_cancelled': True, 'result': []},
            {'result': [
                {'type': 'timelinelabels', 'from_name': 'what', 'value': {
                    'ranges': [{'start': 1, 'end': 30}, {'start': 61, 'end': 75}],
                    'timelinelabels': ['walk']}},
                {'type': 'choices', 'from_name': 'good', 'value': {'choices': ['yes']}},
            ]},
        ],
    },
    {
        'id': 2, 'data': {'csv': '/data/local-files/?d=mine/tuesday.csv'},
        'annotations': [{'result': [
            {'type': 'timeserieslabels', 'from_name': 'label', 'value': {
                'start': 1.5, 'end': 2.25, 'instant': False, 'timeserieslabels': ['sit']}}]}],
    },
]
STUDIO_MIN = [{
    'video': '/data/upload/3/1a2b3c4d-monday.mp4', 'id': 1, 'annotator': 1,
    'what': [{'ranges': [{'start': 1, 'end': 30}], 'timelinelabels': ['walk']}],
}]


def _write(folder, name, content) -> Path:
    path = Path(folder) / name
    content = json.dumps(content) if isinstance(content, dict | list) else content
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _spans(path, tier=None) -> dict:
    found = annotations.read(path, tier=tier)
    return {
        name: [(m.start, m.end, m.name, m.tier) for m in some]
        for name, some in found.segments.items()
    }


def test_elan_tiers_slots_without_a_time_and_annotations_that_refer_to_others(tmp_path):
    path = _write(tmp_path, 'walk.eaf', EAF)
    assert _spans(path) == {'walk': [
        (1.0, 1.75, 'wave', 'hands'), (2.5, 3.25, 'up', 'parts'), (2.5, 4.0, 'clap', 'hands'),
        (3.25, 4.0, 'down', 'parts'),
    ]}
    assert _spans(path, 'hands') == {
        'walk': [(1.0, 1.75, 'wave', 'hands'), (2.5, 4.0, 'clap', 'hands')]
    }
    found = annotations.read(path)
    assert found.aliases == {'walk': ('take7',)}
    assert found.notes == [
        f"{path}: tiers 'hands', 'parts' taken together; the option tier chooses"
    ]
    assert "no tier 'feet', found 'hands', 'parts'" in told(
        lambda p: annotations.read(p, tier='feet'), path
    )


@pytest.mark.parametrize('text', [GRID, SHORT_GRID])
@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16', 'latin-1'])
def test_praat_long_and_short_in_any_encoding(tmp_path, text, encoding):
    text = text.replace('sit', 'süß')
    path = _write(tmp_path, 'walk.TextGrid', text.encode(encoding))
    assert _spans(path) == {'walk': [
        (1.5, 2.25, 'says "hi" 3 times', 'what'), (2.25, 4.0, 'süß', 'what'),
        (3.5, 3.5, 'jump', 'beats'),
    ]}


def test_anvil_tracks_that_refer_to_others_and_elements_without_a_value(tmp_path):
    assert _spans(_write(tmp_path, 'walk.anvil', ANVIL)) == {'walk': [
        (1.5, 2.25, 'wave', 'gesture.phase'), (1.5, 4.0, 'greeting', 'gesture.phrase'),
        (2.25, 4.0, 'phase', 'gesture.phase'), (2.25, 4.0, 'mood', 'mood'),
    ]}


def test_a_project_of_boris_states_points_subjects_and_offsets(tmp_path):
    path = _write(tmp_path, 'study.boris', BORIS)
    found = annotations.read(path)
    marks = {
        n: [(m.start, m.end, m.name, m.tier) for m in s if not m.damage]
        for n, s in found.segments.items()
    }
    assert marks == {
        'obs 1': [(1.5, 3.0, 'sit', 'Ann'), (2.0, 5.0, 'walk', ''), (3.5, 3.5, 'jump', 'Ann')],
        'obs 2': [],
    }
    assert found.aliases['obs 1'] == ('monday',)
    (open_state,) = (m.damage for m in found.segments['obs 2'])
    assert open_state == f"{path}: obs 2: event 0: from '3.0' to 'no end of sit', expected seconds"


TABULAR = (
    'Observation id,Observation date,Media file name,FPS (frame/s),Subject,Behavior,'
    'Modifier #1,Behavior type,Time,Comment\n'
    'one,2026,C:\\f\\monday.mp4,25,Ann,sit,,START,1.5,\n'
    'one,2026,C:\\f\\monday.mp4,25,Ann,jump,,POINT,2.0,"a, b"\n'
    'one,2026,C:\\f\\monday.mp4,25,Ann,sit,,STOP,2.25,\n'
)
AGGREGATED = (
    'Observation id\tMedia file\tSubject\tBehavior\tModifiers\tBehavior type\tStart (s)\tStop (s)\t'
    'Duration (s)\n'
    'one\tmonday.mp4\tAnn\tsit\t\tSTATE\t1.5\t2.25\t0.75\n'
    'one\tmonday.mp4\tAnn\tjump\t\tPOINT\t2\t2\tNA\n'
)
OLD = (
    'Observation id\tone\n\nMedia file(s)\n\nPlayer #1\tmonday.mp4\n\nObservation date\t2019\n\n'
    'Time\tMedia file path\tTotal length\tFPS\tSubject\tBehavior\tBehavioral category\t'
    'Comment\tStatus\n'
    '1.5\tC:/f/monday.mp4\t9\t25\tAnn\tsit\t\t\tSTART\n'
    '2.0\tC:/f/monday.mp4\t9\t25\tAnn\tjump\t\t\tPOINT\n'
    '2.25\tC:/f/monday.mp4\t9\t25\tAnn\tsit\t\t\tSTOP\n'
)


@pytest.mark.parametrize(
    ('name', 'text'),
    [('a.csv', TABULAR), ('a.tsv', TABULAR.replace('"a, b"', 'a').replace(',', '\t')),
     ('a.tsv', AGGREGATED), ('a.csv', OLD), ('a.tsv', OLD)],
)
def test_tables_of_events_of_boris_of_any_age(tmp_path, name, text):
    path = _write(tmp_path, name, text)
    assert _spans(path) == {'one': [(1.5, 2.25, 'sit', 'Ann'), (2.0, 2.0, 'jump', 'Ann')]}
    assert annotations.read(path).aliases == {'one': ('monday',)}


def test_via_projects_and_tables(tmp_path):
    assert _spans(_write(tmp_path, 'via.json', VIA)) == {
        'monday': [
            (1.5, 2.25, 'walk', 'what'), (1.5, 2.25, 'slow', 'note'), (3.0, 4.0, 'sit', 'what'),
            (3.0, 4.0, 'walk', 'what'),
        ],
        'tuesday': [],
    }
    assert _spans(_write(tmp_path, 'via.csv', VIA_CSV)) == {'monday': [(1.5, 2.25, 'walk', 'what')]}


def test_label_studio_frames_from_one_and_seconds(tmp_path):
    path = _write(tmp_path, 'export.json', STUDIO)
    assert _spans(path) == {
        'monday': [(0.0, 30.0, 'walk', 'what'), (60.0, 75.0, 'walk', 'what')],
        'tuesday': [(1.5, 2.25, 'sit', 'label')],
    }
    flags = {m.in_frames for m in annotations.read(path).segments['monday']}
    assert flags == {True} and not annotations.read(path).segments['tuesday'][0].in_frames
    path = _write(tmp_path, 'min.json', STUDIO_MIN)
    assert _spans(path) == {'monday': [(0.0, 30.0, 'walk', 'what')]}


def test_tables_of_a_row_a_frame_as_of_simba(tmp_path):
    text = (
        ',Nose_x,Nose_y,Nose_p,Moved,Zero,Probability_rear,attack,rear\n'
        + ''.join(f'{n},1.5,2,1,{n * 0.5},0,0.5,{int(1 <= n < 3)},{int(n > 1)}\n' for n in range(4))
    )
    found = annotations.read(_write(tmp_path, 'mouse.csv', text))
    marks = [(m.start, m.end, m.name, m.in_frames) for m in found.segments['mouse']]
    # A feature that happens to be 0 throughout has no segment.
    assert marks == [(1, 3, 'attack', True), (2, 4, 'rear', True)]
    deep = 'frame_no,background,attack\n0,1,0\n1,0,1\n2,0,1\n'
    assert _spans(_write(tmp_path, 'deep_labels.csv', deep)) == {'deep': [(1.0, 3.0, 'attack', '')]}


@pytest.mark.parametrize(
    ('header', 'rows', 'expected', 'in_frames'),
    [
        (
            'from,to,class',
            '15,30,rear\n40,60,sit',
            [(15, 30, 'rear', ''), (40, 60, 'sit', '')],
            True,
        ),
        (
            'start,end,behavior,animal',
            '0.5,1,rear,m1\n2,2.5,sit,m2',
            [(0.5, 1, 'rear', 'm1'), (2, 2.5, 'sit', 'm2')],
            False,
        ),
        ('label;start_seconds;end_seconds', 'rear;1;2', [(1, 2, 'rear', '')], False),
        ('start_frame,end_frame,type', '1,2,rear', [(1, 2, 'rear', '')], True),
    ],
)
def test_a_table_of_segments_of_one_recording(tmp_path, header, rows, expected, in_frames):
    path = _write(tmp_path, 'mouse_annotation.csv', f'{header}\n{rows}\n')
    assert _spans(path) == {'mouse': expected}
    assert {m.in_frames for m in annotations.read(path).segments['mouse']} == {in_frames}


def test_what_skeljax_writes_it_reads_back(tmp_path):
    segments = Segments([30, 75], [60, 90], [1, 0], [0.9, 0.5])
    shown = {'classes': ('sit', 'walk & "run"'), 'fps': 30.0}
    expected = [(1.0, 2.0, 'walk & "run"'), (2.5, 3.0, 'sit')]
    elan.write(tmp_path / 'a.eaf', segments, **shown, tier='model', properties={'recording': 'x/a'})
    webvtt.write(tmp_path / 'a.vtt', segments, **shown, notes=['recording: a'])
    for ending in ('eaf', 'vtt'):
        (found,) = _spans(tmp_path / f'a.{ending}').values()
        assert [mark[:3] for mark in found] == expected
    assert annotations.read(tmp_path / 'a.eaf').aliases == {'a': ('x/a',)}
    document = {'recording': 'a', 'fps': 30, 'segments': [
        {'label': 'sit', 'start_seconds': 2.5, 'end_seconds': 3.0, 'score': 0.5}]}
    assert _spans(_write(tmp_path, 'a.json', document)) == {'a': [(2.5, 3.0, 'sit', '')]}
    results = {'results': {'a': [{'label': 'sit', 'score': 0.5, 'segment': [2.5, 3.0]}], 'b': []}}
    assert _spans(_write(tmp_path, 'r.json', results)) == {'a': [(2.5, 3.0, 'sit', '')], 'b': []}


def test_the_bouts_of_an_nwb_file_begin_with_its_poses(tmp_path):
    h5py = pytest.importorskip('h5py', reason='needs h5py (pip install skeljax[hdf5])')
    path = tmp_path / 'mouse.nwb'
    with h5py.File(path, 'w') as file:
        bouts = file.create_group('processing/behavior/bouts')
        bouts.attrs['neurodata_type'] = 'EthogramBouts'
        bouts['start_time'], bouts['stop_time'] = [11.0, 12.5], [12.0, 13.0]
        bouts['label'] = ['rear', 'sit']
        other = file.create_group('intervals/trials')
        other.attrs['neurodata_type'] = 'TimeIntervals'
        other['start_time'] = other['stop_time'] = [0.0]
    assert _spans(path) == {'mouse': [(11.0, 12.0, 'rear', 'bouts'), (12.5, 13.0, 'sit', 'bouts')]}
    with h5py.File(path, 'a') as file:
        nose = file.create_group('processing/behavior/pose/nose')
        nose.attrs['neurodata_type'] = 'PoseEstimationSeries'
        nose['timestamps'] = [10.0, 10.1]
    assert _spans(path)['mouse'][0] == (1.0, 2.0, 'rear', 'bouts')
    with h5py.File(path, 'a') as file:
        del file['processing/behavior/bouts']
    assert 'no table of behavioral bouts' in told(annotations.read, path)


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('a.eaf', '<A/>', "root is 'A', expected ANNOTATION_DOCUMENT"),
        ('a.eaf', '<A', ':1: no XML'),
        ('a.eaf', EAF.replace('"1000"', '"one"'), "time slot 'ts1': 'one', expected milliseconds"),
        ('a.eaf', EAF.replace('REF1="ts1"', 'REF1="ts9"'), 'its time slots are not in the file'),
        ('a.eaf', EAF.replace('REF="a2"', 'REF="a4"'), 'refers to an annotation without a time'),
        ('a.TextGrid', 'hello', 'no TextGrid of Praat'),
        ('a.TextGrid', GRID[:400], 'ends within a tier'),
        ('a.TextGrid', GRID.replace('"IntervalTier"', '"Pitch"'), ":10: tier 1 is 'Pitch'"),
        ('a.anvil', ANVIL.replace('ref="1"', 'ref="7"'), 'refers to elements that are not there'),
        ('a.boris', '{"observations": 3}', 'no events of BORIS'),
        ('a.vtt', 'WEB', ":1: 'WEB', expected WEBVTT"),
        ('a.json', '[{"data": {}}]', 'task 0: names no file'),
        ('a.json', '{"a": 1}', 'no "database" of recordings, expected labels of ActivityNet, VIA'),
        ('a.csv', 'a,b\n1.5,2\n', ':1: no labels, expected columns of 0 and 1'),
        ('a.csv', 'from,class\n1.5,2\n', ':1: columns from, class, expected from, to and class'),
        ('a.txt', '', 'no labels, expected a file ending in .eaf'),
    ],
)
def test_what_is_no_label_is_told(tmp_path, name, text, message):
    path = _write(tmp_path, name, text)
    found = told(annotations.read, path)
    assert found.startswith(str(path)) and message in found


def test_files_of_several_recordings_are_gathered_by_their_folders(tmp_path):
    for day in ('monday', 'tuesday', 'labels/wednesday'):
        (tmp_path / day).mkdir(parents=True)
        _write(tmp_path / day, 'walk.eaf', EAF)
    paths = annotations.found_in(tmp_path)
    found = annotations.gather(paths, root=tmp_path, tier='hands')
    assert list(found.segments) == ['wednesday/walk', 'monday/walk', 'tuesday/walk']
    with pytest.raises(FormatError, match="'walk' is labeled again, as in"):
        annotations.gather(paths)


SAMPLES = {
    'a.eaf': EAF, 'a.TextGrid': GRID, 'a.anvil': ANVIL, 'a.boris': json.dumps(BORIS, indent=1),
    'via.json': json.dumps(VIA, indent=1), 'a.csv': TABULAR, 'b.csv': OLD, 'via.csv': VIA_CSV,
    'studio.json': json.dumps(STUDIO, indent=1), 'c.csv': 'from,to,class\n1,2,a\n',
    'd.csv': 'frame,a\n0,1\n1,0\n',
}


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_damaged_files_are_read_or_told(data):
    name = data.draw(st.sampled_from(sorted(SAMPLES)))
    raw = data.draw(damaged(SAMPLES[name].encode()))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(raw)
        try:
            found = annotations.read(path)
        except FormatError as error:
            assert '\n' not in str(error) and len(str(error)) < 900
        else:
            every = [m for some in found.segments.values() for m in some]
            assert all(0 <= m.start <= m.end and np.isfinite(m.end) for m in every)
