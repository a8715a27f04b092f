"""Frames that show several classes: their sets are numbered, those of one class as it is."""

from hypothesis import given, strategies as st
import numpy as np

from skeljax.data import label_sets, records


def _recording(spans, frames=8) -> records.Recording:
    start, end, label = np.array(spans, np.int32).reshape(-1, 3).T
    joints = np.zeros((frames, 1, 25, 3), np.float32)
    flags = np.ones((frames, 1, 25), bool)
    return records.Recording('a', joints, flags[:, 0, 0], flags[..., 0], flags, 30.0, 'ntu25',
                             start, end, label)


def test_classes_alone_keep_their_numbers_and_sets_come_behind_background():
    one = _recording([(0, 3, 1), (2, 5, 0), (2, 4, 2)])
    other = _recording([(0, 8, 2), (1, 2, 0)])
    sets = label_sets.collect([one, other], 3)
    np.testing.assert_array_equal(sets.table[:4], np.eye(4, dtype=bool))
    shown = [tuple(np.flatnonzero(row)) for row in sets.table]
    assert sorted(shown[4:]) == [(0, 1, 2), (0, 2)] and len(shown) == 6
    all_three, pair = shown.index((0, 1, 2)), shown.index((0, 2))
    assert sets.label(one).tolist() == [1, 1, all_three, pair, 0, 3, 3, 3]
    assert sets.label(other).tolist() == [2, pair, 2, 2, 2, 2, 2, 2]
    assert sets.label(one).dtype == np.int32


def test_without_overlaps_labels_are_the_usual_ones():
    recording = _recording([(0, 3, 1), (4, 5, 0)])
    sets = label_sets.collect([recording], 2)
    assert len(sets.table) == 3 and sets.label(recording).tolist() == [1, 1, 1, 2, 0, 2, 2, 2]


SPAN = st.tuples(st.integers(0, 6), st.integers(1, 8), st.integers(0, 3)).map(
    lambda s: (min(s[0], s[1] - 1), s[1], s[2])
)


@given(st.lists(st.lists(SPAN, max_size=5), min_size=1, max_size=4))
def test_the_set_of_a_frame_holds_the_classes_that_it_shows(spans):
    recordings = [_recording(some) for some in spans]
    sets = label_sets.collect(recordings, 4)
    for recording, some in zip(recordings, spans, strict=True):
        for frame, number in enumerate(sets.label(recording)):
            shown = {label for start, end, label in some if start <= frame < end} or {4}
            assert set(np.flatnonzero(sets.table[number])) == shown
