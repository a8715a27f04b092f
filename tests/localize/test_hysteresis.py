"""Runs with two thresholds: by hand, piece by piece, and against the runs of argmax."""

from hypothesis import given, strategies as st
import numpy as np
import pytest

from skeljax import localize
from skeljax.errors import InputError
from skeljax.localize import decoders
from skeljax.localize.segments import concatenate


def rows(found):
    return list(zip(found.start.tolist(), found.end.tolist(), found.label.tolist()))


def test_a_run_begins_high_and_goes_on_low():
    own = [0.45, 0.55, 0.40, 0.36, 0.9, 0.34, 0.45, 0.6, 0.6]
    scores = np.array([[p, 0, 1 - p] for p in own])
    scores[2:4, 1:] = 0.25  # nobody is sure
    found = localize.hysteresis_runs(scores, threshold=0.5, keep=0.7, min_frames=1)
    assert rows(found) == [(1, 5, 0), (7, 9, 0)]
    np.testing.assert_allclose(found.score, [np.mean(own[1:5]), 0.6])
    assert rows(localize.hysteresis_runs(scores, min_frames=3)) == [(1, 5, 0)]


def test_another_class_or_background_that_is_sure_ends_a_run():
    a, b, none = [0.8, 0.1, 0.1], [0.4, 0.55, 0.05], [0.45, 0.0, 0.55]
    found = localize.hysteresis_runs(np.array([a, a, b, b, none, a]), min_frames=1)
    assert rows(found) == [(0, 2, 0), (2, 4, 1), (5, 6, 0)]


probabilities = st.integers(0, 2**32 - 1).map(
    lambda seed: np.repeat(np.random.default_rng(seed).dirichlet([0.4] * 4, 30), 3, axis=0)
)


@given(probabilities, st.lists(st.integers(0, 90), max_size=6))
def test_pieces_give_what_the_whole_gives(scores, cuts):
    runs = decoders.HysteresisDecoder(threshold=0.6, keep=0.5, min_frames=4)
    parts = [runs.push(part) for part in np.split(scores, sorted(cuts)) if len(part)]
    found = concatenate([*parts, runs.finish()])
    whole = localize.hysteresis_runs(scores, threshold=0.6, keep=0.5, min_frames=4)
    assert rows(found) == rows(whole) and found.score.tolist() == whole.score.tolist()


@given(probabilities)
def test_without_a_threshold_they_are_the_runs_of_argmax(scores):
    found = localize.hysteresis_runs(scores, threshold=0.0)
    expected = localize.argmax_runs(scores, min_frames=3)
    assert rows(found) == rows(expected)
    np.testing.assert_allclose(found.score, expected.score)


def test_what_are_no_probabilities_is_told():
    with pytest.raises(InputError, match='expected values from 0 to 1'):
        localize.hysteresis_runs(np.full((3, 2), 2.0))
