"""Files of segments: hand-written ones of every kind, exact round trips, all that can be wrong."""

import gzip
import json

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.formats import pku
from skeljax.localize import Segments, exchange
from skeljax.localize.exchange import SegmentSet

TRUTH = {
    'database': {
        'a': {
            'subset': 'validation',
            'duration': 10.0,
            'annotations': [
                {'label': 'walk', 'segment': [1.0, 2.5]},
                {'label': 'jump', 'segment': [4.0, 10.02]},
            ],
        },
        'b': {'subset': 'validation', 'duration': 5.0, 'annotations': []},
        'c': {'subset': 'training', 'annotations': [{'label': 'sit', 'segment': [0, 1]}]},
    }
}


def rows(segments):
    columns = (segments.start, segments.end, segments.label, segments.score)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def saved(folder, content, name='p.json'):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def results(*segments, name='a'):
    keys = ('label', 'score', 'segment')
    return {'results': {name: [dict(zip(keys, one, strict=True)) for one in segments]}}


@pytest.fixture
def truth(tmp_path):
    return exchange.read(saved(tmp_path, TRUTH, 'truth.json'), fps=30, subset='val')


def test_a_truth_of_activitynet(tmp_path, truth):
    assert truth.classes == ('jump', 'walk') and not truth.closed
    assert truth.fps == 30 and truth.frames == {'a': 300, 'b': 150}
    # 10.02 s are frame 300.6, nearest 301: one late, cut at the end.
    assert rows(truth.segments['a']) == [(30, 75, 1, 1.0), (120, 300, 0, 1.0)]
    assert len(truth.segments['b']) == 0 and len(truth) == 2
    assert truth.elsewhere == {'c'} and truth.subsets == {'a': 'validation', 'b': 'validation'}
    every = exchange.read(tmp_path / 'truth.json', fps=30)
    assert every.classes == ('jump', 'sit', 'walk') and list(every.segments) == ['a', 'b', 'c']
    assert 'c' not in every.frames


def test_predictions_of_activitynet_are_read_against_the_truth(tmp_path, truth):
    path = saved(tmp_path, results(['walk', 0.25, [0.98, 2.515]], ['jump', 0.5, [0.001, 0.002]]))
    found = exchange.read(path, truth=truth)
    # 29.4 and 75.45 frames; the second is shorter than a frame and gets one.
    assert rows(found.segments['a']) == [(29, 75, 1, 0.25), (0, 1, 0, 0.5)]
    assert found.classes == ('jump', 'walk') and found.fps == 30 and found.notes == ()
    assert 'b' not in found.segments


def test_a_file_of_a_result_is_recognised_though_packed(tmp_path, truth):
    path = tmp_path / 'p.json.gz'
    path.write_bytes(gzip.compress(json.dumps(results(['walk', 1, [0, 1]])).encode()))
    assert rows(exchange.read(path, truth=truth).segments['a']) == [(0, 30, 1, 1.0)]
    path = tmp_path / 'a.txt.gz'
    path.write_bytes(gzip.compress(b'walk,5,9,1'))
    assert rows(exchange.read(path, truth=truth).segments['a']) == [(5, 9, 1, 1.0)]


def test_results_of_pku_mmd(tmp_path):
    saved(tmp_path, '8,10,40,0.75\n\n 51 , 50.0 , 90 , 1e-3\n', 'r/0002-L.txt')
    saved(tmp_path, '', 'r/0003-L.txt')
    found = exchange.read(tmp_path / 'r')
    assert rows(found.segments['0002-L']) == [(10, 40, 7, 0.75), (50, 90, 50, 0.001)]
    assert found.classes == pku.CLASSES and found.closed and found.fps is None
    assert len(found.segments['0003-L']) == 0
    # Counted from 1, both ends in: one frame more.
    one = exchange.read(tmp_path / 'r' / '0002-L.txt', frame_base=1)
    assert list(one.segments) == ['0002-L'] and rows(one.segments['0002-L'])[0] == (9, 40, 7, 0.75)


def test_numbers_of_pku_mmd_count_from_1_into_another_list(tmp_path):
    path = saved(tmp_path, '1,0,9,1\njump,9,12,1', 'x.txt')
    found = exchange.read(path, classes=('walk', 'jump'))
    assert found.segments['x'].label.tolist() == [0, 1]


def test_tables_tell_seconds_and_frames_by_their_columns(tmp_path):
    text = 'video;action;start;end;confidence\na;walk;1;2.5;0.5\nb;;;;\n'
    found = exchange.read(saved(tmp_path, text, 's.csv'), fps=10)
    assert rows(found.segments['a']) == [(10, 25, 0, 0.5)] and len(found.segments['b']) == 0
    text = 'recording,label,start,end,start_frame,end_frame\na,walk,1,2,11,26\n'
    found = exchange.read(saved(tmp_path, text, 'f.csv'))
    assert rows(found.segments['a']) == [(11, 26, 0, 1.0)] and found.fps is None


def test_what_predict_writes(tmp_path):
    item = {'label': 'walk', 'start_seconds': 1.0, 'end_seconds': 2.0, 'score': 0.5}
    frames = {'start_frame': 31, 'end_frame': 60}
    one = {'recording': 'a', 'fps': 30.0, 'frames': 300, 'segments': [item | frames]}
    path = saved(tmp_path, one, 'p/a.json')
    found = exchange.read(path)
    assert rows(found.segments['a']) == [(31, 60, 0, 0.5)]
    assert found.fps == 30 and found.frames == {'a': 300}
    # Frames of another rate go through seconds: 31 / 30 x 10 = 10.3.
    assert rows(exchange.read(path, fps=10).segments['a']) == [(10, 20, 0, 0.5)]
    saved(tmp_path, {'recording': 'b', 'fps': 60.0, 'segments': [item]}, 'p/b.json')
    with pytest.raises(InputError, match='at 30, 60 frames per second; give one fps'):
        exchange.read(tmp_path / 'p')
    both = exchange.read(tmp_path / 'p', fps=60)
    assert rows(both.segments['a']) == [(62, 120, 0, 0.5)]
    assert rows(both.segments['b']) == [(60, 120, 0, 0.5)] and both.frames == {'a': 600}


def test_numbers_are_classes_where_nobody_names_them(tmp_path):
    text = 'recording,label,start_frame,end_frame\na,10,0,5\na,9,5,9\n'
    truth = exchange.read(saved(tmp_path, text, 't.csv'))
    assert truth.classes == ('9', '10') and truth.segments['a'].label.tolist() == [1, 0]
    found = exchange.read(saved(tmp_path, text.replace('9,5', '11,5'), 'p.csv'), truth=truth)
    assert found.classes == ('9', '10', '11') and found.segments['a'].label.tolist() == [1, 2]
    assert found.notes == ('1 predicted classes are not in the truth: 11',)


LIST = ('jump', 'sit', 'walk')


def _numbers(*labels) -> str:
    rows = [f'a,{label},{10 * n},{10 * n + 5},1' for n, label in enumerate(labels)]
    return '\n'.join(['recording,label,start_frame,end_frame,score', *rows, ''])


@pytest.mark.parametrize(
    ('labels', 'base', 'expected', 'note'),
    [
        ((0, 2), None, [0, 2], 'labels are numbers from 0: 0 is jump, 2 is walk'),
        ((1, 3), None, [0, 2], 'labels are numbers from 1: 1 is jump, 3 is walk'),
        ((1, 2), 0, [1, 2], 'labels are numbers from 0: 0 is jump, 2 is walk'),
        ((1, 2), 1, [0, 1], 'labels are numbers from 1: 1 is jump, 3 is walk'),
        (('walk', 0), None, [2, 0], 'labels are numbers from 0: 0 is jump, 2 is walk'),
    ],
)
def test_numbers_count_into_a_list_of_classes_and_that_is_noted(
    tmp_path, labels, base, expected, note
):
    path = saved(tmp_path, _numbers(*labels), 'p.csv')
    found = exchange.read(path, classes=LIST, label_base=base)
    assert found.segments['a'].label.tolist() == expected and note in found.notes


@pytest.mark.parametrize(
    ('true', 'predicted', 'options', 'told'),
    [
        (('jump', 'walk'), (0, 1), {}, "'0', expected one of jump, walk; numbers need a list"),
        (('jump', 'walk'), (1, 2), {}, "'1', expected one of jump, walk; numbers need a list"),
        ((0, 1), ('jump', 'walk'), {}, r'the truth numbers its classes \(0, 1\), the predictions'),
        ((1, 2, 3), (0, 1, 2), {}, 'numbers from 0 to 2, those of the truth from 1 to 3'),
        ((0, 1, 2), (1, 2, 3), {}, 'numbers from 1 to 3, those of the truth from 0 to 2'),
        (LIST, (1, 2), {'classes': LIST}, 'do they count from 0 or from 1'),
        (LIST, (0, 3), {'classes': LIST}, "label '3', expected 0 to 2 or one of jump, sit, walk"),
        (LIST, (1, 4), {'classes': LIST, 'label_base': 1}, "label '4', expected 1 to 3 or one of"),
    ],
)
def test_numbers_that_nothing_orders_are_refused(tmp_path, true, predicted, options, told):
    base = {'label_base': options.pop('label_base', None)}
    truth = exchange.read(saved(tmp_path, _numbers(*true), 't.csv'), **options)
    with pytest.raises(InputError, match=told) as error:
        exchange.read(saved(tmp_path, _numbers(*predicted), 'p.csv'), truth=truth, **base)
    assert 'p.csv' in str(error.value) and '\n' not in str(error.value)


def test_classes_of_the_predictions_own_list_order_its_numbers(tmp_path, truth):
    document = results(['0', 1, [0, 1]], ['1', 1, [2, 3]]) | {'classes': ['walk', 'jump']}
    found = exchange.read(saved(tmp_path, document), truth=truth)
    assert found.classes == ('jump', 'walk') and found.segments['a'].label.tolist() == [1, 0]


def test_a_name_goes_before_a_number(tmp_path):
    text = 'recording,label,start_frame,end_frame\na,1,0,5\na,0,5,9\n'
    found = exchange.read(saved(tmp_path, text, 'p.csv'), classes=('1', 'zero'))
    assert found.segments['a'].label.tolist() == [0, 0]


def test_a_class_that_an_open_list_lacks_is_added_and_told(tmp_path, truth):
    found = exchange.read(saved(tmp_path, results(['swim', 1, [0, 1]])), truth=truth)
    assert found.classes == ('jump', 'walk', 'swim') and found.segments['a'].label.tolist() == [2]
    assert found.notes == ('1 predicted classes are not in the truth: swim',)


def test_a_prediction_that_leaves_its_recording_is_cut_and_told(tmp_path, truth):
    times = [[-2, 1], [9, 99], [9, 10]]
    path = saved(tmp_path, results(*(['walk', 1, segment] for segment in times)))
    found = exchange.read(path, truth=truth)
    assert rows(found.segments['a']) == [(0, 30, 1, 1), (270, 300, 1, 1), (270, 300, 1, 1)]
    assert found.notes == (
        f'cut 2 segments at ends of recordings (first: {path}: a: segment 0: -2 to 1 s '
        'in a recording of 300 frames)',
    )


def test_predictions_of_another_subset_are_left_out_and_told(tmp_path, truth):
    found = exchange.read(saved(tmp_path, results(['walk', 1, [0, 1]], name='c')), truth=truth)
    assert len(found) == 0
    assert found.notes == ('left out 1 segments of recordings of other subsets',)


def test_no_predictions_are_no_error(tmp_path, truth):
    for name, content in {
        'p.json': {'results': {}},
        'p.csv': 'recording,label,start,end,score\n',
        'r/a.txt': '',
    }.items():
        path = saved(tmp_path, content, name)
        found = exchange.read(path.parent if name == 'r/a.txt' else path, truth=truth)
        assert len(found) == 0 and found.classes == truth.classes


def test_skipping_leaves_bad_rows_out_and_counts_them(tmp_path, truth):
    good = ['walk', 0.5, [1, 2]]
    bad = [['walk', 1, [3, 3]], ['walk', float('nan'), [1, 2]]]
    bad += [['walk', 1, [20, 30]], ['9', 1, [1, 2]]]
    path = saved(tmp_path, results(*bad, good, bad[0]))
    found = exchange.read(path, truth=truth, skip=True)
    assert rows(found.segments['a']) == [(30, 60, 1, 0.5)]
    kinds = [note.split(' (')[0] for note in found.notes]
    assert sorted(kinds) == [
        'left out 1 segments: labels outside the class list',
        'left out 1 segments: scores that are no numbers',
        'left out 1 segments: segments outside their recording',
        'left out 2 segments: ends at or before the start',
    ]
    unknown = saved(tmp_path, results(good, name='zzz'))
    assert 'recordings that the truth does not have' in exchange.read(
        unknown, truth=truth, skip=True
    ).notes[0]


ROW = 'recording,label,start,end,score\n'


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('p.json', results(['walk', 1, [2, 1]]), 'a: segment 0: 2 to 1 s, expected the start'),
        ('p.json', results(['walk', 1, [1, 1]]), 'a: segment 0: 1 to 1 s, expected the start'),
        ('p.json', results(['walk', float('nan'), [0, 1]]), 'a: segment 0: score is nan'),
        ('p.json', results(['walk', float('inf'), [0, 1]]), 'a: segment 0: score is inf'),
        ('p.json', results(['walk', 'high', [0, 1]]), "a: segment 0: score is 'high'"),
        ('p.json', results(['walk', True, [0, 1]]), "a: segment 0: score is 'True'"),
        ('p.json', results(['walk', None, [0, 1]]), 'a: segment 0: score is missing'),
        ('p.json', results(['walk', 1, [0, None]]), r'a: segment 0: segment\[1\] is missing'),
        ('p.json', results(['walk', 1, [0]]), r'segment is \[0\], expected \[start, end\]'),
        ('p.json', results(['walk', 1, 'all']), "segment is 'all', expected a list"),
        ('p.json', results(['walk', 1, [0, float('nan')]]), '0 to nan s, expected numbers'),
        ('p.json', results(['walk', 1, [0, 1e300]]), r'0 to 1e\+300 s, expected numbers'),
        ('p.json', results(['', 1, [0, 1]]), 'segment 0: label is missing'),
        ('p.json', results(['7', 1, [0, 1]]), "'7', expected one of jump, walk; numbers need"),
        ('p.json', results(['walk', 1, [0, 1]], name='zzz'), "'zzz' is not among the 2 true ones"),
        ('p.json', results(['walk', 1, [10, 11]]), '10 to 11 s in a recording of 300 frames'),
        ('p.json', results(['walk', 1, [-2, 0]]), '-2 to 0 s in a recording'),
        ('p.json', {'results': {'a': {}}}, 'a: .*expected a list of segments'),
        ('p.json', {'results': []}, r"results is '\[\]', expected an object"),
        ('p.json', {'results': {}, 'fps': 0}, 'fps is 0, expected a number above 0'),
        ('p.json', {'else': 1}, 'expected one of results, database, segments in it'),
        ('p.json', '[]', 'list, expected an object'),
        ('p.json', '{"results": {"a": [], "a": []}}', "'a' stands twice"),
        ('p.json', '{"results": \n{', 'p.json:2: no JSON'),
        ('p.json', {'segments': [3], 'fps': 30}, "p: segment 0: '3', expected an object"),
        ('p.json', {'segments': []}, 'fps is missing'),
        ('p.csv', '', 'empty'),
        ('p.csv', 'recording,label,begin\n', 'p.csv:1: columns recording, label, begin'),
        ('p.csv', ROW + 'a,walk,0,1,0.5\na,walk,x,1,0.5\n', "p.csv:3: start is 'x'"),
        ('p.csv', ROW + 'a,walk,0,1,\n', 'p.csv:2: score is missing'),
        ('p.csv', ROW + 'a,walk,0,1_0,1\n', "p.csv:2: end is '1_0'"),
        ('p.csv', ROW + 'a,,0,1,1\n', 'p.csv:2: label is missing'),
        ('p.csv', ROW + ',walk,0,1,1\n', 'p.csv:2: recording is missing'),
        ('p.csv', ROW + 'a,walk,0,1\n', 'p.csv:2: 4 columns'),
        ('p.csv', ROW + 'a,walk,0,1,nan\n', 'p.csv:2: score is nan'),
        ('a.txt', '1,0,5\n', "a.txt:1: '1,0,5', expected label,start,end,confidence"),
        ('a.txt', '3,0,5,1\n', "a.txt:1: label '3', expected one of jump, walk; numbers need"),
        ('a.txt', '1,0,five,1\n', "a.txt:1: end is 'five'"),
        ('p.xml', '', 'expected a .json, .csv, .tsv or .txt file'),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path, truth, name, content, message):
    path = saved(tmp_path, content, name)
    with pytest.raises(InputError, match=message) as error:
        exchange.read(path, truth=truth)
    assert str(path) in str(error.value) and '\n' not in str(error.value)


def test_what_is_wrong_in_a_truth(tmp_path):
    def told(annotation, **entry):
        return {'database': {'a': {'annotations': [annotation], **entry}}}

    segment = {'label': 'walk', 'segment': [8, 9]}
    for document, message in [
        (told({'segment': [0, 1]}), 'a: annotation 0: label is missing'),
        (told(segment, duration=5), 'annotation 0: 8 to 9 s in a recording of 150 frames'),
        (told(segment, duration=8.5), '8 to 9 s'),
        (told(segment | {'segment': [-1, 1]}, duration=9), '-1 to 1 s'),
        (told(segment, annotations=3), "annotations is '3', expected a list"),
        (told(segment, duration='long'), "duration is 'long'"),
        ({'database': {'a': 3}}, "a: '3', expected an object"),
    ]:
        with pytest.raises(InputError, match=message):
            exchange.read(saved(tmp_path, document), fps=30)
    with pytest.raises(InputError, match="no recording of subset 'test'; subsets are train, val"):
        exchange.read(saved(tmp_path, TRUTH), fps=30, subset='test')
    with pytest.raises(InputError, match='times are seconds; give the frames per second'):
        exchange.read(saved(tmp_path, TRUTH))
    with pytest.raises(InputError, match='a class stands twice'):
        exchange.read(saved(tmp_path, TRUTH), fps=30, classes=('walk', 'walk'))
    with pytest.raises(InputError, match='fps: expected a positive number, found nan'):
        exchange.read(saved(tmp_path, TRUTH), fps=float('nan'))


def test_folders_and_missing_files(tmp_path):
    with pytest.raises(InputError, match='no such file or folder'):
        exchange.read(tmp_path / 'none.csv')
    with pytest.raises(InputError, match='a folder with neither'):
        exchange.read(tmp_path)
    saved(tmp_path, '', 'a.txt')
    saved(tmp_path, {}, 'a.json')
    with pytest.raises(InputError, match='a folder with both'):
        exchange.read(tmp_path)


NAMES = st.sampled_from(['a', 'b/c', 'ü 1', 'x.y'])
SEGMENT = st.tuples(
    st.integers(0, 200000), st.integers(1, 5000), st.integers(0, 2),
    st.floats(-1e6, 1e6) | st.floats(0, 1),
)


@pytest.mark.parametrize('kind', exchange.KINDS)
@settings(max_examples=25, deadline=None)
@given(
    sets=st.dictionaries(NAMES, st.lists(SEGMENT, max_size=4), min_size=1),
    fps=st.sampled_from([10.0, 23.976, 29.97, 30.0, 120.0, 1000.0]),
)
def test_what_is_written_is_read_as_it_was(tmp_path_factory, kind, sets, fps):
    written = {}
    for name, listed in sets.items():
        start, length, label, score = np.array(listed).reshape(-1, 4).T
        written[name] = Segments(start, start + length, label, score)
    path = tmp_path_factory.mktemp('x') / ('p.csv' if 'csv' in kind else 'p.json')
    path = path.with_suffix('') if kind in ('pku', 'predict') else path
    classes = ('walk, fast', 'jump', '2')
    frames = dict.fromkeys(written, 300000) if kind != 'csv' else {}
    exchange.write(path, SegmentSet(written, classes, fps, frames), kind=kind)
    found = exchange.read(path, fps=fps, classes=classes)
    assert found.segments.keys() == written.keys()
    for name, segments in written.items():
        expected = rows(segments)
        if kind == 'activitynet_truth':  # a truth has no scores
            expected = [(*row[:3], 1.0) for row in expected]
        if kind == 'predict':  # by time
            assert sorted(rows(found.segments[name])) == sorted(expected)
        else:
            assert rows(found.segments[name]) == expected
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    if kind in ('activitynet', 'activitynet_truth'):  # these tell rate and classes themselves
        alone = exchange.read(path)
        assert alone.classes == classes and alone.fps == fps
        assert alone.frames == (frames if kind == 'activitynet_truth' else {})


def test_what_cannot_be_written(tmp_path):
    segments = SegmentSet({'a': Segments([0], [1], [0])}, ('walk',))
    with pytest.raises(InputError, match='give the frames per second'):
        exchange.write(tmp_path / 'p.json', segments)
    with pytest.raises(InputError, match="kind None, expected one of activitynet"):
        exchange.write(tmp_path / 'p.xml', segments)
    exchange.write(tmp_path / 'p', segments)
    with pytest.raises(InputError, match='is a folder that is not empty'):
        exchange.write(tmp_path / 'p', segments)
    with pytest.raises(InputError, match='cannot be a file of'):
        exchange.write(tmp_path / 'q', SegmentSet({'../a': Segments([0], [1], [0])}, ('walk',)))
    assert sorted(p.name for p in tmp_path.iterdir()) == ['p']
