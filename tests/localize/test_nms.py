"""Suppression: hand-computed cases, and equality with the plain greedy loop."""

from hypothesis import given, strategies as st
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.localize import Segments, suppress


def kept(segments, overlap, **options):
    return sorted(suppress(segments, overlap, **options).tolist())


def test_the_fraction_is_of_the_removed_segment_own_length():
    # 2 of the 4 frames of the second lie in the first: 0.5 (their IoU would be 2 / 12).
    segments = Segments([0, 8], [10, 12], [0, 0], [0.9, 0.8])
    assert kept(segments, 0.49) == [0]
    assert kept(segments, 0.5) == [0, 1]
    # The other way round the first one is the candidate: 2 of 10 frames.
    swapped = Segments([0, 8], [10, 12], [0, 0], [0.8, 0.9])
    assert kept(swapped, 0.2) == [0, 1]
    assert kept(swapped, 0.19) == [1]


def test_classes_do_not_suppress_each_other():
    assert kept(Segments([0, 0], [10, 10], [0, 1], [0.9, 0.8]), 0.0) == [0, 1]


def test_a_suppressed_segment_suppresses_nothing():
    # b beats c, but a removes b first.
    chain = Segments([0, 6, 12], [10, 16, 20], [0, 0, 0], [0.9, 0.8, 0.7])
    assert kept(chain, 0.3) == [0, 2]


def test_lengthening_counts_frames_like_the_release():
    # As runs they touch without sharing a frame. Two frames longer they are [0, 4) and
    # [2, 5): 2 of the 3 frames of the second are shared.
    touching = Segments([0, 2], [2, 3], [0, 0], [0.9, 0.8])
    assert kept(touching, 0.2) == [0, 1]
    assert kept(touching, 0.66, lengthen=2) == [0]
    assert kept(touching, 0.67, lengthen=2) == [0, 1]


def test_equal_scores_prefer_the_earlier_start_then_the_earlier_end():
    segments = Segments([4, 0, 0], [9, 6, 5], [0, 0, 0], [0.5, 0.5, 0.5])
    assert kept(segments, 0.1) == [2]


def test_the_fraction_of_the_union():
    # 2 frames are shared, of 12 together.
    segments = Segments([0, 8], [10, 12], [0, 0], [0.9, 0.8])
    assert kept(segments, 2 / 12, iou=True) == [0, 1]
    assert kept(segments, 0.16, iou=True) == [0]
    # 8 of 10 frames.
    nested = Segments([0, 1], [10, 9], [0, 0], [0.8, 0.9])
    assert kept(nested, 0.8, iou=True) == [0, 1]
    assert kept(nested, 0.79, iou=True) == [1]


def greedy(segments, overlap, lengthen, iou=False):
    """The definition, written as the plain loop."""
    start, end = segments.start, segments.end + lengthen

    def share(one, best):
        shared = max(min(end[one], end[best]) - max(start[one], start[best]), 0)
        return shared / (end[one] - start[one] + iou * (end[best] - start[best] - shared))

    left = sorted(range(len(start)), key=lambda i: (-segments.score[i], start[i], end[i], i))
    keep = []
    while left:
        best, *rest = left
        keep.append(best)
        left = [
            i for i in rest
            if segments.label[i] != segments.label[best] or share(i, best) <= overlap
        ]
    return sorted(keep)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 30), st.integers(1, 15), st.integers(0, 2), st.integers(0, 4)
        ),
        max_size=25,
        unique_by=lambda row: row[:3],
    ),
    st.sampled_from([0.0, 0.2, 0.5, 0.75, 1.0]),
    st.sampled_from([0, 2]),
    st.booleans(),
)
def test_equals_the_plain_greedy_loop(rows, overlap, lengthen, iou):
    start, length, label, score = np.array(rows, np.int64).reshape(-1, 4).T
    segments = Segments(start, start + length, label, score / 4)
    found = kept(segments, overlap, lengthen=lengthen, iou=iou)
    assert found == greedy(segments, overlap, lengthen, iou)


def test_an_empty_segment_is_refused():
    with pytest.raises(InputError, match='ends at or before'):
        suppress(Segments([3], [3], [0]), 0.2)
