"""Targets near label changes: by hand, and against loops over frames."""

import hypothesis
from hypothesis import strategies as st
import numpy as np

from skeljax.data import label_counts
from skeljax.train import frame_targets

LENGTH = 12


@st.composite
def sequences(draw):
    """Draws labels int32[1, LENGTH] of three classes and a mask bool[1, LENGTH]."""
    numbers = st.lists(st.integers(0, 2), min_size=LENGTH, max_size=LENGTH)
    flags = st.lists(st.sampled_from([True, True, True, False]), min_size=LENGTH, max_size=LENGTH)
    return np.array([draw(numbers)], np.int32), np.array([draw(flags)])


def _nearest(labels, mask, frame, step):
    """Walks from a frame to the first other label: frames walked to its border, and the label."""
    place = frame
    while 0 <= place + step < len(labels) and mask[place] and mask[place + step]:
        if labels[place + step] != labels[place]:
            return abs(place - frame) + 0.5, labels[place + step]
        place += step
    return np.inf, 0


def test_a_change_is_near_the_frames_on_either_side_of_it():
    labels = np.array([[0, 0, 0, 1, 1, 1]], np.int32)
    mask = np.ones((1, 6), bool)
    for radius, near in ((1, [2, 3]), (2, [1, 2, 3, 4]), (9, [0, 1, 2, 3, 4, 5])):
        found = frame_targets.near_changes(labels, mask, radius)
        assert np.flatnonzero(found[0]).tolist() == near


def test_no_change_is_found_across_a_gap_or_in_padding():
    labels = np.array([[0, 0, 1, 1, 1, 2, 0, 0]], np.int32)
    mask = np.array([[1, 1, 0, 1, 1, 1, 0, 0]], bool)
    found = frame_targets.near_changes(labels, mask, 8)
    # When 0 becomes 1 in the gap is not known; 1 becomes 2 after it; padding has another label.
    assert np.flatnonzero(found[0]).tolist() == [3, 4, 5]


def test_soft_targets_are_linear_across_a_change():
    labels, mask = np.array([[0, 0, 0, 1, 1, 1]], np.int32), np.ones((1, 6), bool)
    found = np.asarray(frame_targets.soft_targets(labels, mask, 3, 2)[0])
    np.testing.assert_allclose(found[:, 1], [0, 1 / 8, 3 / 8, 5 / 8, 7 / 8, 1])
    np.testing.assert_allclose(found[:, 0], 1 - found[:, 1])
    assert not found[:, 2].any()
    hard = frame_targets.soft_targets(labels, mask, 3, 0)
    np.testing.assert_array_equal(hard, np.eye(3)[labels])


def test_the_nearest_of_two_changes_softens_and_of_equal_ones_the_earlier():
    labels, mask = np.array([[0, 1, 1, 1, 2]], np.int32), np.ones((1, 5), bool)
    found = frame_targets.soft_targets(labels, mask, 3, 4)[0]
    near, far = 1 / 2 - 0.5 / 8, 1 / 2 - 1.5 / 8
    expected = [
        [1 - near, near, 0], [near, 1 - near, 0], [far, 1 - far, 0], [0, 1 - near, near],
        [0, near, 1 - near],
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@hypothesis.given(sequences(), st.integers(1, 5))
def test_targets_are_those_of_a_walk_over_frames(given, width):
    labels, mask = given
    soft = np.asarray(frame_targets.soft_targets(labels, mask, 3, width)[0])
    near = np.asarray(frame_targets.near_changes(labels, mask, width)[0])
    for frame in np.flatnonzero(mask[0]):
        before = _nearest(labels[0], mask[0], frame, -1)
        after = _nearest(labels[0], mask[0], frame, 1)
        distance, other = min(before, after, key=lambda found: found[0])
        assert near[frame] == (distance < width)
        expected = np.zeros(3)
        share = max(0, 1 / 2 - distance / (2 * width))
        expected[labels[0, frame]] += 1 - share
        expected[other] += share
        np.testing.assert_allclose(soft[frame], expected, atol=1e-6)


@hypothesis.given(sequences(), st.integers(1, 5))
def test_recordings_are_counted_by_the_same_rule(given, radius):
    labels, mask = given
    expected = frame_targets.near_changes(labels, mask, radius)[0]
    found = label_counts.near_changes(labels[0], mask[0], radius)
    np.testing.assert_array_equal(found[mask[0]], np.asarray(expected)[mask[0]])
    assert not found[~mask[0]].any()
