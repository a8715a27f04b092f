"""Runs of activity: hand-computed averages, labels and scores."""

import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.localize import activity_runs


def rows(found):
    return list(zip(found.start.tolist(), found.end.tolist(), found.label.tolist(), strict=True))


def two_classes(first, second):
    scores = np.stack([np.asarray(first, float), np.asarray(second, float)], axis=1)
    return np.concatenate([scores, 1 - scores.sum(axis=1, keepdims=True)], axis=1)


def test_a_run_is_of_the_class_with_the_highest_mean():
    scores = two_classes([0, 0.5, 0.5, 0, 0, 0.25], [0, 0, 0.25, 0.75, 0, 0.25])
    found = activity_runs(scores, reach=0)
    # Frame 1 to 3: means 1/3 and 1/3, the first; the last one is a tie too.
    assert rows(found) == [(1, 4, 0), (5, 6, 0)]
    np.testing.assert_allclose(found.score, [1 / 3, 0.25])
    scores[3, 1] += 0.25
    assert rows(activity_runs(scores, reach=0))[0] == (1, 4, 1)


def test_frames_are_averaged_over_those_around_them():
    scores = two_classes([0, 0, 0, 1, 1, 0, 0, 0], np.zeros(8))
    # [i - 2, i + 2): 0, 0, 1/4, 1/2, 1/2, 1/2, 1/4, 0 and, at the start, of fewer frames.
    found = activity_runs(scores, reach=2)
    assert rows(found) == [(3, 6, 0)]
    np.testing.assert_allclose(found.score, [0.5])
    found = activity_runs(scores, reach=2, threshold=0.2)
    assert rows(found) == [(2, 7, 0)]
    np.testing.assert_allclose(found.score, [(3 * 0.5 + 2 * 0.25) / 5])


def test_the_release_never_averages_the_last_frame():
    scores = two_classes([0, 0, 0, 0, 0, 1], np.zeros(6))
    # Clean: 1/3 at frame 4 is of [2, 6), 1/4; at frame 5 of [3, 6), 1/3.
    assert rows(activity_runs(scores, reach=2, threshold=0.3)) == [(5, 6, 0)]
    assert rows(activity_runs(scores, reach=2, threshold=0.3, faithful=True)) == []


def test_a_background_of_just_the_rest_is_activity():
    assert rows(activity_runs(np.array([[0.5, 0.5]]), threshold=0.5)) == [(0, 1, 0)]


@pytest.mark.parametrize('frames', [0, 1, 2, 9, 10, 11, 40])
@pytest.mark.parametrize('faithful', [False, True])
def test_every_length_equals_plain_means(frames, faithful):
    scores = np.random.default_rng(frames).dirichlet((0.3, 0.3, 0.4), frames)
    found = activity_runs(scores, faithful=faithful)
    top = max(frames - faithful, 1)
    means = [scores[max(i - 10, 0) : min(i + 10, top)].mean(axis=0) for i in range(frames)]
    active = [mean[-1] <= 0.6 for mean in means]
    assert sum(active) == (found.end - found.start).sum()
    for start, end, label, score in zip(
        found.start, found.end, found.label, found.score, strict=True
    ):
        assert all(active[start:end])
        inside = np.mean(means[start:end], axis=0)[:-1]
        assert label == inside.argmax() and score == pytest.approx(inside.max())


def test_what_is_no_probability_is_refused():
    with pytest.raises(InputError, match='frame probabilities'):
        activity_runs(np.full((3, 2), np.nan))
