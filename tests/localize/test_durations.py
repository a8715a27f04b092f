"""Durations fitted to labels, on cases computed by hand."""

import math

import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.localize import Segments, durations

FPS = 10.0
PRIOR = 8  # examples of a standard deviation of 0.3 that the pooled variance holds


def fit(*recordings, num_classes=1, frames=1000):
    truth = {f'r{n}': Segments(*given) for n, given in enumerate(recordings)}
    return durations.fit(truth, dict.fromkeys(truth, frames), FPS, num_classes)


def test_one_class_has_its_own_mean_and_a_variance_with_the_prior():
    # 1, 1, 4 and 4 seconds: the mean of logs is log 2, each log 2 from it.
    found = fit(([0, 100, 200, 300], [10, 110, 240, 340], [0, 0, 0, 0]))
    assert found.log_mean[0] == pytest.approx(math.log(2))
    squares = 4 * math.log(2) ** 2
    within = (squares + PRIOR * 0.3**2) / (3 + PRIOR)
    assert found.log_std[0] == pytest.approx(math.sqrt((squares + PRIOR * within) / (4 + PRIOR)))
    # Gaps of 9, 9 and 6 seconds, and 66 to the end.
    gaps = np.log([9, 9, 6, 66])
    assert found.log_mean[1] == pytest.approx(gaps.mean())


def test_equal_durations_still_vary_on_other_days():
    # 20 segments of 2 seconds: the pooled variance is that of the prior.
    start = np.arange(20) * 50
    found = fit((start, start + 20, np.zeros(20, int)))
    assert found.log_mean[0] == pytest.approx(math.log(2))
    within = PRIOR * 0.3**2 / (19 + PRIOR)
    expected = max(math.sqrt(PRIOR * within / (20 + PRIOR)), 0.15)
    assert found.log_std[0] == pytest.approx(expected) and found.log_std[0] == 0.15
    assert (found.log_std > 0).all()


def test_one_example_is_the_mean_and_says_little_of_the_spread():
    found = fit(([100], [130], [0]))
    assert found.log_mean[0] == pytest.approx(math.log(3))
    assert found.log_std[0] == pytest.approx(0.3 * math.sqrt(PRIOR / (PRIOR + 1)))


def test_a_class_without_examples_gets_the_mean_of_all():
    # Class 0 has 1 second, class 2 has 4: means of logs 0 and log 4, of all log 2.
    start = np.arange(10) * 100
    length, label = np.tile([10, 40], 5), np.tile([0, 2], 5)
    found = fit((start, start + length, label), num_classes=3)
    assert found.log_mean[1] == pytest.approx(math.log(2))
    within = PRIOR * 0.3**2 / (8 + PRIOR)
    between = math.log(2) ** 2 - within / 5
    keep = 5 / (5 + within / between)
    assert found.log_mean[0] == pytest.approx((1 - keep) * math.log(2))
    assert found.log_mean[2] == pytest.approx((1 + keep) * math.log(2))
    # What is not known of its mean widens it.
    assert found.log_std[1] == pytest.approx(math.sqrt(within + between))
    assert found.log_std[1] > found.log_std[0]


def test_without_any_segment_durations_are_the_defaults():
    found = fit(((), (), ()), num_classes=2)
    expected = durations.default(2)
    np.testing.assert_allclose(found.log_mean[:2], expected.log_mean[:2])
    np.testing.assert_allclose(found.log_std[:2], expected.log_std[:2])
    # The whole recording is one gap of 100 seconds.
    assert found.log_mean[2] == pytest.approx(math.log(100))


def test_recordings_without_gaps_have_default_gaps():
    found = fit(([0, 500], [500, 1000], [0, 0]))
    assert found.log_mean[1] == durations.DEFAULT_LOG_MEAN
    assert found.log_std[1] == durations.DEFAULT_LOG_STD


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        (([0], [10], [1]), 'r0: a label outside 0 to 0'),
        (([990], [1001], [0]), r'\[990, 1001\) .* leaves the recording'),
        (([10], [10], [0]), r'\[10, 10\) .* ends at or before its start'),
    ],
)
def test_labels_that_cannot_be_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        fit(given)


def test_tables_are_probabilities_with_the_shortest_durations_left_out():
    found = durations.tabulate(durations.LogNormal(np.log([2.0, 8.0]), np.array([0.3, 1.0])), 0.1)
    last = np.exp(found.log_pmf[-1])
    total = np.exp(found.log_pmf[:-1]).sum(0) + last / -np.expm1(found.log_tail)
    np.testing.assert_allclose(total, 1)
    np.testing.assert_allclose(found.log_survival[0], 0, atol=1e-12)
    # 2 seconds less three standard deviations: 0.81 s, so 8 steps are the shortest.
    assert np.isneginf(found.log_pmf[:7, 0]).all() and np.isfinite(found.log_pmf[7, 0])
    # Of the other class 8 s / e^3 = 0.398 s.
    assert found.shortest == 3
