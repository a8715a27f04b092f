"""Labels in seconds: both forms, their frames, and every mistake told with its line."""

import json

from hypothesis import given, strategies as st
import pytest

from skeljax.errors import FormatError
from skeljax.formats import labels
from skeljax.formats.labels import Label

GOOD = 'recording,start,end,label\nwalk,1.5,2.25,wave\nwalk,0,1,sit\nrun,,,\n'


def _write(folder, text, name='labels.csv'):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _read(folder, *args) -> dict:
    found = labels.read(_write(folder, *args)).segments
    return {name: [(s.start, s.end, s.name) for s in some] for name, some in found.items()}


def _told(read, *args, **more) -> str:
    with pytest.raises(FormatError) as error:
        read(*args, **more)
    assert '\n' not in str(error.value)
    return str(error.value)


def _told_of_segments(path) -> str:
    """Reads labels whose table is in order, but not what it says of `walk` or `a`."""
    found = labels.read(path).segments
    some = found.get('walk', found.get('a'))
    return _told(labels.to_frames, some, fps=30, frames=300, classes=['sit', 'wave', 'x'])


def _frames(*spans, fps=30, frames=300, classes=('sit', 'wave'), **more):
    some = [Label(start, end, name, f'l.csv:{n + 2}') for n, (start, end, name) in enumerate(spans)]
    return labels.to_frames(some, fps=fps, frames=frames, classes=classes, **more)


@pytest.mark.parametrize(
    'text',
    [
        GOOD,
        GOOD.replace('\n', '\r\n'),
        '\ufeff' + GOOD,
        GOOD.replace(',', ';'),
        GOOD.replace('recording', 'Video'),
        GOOD.replace('recording', 'file').replace('label', 'Class'),
        GOOD.replace('\n', '\n\n') + ',,,\n',
        'label,end,start,recording,note\nwave,2.25,1.5,walk,"a, b"\nsit,1,0,walk,\n,,,run,\n',
    ],
)
def test_the_table_is_read_however_it_is_written(tmp_path, text):
    found = _read(tmp_path, text)
    assert found == {'walk': [(0, 1, 'sit'), (1.5, 2.25, 'wave')], 'run': []}


def test_activitynets_form_tells_the_same_and_the_splits(tmp_path):
    document = {
        'version': 1,
        'database': {
            'walk': {
                'subset': 'training', 'duration': 9.5,
                'annotations': [
                    {'segment': [1.5, 2.25], 'label': 'wave'}, {'segment': [0, 1], 'label': 'sit'},
                ],
            },
            'run "fast"': {'subset': 'validation', 'annotations': []},
            'hop': {'subset': 'testing'},
        },
    }
    read = labels.read(_write(tmp_path, json.dumps(document, indent=1), 'labels.json'))
    assert read.subsets == {'walk': 'train', 'run "fast"': 'validation', 'hop': 'test'}
    walk = [(s.start, s.end, s.name) for s in read.segments['walk']]
    assert walk == [(0, 1, 'sit'), (1.5, 2.25, 'wave')]
    assert read.segments['hop'] == read.segments['run "fast"'] == []
    assert read.where['walk'].endswith('labels.json:4')
    assert read.where['run "fast"'].endswith('labels.json:24')
    assert read.classes() == ('sit', 'wave')


@pytest.mark.parametrize(
    ('text', 'told'),
    [
        ('', ' empty, expected a line that names the columns'),
        ('walk,1,2,wave\n', '1: columns walk, 1, 2, wave, expected recording, start, end, label'),
        (GOOD + ',3,4,sit\n', '5: no recording is named'),
        (GOOD + 'walk,3,4\n', '5: 3 columns, expected 4'),
        (GOOD.encode() + b'walk,3,4,w\xe4ve\n', '5: byte 0xe4, expected text in UTF-8'),
        (GOOD.encode('utf-16'), '1: byte 0xff, expected text in UTF-8'),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path, text, told):
    path = _write(tmp_path, text)
    assert _told(labels.read, path).startswith(f'{path}:{told}')


@pytest.mark.parametrize(
    ('text', 'told'),
    [
        (GOOD + 'walk,3,2.5,sit\n', '5: from 3 to 2.5 s'),
        (GOOD + 'walk,-1,2.5,sit\n', '5: from -1 to 2.5 s'),
        (GOOD + 'walk,3,nan,sit\n', '5: from 3 to nan s'),
        (GOOD + 'walk,3,inf,sit\n', '5: from 3 to inf s'),
        (GOOD + 'walk,3,four,sit\n', "5: from '3' to 'four', expected seconds"),
        (GOOD + 'walk,3,,sit\n', "5: from '3' to '', expected seconds"),
        (GOOD + 'walk,3,4,\n', '5: no label'),
        (GOOD + 'walk,1.5,2.25,wave\n', '5: the segment of '),
    ],
)
def test_a_segment_that_cannot_be_is_told_with_its_line(tmp_path, text, told):
    path = _write(tmp_path, text)
    assert _told_of_segments(path).startswith(f'{path}:{told}')


def test_all_that_is_wrong_with_a_recording_is_told(tmp_path):
    path = _write(tmp_path, 'recording,start,end,label\nrun,3,1,sit\nwalk,2,1,sit\n'
                            'walk,0,1,hop\nwalk,4,5,sit\nwalk,99,100,sit\n')
    read = labels.read(path)
    assert read.classes() == ('hop', 'sit')
    with pytest.raises(FormatError) as caught:
        labels.to_frames(read.segments['walk'], fps=30, frames=300, classes=['sit'])
    assert [line.split(': ')[0] for line in str(caught.value).splitlines()] == [
        f'{path}:{line}' for line in (3, 4, 6)
    ]


@pytest.mark.parametrize(
    ('text', 'told'),
    [
        ('{\n"database": 1}', ' no "database"'),
        ('[]', ' no "database"'),
        ('{"database":\n}', '2: no JSON'),
        ('{"database":\n{"a": 1}}', '2: a: expected an object'),
        ('{"database":\n{"a": {"annotations": {}}}}', '2: a: expected an object'),
        (
            '{"database": {"a": {"subset": "holiday"}}}',
            "1: split 'holiday', expected train, validation or",
        ),
        ('{"database":\n{"a": {},\n"b": {},\n"a": {}}}', "4: 'a' again, as in "),
        ('{"database":\n{"a": {},\n"a": {}}}', "3: 'a' again, as in "),
    ],
)
def test_a_mistake_in_json_is_told_with_the_line_of_the_recording(tmp_path, text, told):
    path = _write(tmp_path, text, 'labels.json')
    assert _told(labels.read, path).startswith(f'{path}:{told}')


@pytest.mark.parametrize(
    ('text', 'told'),
    [
        (
            '{"database": {\n\n"a": {"annotations": [{}]}}}',
            "3: a: annotation 0: from 'None'",
        ),
        (
            '{"database": {"a": {"annotations": [{"segment": [1, 2]}]}}}',
            '1: a: annotation 0: no label',
        ),
        (
            '{"database": {"a": {"annotations": [{"segment": [2, 1], "label": "x"}]}}}',
            '1: a: annotation 0: from 2',
        ),
        (
            '{"database": {"a": {"annotations": [{"segment": [{}, 1], "label": "x"}]}}}',
            '1: a: annotation 0: from',
        ),
    ],
)
def test_a_segment_in_json_that_cannot_be_is_told(tmp_path, text, told):
    path = _write(tmp_path, text, 'labels.json')
    assert _told_of_segments(path).startswith(f'{path}:{told}')


def test_seconds_go_to_the_nearest_frame():
    spans = [(0, 1, 'sit'), (1.016, 1.984, 'wave'), (2.0, 2.0, 'sit'), (9.9, 10.0, 'wave')]
    assert _frames(*spans) == [(0, 30, 0), (30, 60, 1), (60, 61, 0), (297, 300, 1)]
    assert _frames((0.05, 0.15, 'sit'), fps=10) == [(1, 2, 0)]  # halves go up


def test_one_frame_over_the_end_or_the_one_before_is_taken_for_rounding():
    assert _frames((9, 10.03, 'sit')) == [(270, 300, 0)]
    assert _frames((0, 1.03, 'sit'), (1, 2, 'wave')) == [(0, 31, 0), (31, 60, 1)]


@pytest.mark.parametrize(
    ('spans', 'told'),
    [
        (
            [(9, 10.07, 'sit')],
            'l.csv:2: 9 to 10.07 s, but the recording ends after 10.000 s (300 frames)',
        ),
        ([(10.03, 10.03, 'sit')], 'l.csv:2: 10.03 to 10.03 s, but the recording ends'),
        ([(0, 1, 'dance')], "l.csv:2: unknown class 'dance', known: sit, wave"),
    ],
)
def test_what_does_not_fit_the_recording_is_told(spans, told):
    assert _told(_frames, *spans).startswith(told)


@pytest.mark.parametrize(
    ('spans', 'kept', 'cut', 'told'),
    [
        (
            [(0, 1.1, 'sit'), (1, 2, 'wave')], [(0, 33, 0), (30, 60, 1)],
            [(0, 33, 0), (33, 60, 1)], 'l.csv:3: 1 to 2 s overlaps 0 to 1.1 s of l.csv:2',
        ),
        (
            [(0, 3, 'sit'), (2.98, 3, 'wave')], [(0, 90, 0), (89, 90, 1)], [(0, 90, 0)],
            'l.csv:3: 2.98 to 3 s overlaps',
        ),
    ],
)
def test_segments_that_overlap_are_kept_cut_or_told(spans, kept, cut, told):
    assert _frames(*spans) == kept and _frames(*spans, overlaps='cut') == cut
    assert _told(_frames, *spans, overlaps='refuse').startswith(told)


@given(
    st.lists(st.integers(1, 400), min_size=2, max_size=12, unique=True),
    st.sampled_from([12.5, 25, 29.97, 30, 59.94, 120]),
)
def test_frames_survive_seconds_of_three_digits(borders, fps):
    borders = sorted(borders)
    spans = list(zip(borders, borders[1:]))
    some = [Label(round(a / fps, 3), round(b / fps, 3), 'x', '') for a, b in spans]
    made = labels.to_frames(some, fps=fps, frames=borders[-1], classes=['x'])
    assert [(start, end) for start, end, _ in made] == spans


@given(st.text(alphabet='walk,12.;"\n\r\x00é', max_size=60))
def test_any_text_is_read_or_told(tmp_path_factory, text):
    path = tmp_path_factory.mktemp('labels') / 'labels.csv'
    path.write_bytes(('recording,start,end,label\n' + text).encode())
    try:
        read = labels.read(path)
    except FormatError as error:
        assert str(path) in str(error) and '\n' not in str(error)
    else:
        assert all(0 <= s.start <= s.end for some in read.segments.values() for s in some)
