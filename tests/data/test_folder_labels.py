"""The labels of a folder: of one table, of files beside the recordings, or in `labels`."""

import json

import numpy as np
import pytest

from skeljax.data import beam_jobs, folder, stats
from skeljax.errors import FormatError, InputError

EAF = (
    '<ANNOTATION_DOCUMENT><TIME_ORDER>{slots}</TIME_ORDER>'
    '<TIER TIER_ID="a">{a}</TIER><TIER TIER_ID="b">{b}</TIER></ANNOTATION_DOCUMENT>'
)
OVERLAP = 'recording,start,end,label\nwalk,0,2,sit\nwalk,1,3,wave\nrun,,,\n'


def _eaf(a=((0, 1000, 'sit'),), b=()) -> str:
    slots, tiers = [], []
    for tier in (a, b):
        items = []
        for start, end, label in tier:
            first = len(slots)
            slots += [f'<TIME_SLOT TIME_SLOT_ID="t{first + n}" TIME_VALUE="{t}"/>'
                      for n, t in enumerate((start, end))]
            items.append(
                f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="{first}" '
                f'TIME_SLOT_REF1="t{first}" '
                f'TIME_SLOT_REF2="t{first + 1}"><ANNOTATION_VALUE>{label}</ANNOTATION_VALUE>'
                '</ALIGNABLE_ANNOTATION></ANNOTATION>'
            )
        tiers.append(''.join(items))
    return EAF.format(slots=''.join(slots), a=tiers[0], b=tiers[1])


@pytest.fixture
def own(tmp_path):
    """Writes a folder of recordings of 120 frames at 30 a second, and other files."""
    def write(names=('walk', 'run'), **files):
        for name in names:
            path = tmp_path / f'{name}.npz'
            path.parent.mkdir(parents=True, exist_ok=True)
            joints = np.random.default_rng(0).normal(size=(120, 25, 3)).astype(np.float32)
            np.savez(path, joints=joints, fps=30.0, layout='ntu25')
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return tmp_path

    return write


def _segments(told) -> dict:
    work = beam_jobs.Work()
    made = work.each(stats.make, stats.jobs(told, told.files))
    found = {
        r.name: list(
            zip(r.segment_start.tolist(), r.segment_end.tolist(), r.segment_label.tolist())
        )
        for r in made
    }
    assert not work.troubles
    return found


def test_files_of_labels_beside_the_recordings_are_read(own):
    root = own(('mon/walk', 'tue/walk'), **{'mon/walk.eaf': _eaf(), 'tue/walk.vtt': (
        'WEBVTT\n\n00:00.000 --> 00:01.000\nwave 90%\n')})
    told = folder.plan(root)
    assert told.classes == ('sit', 'wave') and not told.skipped and not told.notes
    assert _segments(told) == {'mon/walk': [(0, 30, 0)], 'tue/walk': [(0, 30, 1)]}


def test_a_folder_of_labels_may_hold_tables_too(own):
    root = own(**{'labels/walk.csv': 'from,to,class\n0,30,sit\n', 'labels/run_labels.csv': (
        'frame,sit,wave\n' + ''.join(f'{n},{int(n < 60)},{int(n >= 30)}\n' for n in range(120)))})
    told = folder.plan(root)
    assert _segments(told) == {'run': [(0, 60, 0), (30, 120, 1)], 'walk': [(0, 30, 0)]}
    assert any(
        '1 labels overlap the one before, in 1 recordings: kept' in note for note in told.notes
    )
    assert any('times are whole numbers: taken for frames' in note for note in told.notes)


def test_a_project_of_boris_names_recordings_by_their_media(own):
    project = {
        'behaviors_conf': {'0': {'type': 'State event', 'code': 'sit'}},
        'observations': {
            'first': {
                'file': {'1': ['/films/walk.mp4']},
                'events': [[0, '', 'sit', '', ''], [1, '', 'sit', '', '']],
            },
            'run': {'file': {'1': ['/films/else.mp4']}, 'events': []},
        },
    }
    told = folder.plan(own(**{'labels.boris': json.dumps(project)}))
    assert _segments(told) == {'run': [], 'walk': [(0, 30, 0)]}


def test_of_several_tiers_the_one_told_counts(own):
    two = _eaf(((0, 2000, 'sit'),), ((1000, 3000, 'wave'),))
    root = own(('walk',), **{'walk.eaf': two})
    told = folder.plan(root)
    assert _segments(told) == {'walk': [(0, 60, 0), (30, 90, 1)]}
    assert any("tiers 'a', 'b' taken together" in note for note in told.notes)
    (root / 'corpus.json').write_text('{"tier": "b"}')
    told = folder.plan(root)
    assert _segments(told) == {'walk': [(30, 90, 0)]} and told.classes == ('wave',)
    (root / 'corpus.json').write_text('{"tier": "c"}')
    with pytest.raises(FormatError, match="no tier 'c', found 'a', 'b'"):
        folder.plan(root)


def test_segments_that_overlap_are_kept_cut_or_refused(own):
    root = own(**{'labels.csv': OVERLAP})
    told = folder.plan(root)
    assert _segments(told)['walk'] == [(0, 60, 0), (30, 90, 1)]
    assert told.notes == (
        '1 labels overlap the one before, in 1 recordings: kept; a frame has the label that begins '
        'last, or all of them with config.finetune.multi_label',
    )
    (root / 'corpus.json').write_text('{"overlaps": "cut"}')
    assert _segments(folder.plan(root))['walk'] == [(0, 60, 0), (60, 90, 1)]
    (root / 'corpus.json').write_text('{"overlaps": "refuse"}')
    work = beam_jobs.Work()
    list(work.each(stats.make, stats.jobs(folder.plan(root), ['walk'])))
    (trouble,) = work.troubles
    assert trouble == (
        f'{root}/labels.csv:3: 1 to 3 s overlaps 0 to 2 s of {root}/labels.csv:2; '
        'the option overlaps keeps or cuts it'
    )
    (root / 'corpus.json').write_text('{"overlaps": "maybe"}')
    with pytest.raises(FormatError, match="overlaps is 'maybe', expected keep, cut, refuse"):
        folder.plan(root)


def test_one_that_lies_within_another_is_left_out_when_cut(own):
    root = own(**{'labels.csv': OVERLAP.replace('1,3', '1,1.5')})
    (root / 'corpus.json').write_text('{"overlaps": "cut"}')
    assert _segments(folder.plan(root))['walk'] == [(0, 60, 0)]


def test_a_table_counts_more_than_files_and_two_tables_are_refused(own):
    root = own(**{'labels.csv': OVERLAP, 'walk.eaf': _eaf()})
    assert folder.plan(root).skipped == {
        '1 files of labels, e.g. walk.eaf': 'labels.csv holds the labels'
    }
    (root / 'labels.tsv').write_text(OVERLAP.replace(',', '\t'))
    with pytest.raises(InputError, match='labels.tsv: expected one of them'):
        folder.plan(root)


def test_labels_of_no_recording_are_told(own):
    with pytest.raises(FormatError, match=r"stand.eaf: 'stand': no recording in .*, expected one"):
        folder.plan(own(**{'stand.eaf': _eaf()}))
