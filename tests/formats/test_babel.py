"""BABEL's annotations: spans to frames by hand, as published, damage told in one line."""

import collections
import json

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax.errors import FormatError
from skeljax.formats import babel
from skeljax.formats.babel import Sequence, Span

CLASSES = babel.SUBSETS['subset1']
WALK, STAND, TURN, JUMP, NONE = range(5)


def _label(start, end, *categories) -> dict:
    return {
        'raw_label': 'x', 'proc_label': 'x', 'seg_id': 'id', 'start_t': start, 'end_t': end,
        'act_cat': list(categories) or None,
    }


def _entry(**changes) -> dict:
    entry = {
        'babel_sid': 7,
        'url': 'https://example.org/000007.mp4',
        'feat_p': 'KIT/KIT/4/walk_poses.npz',
        'dur': 2.5,
        'seq_ann': {'labels': [{'act_cat': ['walk']}], 'anntr_id': 'a', 'babel_lid': 'b'},
        'frame_ann': {'labels': [_label(0, 1, 'walk')], 'anntr_id': 'a', 'babel_lid': 'b'},
    }
    return entry | changes


def _write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def _told(path) -> str:
    with pytest.raises(FormatError) as caught:
        babel.sequences(path)
    assert '\n' not in str(caught.value)
    return str(caught.value)


def test_a_sequence_holds_what_its_entry_says(tmp_path):
    labels = [_label(0, 1.5, 'walk', 'turn'), _label(1, 2), {**_label(1.0, 2), 'act_cat': []}]
    content = {'7': _entry(frame_ann={'labels': labels}), '12': _entry(frame_ann=None)}
    first, second = babel.sequences(_write(tmp_path / 'train.json', content))
    spans = (Span(0.0, 1.5, ('walk', 'turn')), Span(1.0, 2.0, ()))
    assert first == Sequence('7', 'KIT/4/walk_poses.npz', 2.5, spans)
    assert (second.sid, second.spans, second.frames) == ('12', None, 75)


def test_an_extra_file_has_motions_and_durations(tmp_path):
    entry = _entry(frame_anns=[{'labels': []}, None], seq_anns=None)
    del entry['frame_ann'], entry['seq_ann']
    (sequence,) = babel.sequences(_write(tmp_path / 'extra_train.json', {'3': entry}))
    assert sequence == Sequence('3', 'KIT/4/walk_poses.npz', 2.5, None)


def _paint(*spans, duration=0.4, **how) -> tuple[list[int], list[bool]]:
    """Paints spans given in frames: (start, end, categories ...)."""
    made = tuple(Span(start / 30, end / 30, tuple(names)) for start, end, *names in spans)
    labels, covered = babel.paint(Sequence('1', 'a/b/c.npz', duration, made), CLASSES, **how)
    return labels.tolist(), covered.tolist()


def test_spans_are_half_open_and_other_categories_are_none():
    labels, covered = _paint((1, 3, 'walk'), (5, 7, 'eat'), (7, 9))
    assert labels == [NONE, WALK, WALK] + [NONE] * 9
    assert covered == [False, True, True, False, False, True, True, True, True] + [False] * 3


def test_a_frame_belongs_to_the_span_that_holds_its_time():
    sequence = Sequence('1', 'a/b/c.npz', 0.2, (Span(0.05, 0.101, ('jump',)),))
    # Frames at 0, 0.033, 0.067, 0.1, 0.133, 0.167 s.
    assert babel.paint(sequence, CLASSES)[0].tolist() == [NONE, NONE, JUMP, JUMP, NONE, NONE]


def test_the_shortest_span_shows_and_faithfully_the_first():
    spans = (0, 12, 'walk'), (3, 5, 'turn'), (4, 8, 'stand')
    own, _ = _paint(*spans)
    assert own == [WALK] * 3 + [TURN] * 2 + [STAND] * 3 + [WALK] * 4
    assert _paint(*spans, faithful=True)[0] == [WALK] * 12
    turned, _ = _paint(*spans[::-1], faithful=True)
    assert turned == [WALK] * 3 + [TURN] + [STAND] * 4 + [WALK] * 4


@pytest.mark.parametrize('faithful', [True, False])
def test_of_equals_the_first_shows(faithful):
    spans = (0, 2, 'eat', 'turn', 'walk'), (0, 2, 'walk')
    assert _paint(*spans, duration=0.1, faithful=faithful)[0] == [TURN, TURN, NONE]


def test_a_span_beyond_the_end_or_backwards_does_no_harm():
    labels, covered = _paint((10, 99, 'walk'), (6, 2, 'jump'), (50, 60, 'turn'), (-5, 1, 'stand'))
    assert labels == [STAND] + [NONE] * 9 + [WALK] * 2
    assert covered == [True] + [False] * 9 + [True] * 2


def _frame_sets(duration, spans) -> dict[int, list[str]]:
    """Lists the categories of every frame as the published script does, one by one."""
    frames = collections.defaultdict(list)
    for n in range(int(30.0 * duration)):
        for span in spans:
            if span.start <= n / 30.0 < span.end:
                frames[n] += span.categories
    return frames


TIMES = st.floats(-0.5, 3) | st.integers(0, 60).map(lambda n: n / 30)
SPANS = st.builds(
    Span, TIMES, TIMES, st.lists(st.sampled_from([*CLASSES, 'eat']), max_size=3).map(tuple)
)


@settings(max_examples=200, deadline=None)
@given(st.floats(0.01, 2), st.lists(SPANS, max_size=5).map(tuple), st.booleans())
def test_frames_carry_what_the_published_loop_finds(duration, spans, faithful):
    labels, covered = babel.paint(
        Sequence('1', 'a/b/c.npz', duration, spans), CLASSES, faithful=faithful
    )
    expected = _frame_sets(duration, spans)
    assert np.flatnonzero(covered).tolist() == sorted(expected)
    assert len(labels) == len(covered) == int(30.0 * duration)
    for frame, label in enumerate(labels):
        known = [name for name in expected.get(frame, []) if name in CLASSES]
        if not known:
            assert label == NONE
        elif faithful:
            assert CLASSES[label] == known[0]
        else:
            assert CLASSES[label] in known


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        ({'feat_p': None}, 'feat_p is a NoneType'),
        ({'feat_p': 'KIT/4/walk_poses.npz'}, "feat_p is 'KIT/4/walk_poses.npz', expected A/"),
        ({'feat_p': 'A/../../walk_poses.npz'}, "feat_p is 'A/../../walk_poses.npz'"),
        ({'feat_p': '/A/B/walk_poses.npz'}, 'expected A/DATASET/PERSON/NAME.npz'),
        ({'feat_p': 'A/A/B/walk\nrun_poses.npz'}, r"feat_p is 'A/A/B/walk\nrun_poses.npz'"),
        ({'dur': 0}, 'dur is 0.0, expected seconds above 0'),
        ({'dur': '5'}, 'dur is a str'),
        ({'dur': True}, 'dur is True, expected a number of seconds'),
        ({'dur': float('nan')}, 'dur is nan, expected a number of seconds'),
        ({'dur': 1e9}, 'dur is 1000000000.0'),
        ({'dur': 10**400}, 'dur is 1000'),
        ({'frame_ann': []}, "a list, expected an object with 'labels'"),
        ({'frame_ann': {}}, "no 'labels'"),
        ({'frame_ann': {'labels': {}}}, 'labels is a dict'),
        ({'frame_ann': {'labels': [1]}}, "label 0: a int, expected an object with 'act_cat'"),
        ({'frame_ann': {'labels': [{}]}}, "label 0: no 'act_cat'"),
        ({'frame_ann': {'labels': [{'act_cat': 'walk'}]}}, 'label 0: act_cat is a str'),
        ({'frame_ann': {'labels': [_label(0, 1, 5)]}}, 'label 0: act_cat holds something else'),
        ({'frame_ann': {'labels': [_label(None, 1, 'walk')]}}, 'label 0: start_t is a NoneType'),
        ({'frame_ann': {'labels': [_label(0, 'x', 'walk')]}}, 'label 0: end_t is a str'),
        ({'frame_ann': {'labels': [_label(2, 1.5, 'walk')]}}, 'label 0: from 2 to 1.5 s, expected'),
    ],
)
def test_a_malformed_entry_is_named(tmp_path, changes, expected):
    path = _write(tmp_path / 'val.json', {'6': _entry(), '7': _entry(**changes)})
    told = _told(path)
    assert told.startswith(f"{path}: sequence '7': ") and expected in told


def test_a_file_that_is_no_such_json_is_named(tmp_path):
    path = _write(tmp_path / 'val.json', '{"7":\n {"dur" 5}}')
    assert _told(path).startswith(f'{path}:2: ')
    assert _told(_write(path, [])) == f'{path}: a list, expected sequences by number'
    assert _told(_write(path, {'x': _entry()})) == f"{path}: sequence 'x': expected a number"
    assert "sequence '7': a list" in _told(_write(path, {'7': []}))
    assert 'cannot be read' in _told(_write(path, '[' * 100_000))
    path.write_bytes(b'\xff\xfe')
    assert _told(path).startswith(f'{path}: cannot be read: ')
    assert 'No such file' in _told(tmp_path / 'none.json')


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path_factory, data):
    whole = bytearray(json.dumps({'7': _entry(), '8': _entry(frame_ann=None)}).encode())
    for _ in range(data.draw(st.integers(0, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / 'damaged.json'
    path.write_bytes(whole[: data.draw(st.just(len(whole)) | st.integers(0, len(whole)))])
    try:
        found = babel.sequences(path)
    except FormatError as error:
        assert str(error).startswith(f'{path}:') and '\n' not in str(error)
    else:
        assert all(0 < sequence.duration <= 86400 for sequence in found)
