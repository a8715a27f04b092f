"""Decoders beside thresholds: watershed grouping, Soft-NMS, Gaussian smoothing, refinement."""

import math
import time

from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest

from skeljax import localize
from skeljax.errors import InputError
from skeljax.localize import Segments

PROBABILITIES = hnp.arrays(
    np.float32, st.tuples(st.integers(0, 40), st.integers(2, 4)), elements=st.floats(0, 1, width=32)
)
SEGMENTS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 15), st.integers(0, 2), st.integers(1, 9)),
    max_size=25,
    unique_by=lambda row: row[:3],
)


def one_class(curve):
    curve = np.asarray(curve, np.float64)
    return np.stack([curve, 1 - curve], axis=1)


def rows(segments):
    columns = (segments.start, segments.end, segments.label)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def made(listed):
    start, length, label, score = np.array(listed, np.int64).reshape(-1, 4).T
    return Segments(start, start + length, label, score / 10)


# Basins above 0.5 are [0, 3), [5, 7), [10, 12): 3, 2 and 2 frames.
CURVE = [0.9, 0.9, 0.9, 0, 0, 0.8, 0.8, 0, 0, 0, 0.7, 0.7]


@pytest.mark.parametrize(
    ('share', 'expected'),
    [
        # 5 of the 7 frames of [0, 7) are filled, 7 of the 12 of [0, 12), 4 of the 7 of [5, 12).
        (0.75, [(0, 3), (5, 7), (10, 12)]),
        (5 / 7, [(0, 7), (5, 7), (10, 12)]),
        (0.58, [(0, 12), (5, 7), (10, 12)]),
        (0.57, [(0, 12), (5, 12), (10, 12)]),
    ],
)
def test_basins_are_taken_in_while_enough_is_filled(share, expected):
    options = dict(levels=(0.5,), shares=(share,), min_frames=1, overlap=1.0)
    assert rows(localize.watershed(one_class(CURVE), **options)) == [(*e, 0) for e in expected]


def test_the_first_basin_that_leaves_too_little_filled_ends_the_group():
    # With [8, 9) 2 of 9 frames are filled; with [10, 20) as well it would be 12 of 20.
    curve = np.zeros(20)
    curve[[0, 8]] = 0.9
    curve[10:20] = 0.9
    options = dict(levels=(0.5,), shares=(0.5,), min_frames=1, overlap=1.0)
    found = localize.watershed(one_class(curve), **options)
    assert rows(found) == [(0, 1, 0), (8, 20, 0), (10, 20, 0)]


def test_levels_flood_by_themselves_and_groups_are_scored_by_their_contrast():
    curve = [0, 0.3, 0.3, 0.8, 0.8, 0.8, 0.8, 0.3, 0.3, 0]
    found = localize.watershed(one_class(curve), levels=(0.2, 0.5), shares=(0.9,))
    assert rows(found) == [(1, 9, 0), (3, 7, 0)]
    # Margins of 2 frames, of which one is outside the recording at either end: two zeros.
    np.testing.assert_allclose(found.score, [4.4 / 8, 0.8 - 0.6 * 0.3])
    plain = localize.watershed(one_class(curve), levels=(0.5,), shares=(0.9,), margin_weight=0.0)
    np.testing.assert_allclose(plain.score, [0.8])


def test_groups_that_are_nearly_the_same_suppress_each_other():
    curve = np.full(40, 0.4)
    curve[1:] = 0.9  # [0, 40) and [1, 40) have 39 of 40 frames in common
    options = dict(levels=(0.3, 0.5), shares=(0.9,), margin_weight=0.0)
    assert rows(localize.watershed(one_class(curve), **options)) == [(1, 40, 0)]
    assert len(localize.watershed(one_class(curve), overlap=0.98, **options)) == 2


def test_flooded_activity_gets_the_likeliest_class():
    probabilities = np.array([[0.0, 0.0, 1.0]] * 2 + [[0.5, 0.3, 0.2]] * 3 + [[0.1, 0.7, 0.2]] * 2)
    options = dict(levels=(0.5,), shares=(0.9,), by_class=False, margin_weight=0.0)
    found = localize.watershed(probabilities, **options)
    assert rows(found) == [(2, 7, 1)]  # 2.3 of 5 against 1.7
    np.testing.assert_allclose(found.score, [2.3 / 5])


def plain_watershed(curve, levels, shares, min_frames):
    """The definition, as loops over one class."""
    groups = set()
    for level in levels:
        runs, inside = [], False
        for frame, value in enumerate([*curve, -1]):
            if value > level and not inside:
                runs.append([frame, frame])
            inside = value > level
            if inside:
                runs[-1][1] = frame + 1
        for share in shares:
            for seed in range(len(runs)):
                filled, end = 0, None
                for start, stop in runs[seed:]:
                    filled += stop - start
                    if filled < share * (stop - runs[seed][0]) - 1e-6:
                        break
                    end = stop
                if end - runs[seed][0] >= min_frames:
                    groups.add((runs[seed][0], end))
    return groups


@settings(max_examples=60, deadline=None)
@given(PROBABILITIES, st.sampled_from([1, 3]))
def test_grouping_equals_the_plain_loops(probabilities, min_frames):
    grid = (0.3, 0.1, 0.6, 0.85)
    found = localize.watershed(
        probabilities, levels=grid, shares=grid, min_frames=min_frames, overlap=1.0
    )
    for label in range(probabilities.shape[1] - 1):
        one = found[found.label == label]
        expected = plain_watershed(probabilities[:, label].tolist(), grid, grid, min_frames)
        assert set(zip(one.start.tolist(), one.end.tolist(), strict=True)) == expected
        assert len(one) == len(expected)


def test_linear_softening():
    # IoU of the first two 5 / 15, of the first and third 8 / 12.
    segments = Segments([0, 5, 2], [10, 15, 12], [0, 0, 0], [0.9, 0.8, 0.6])
    found = localize.soft_nms(segments, method='linear', overlap=0.5)
    assert rows(found) == [(0, 10, 0), (2, 12, 0), (5, 15, 0)]
    # The third meets the first, 0.6 x 4 / 12, then the second: IoU 7 / 13, x 6 / 13.
    np.testing.assert_allclose(found.score, [0.9, 0.6 * 4 / 12 * 6 / 13, 0.8])
    # The threshold itself lowers.
    found = localize.soft_nms(segments[:2], method='linear', overlap=5 / 15)
    np.testing.assert_allclose(found.score, [0.9, 0.8 * 10 / 15])


def test_gaussian_softening():
    segments = Segments([0, 5, 5, 50], [10, 15, 15, 60], [0, 0, 1, 0], [0.9, 0.8, 0.7, 0.1])
    found = localize.soft_nms(segments, sigma=0.25)
    lowered = 0.8 * math.exp(-((5 / 15) ** 2) / 0.25)
    np.testing.assert_allclose(found.score, [0.9, lowered, 0.7, 0.1])
    assert len(localize.soft_nms(segments, sigma=0.25, min_score=0.6)) == 2


def plain_soft(segments, method, overlap, sigma, min_score):
    """The definition, as the plain loop."""
    left = [list(row) for row in zip(
        segments.start, segments.end, segments.label, segments.score, strict=True
    ) if row[3] >= min_score]
    kept = []
    while left:
        left.sort(key=lambda row: (-row[3], row[0], row[1], row[2]))
        best = left.pop(0)
        kept.append(tuple(best))
        for row in left:
            shared = max(min(row[1], best[1]) - max(row[0], best[0]), 0)
            iou = shared / (row[1] - row[0] + best[1] - best[0] - shared)
            if row[2] == best[2] and method == 'gaussian':
                row[3] *= np.exp(-(iou**2) / sigma)
            elif row[2] == best[2] and iou >= overlap:
                row[3] *= 1 - iou
        left = [row for row in left if row[3] >= min_score]
    return sorted(kept)


@settings(max_examples=80, deadline=None)
@given(SEGMENTS, st.sampled_from(['linear', 'gaussian']))
def test_softening_equals_the_plain_loop(listed, method):
    segments = made(listed)
    found = localize.soft_nms(segments, method=method, overlap=0.3, sigma=0.5, min_score=0.05)
    expected = plain_soft(segments, method, 0.3, 0.5, 0.05)
    assert sorted(rows(found)) == [row[:3] for row in expected]
    order = np.lexsort((found.label, found.end, found.start))
    np.testing.assert_allclose(found.score[order], [row[3] for row in expected])


def test_gaussian_smoothing_is_the_weighted_mean_inside_the_recording():
    weights = [math.exp(-0.5 * (d / 0.5) ** 2) for d in (0, 1)]
    found = localize.smooth_gaussian(one_class([1, 0, 0, 0.5]), 0.5, truncate=2.0)
    total = weights[0] + 2 * weights[1]
    expected = [
        weights[0] / (weights[0] + weights[1]), weights[1] / total,
        0.5 * weights[1] / total, 0.5 * weights[0] / (weights[0] + weights[1]),
    ]
    np.testing.assert_allclose(found[:, 0], expected)
    np.testing.assert_allclose(found.sum(axis=1), 1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 400), st.sampled_from([0.1, 1.0, 7.5]))
def test_gaussian_smoothing_by_blocks_equals_the_plain_sum(length, sigma):
    curve = np.random.default_rng(length).random(length)
    found = localize.smooth_gaussian(one_class(curve), sigma)
    reach = math.ceil(4 * sigma)
    position = np.arange(length)
    distance = position[:, None] - position
    weights = np.exp(-0.5 * (distance / sigma) ** 2) * (np.abs(distance) <= reach)
    np.testing.assert_allclose(found[:, 0], weights @ curve / weights.sum(1), atol=1e-12)


def test_borders_move_to_the_steepest_change():
    #        0    1    2    3    4    5    6    7    8    9
    curve = [0.0, 0.1, 0.2, 0.7, 0.9, 0.9, 0.8, 0.2, 0.1, 0.0]
    segments = Segments([1, 4], [9, 7], [0, 0], [0.5, 0.6])
    found = localize.refine(segments, one_class(curve), reach=2, width=1)
    assert rows(found) == [(3, 7, 0), (3, 7, 0)] and found.score.tolist() == [0.5, 0.6]
    # Out of reach is the rise at 3. Those at 1 and 2 and the falls at 8 and 9 are all of 0.1.
    assert rows(localize.refine(segments[:1], one_class(curve), reach=1, width=1)) == [(1, 9, 0)]
    moved = Segments([0], [10], [0])  # nothing changes at 0 and 10
    assert rows(localize.refine(moved, one_class(curve), reach=1, width=1)) == [(1, 9, 0)]
    # Means of two frames: 0.8 - 0.15 at 3, 0.8 - 0.45 at 4; 0.5 - 0.9 at 6, 0.15 - 0.85 at 7.
    assert rows(localize.refine(segments[:1], one_class(curve), reach=5, width=2)) == [(3, 7, 0)]


def test_borders_stay_where_nothing_changes_and_at_the_ends_of_the_recording():
    flat = one_class(np.full(10, 0.5))
    assert rows(localize.refine(Segments([4], [6], [0]), flat, reach=3, width=1)) == [(4, 6, 0)]
    # Outside there is nothing: the recording's own ends are steep.
    assert rows(localize.refine(Segments([2], [9], [0]), flat, reach=3, width=1)) == [(0, 10, 0)]
    assert rows(localize.refine(Segments([2], [9], [0]), flat, reach=0, width=1)) == [(2, 9, 0)]


@settings(max_examples=60, deadline=None)
@given(PROBABILITIES, st.integers(0, 9), st.integers(1, 4))
def test_refined_segments_stay_segments_of_the_recording(probabilities, reach, width):
    segments = localize.argmax_runs(probabilities)
    found = localize.refine(segments, probabilities, reach=reach, width=width)
    assert (found.start < found.end).all()
    assert (found.start >= 0).all() and (found.end <= len(probabilities)).all()
    assert (np.abs(found.start - segments.start) <= reach).all()
    assert (np.abs(found.end - segments.end) <= reach).all()


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (
            lambda s, p: localize.soft_nms(s, method='hard'),
            "by 'hard', expected linear or gaussian",
        ),
        (lambda s, p: localize.soft_nms(s, sigma=0.0), 'sigma 0, least score 0.001'),
        (lambda s, p: localize.soft_nms(s, min_score=0.0), 'least score 0, expected above 0'),
        (lambda s, p: localize.smooth_gaussian(p, -1.0), 'sigma -1.0'),
        (lambda s, p: localize.refine(s, p[:3]), 'leaves the recording'),
        (lambda s, p: localize.refine(s, p, reach=-1), 'reach -1'),
        (lambda s, p: localize.refine(s, p, width=0), 'width 0'),
        (lambda s, p: localize.watershed(p, levels=()), 'watershed levels: .* found \\(\\)'),
        (lambda s, p: localize.watershed(p, shares=(2,)), 'watershed shares'),
        (lambda s, p: localize.watershed(p + 7), 'expected values from 0 to 1'),
    ],
)
def test_what_cannot_be_decoded_is_told(call, message):
    with pytest.raises(InputError, match=message):
        call(Segments([0], [5], [0]), one_class([0.5] * 9))


def test_nothing_gives_nothing():
    nothing, empty = Segments([], [], []), np.zeros((0, 4))
    assert len(localize.watershed(empty)) == len(localize.watershed(np.zeros((9, 3)))) == 0
    assert len(localize.soft_nms(nothing)) == len(localize.refine(nothing, empty)) == 0
    assert localize.smooth_gaussian(empty, 2.0).shape == (0, 4)


@pytest.mark.slow
def test_ten_minutes_of_51_classes_are_grouped_in_time():
    """Meant are 50 ms on a core; the limit leaves room for slow and busy machines."""
    rng = np.random.default_rng(0)
    logits = localize.smooth_gaussian(rng.random((18000, 52)), 8.0) * 40
    labels = np.repeat(rng.integers(52, size=180), 100)
    logits[np.arange(18000), labels] += 5
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    spent = []
    for _ in range(3):
        begin = time.process_time()
        found = localize.watershed(probabilities)
        spent.append(time.process_time() - begin)
    assert len(found) > 180 and min(spent) < 0.5
