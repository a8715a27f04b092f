"""Calibration of scores, on cases computed by hand."""

import numpy as np
import pytest

from skeljax.localize.sequence_fit import calibrate, expected_calibration_error, fit_logistic, logit


def test_calibrate_is_a_line_through_logits():
    assert logit(np.array([0.5, 0.8])) == pytest.approx([0, np.log(4)])
    assert calibrate(np.array([0.8, 0.2]), 1.0, 0.0) == pytest.approx([0.8, 0.2])
    # Odds of 4 become 4^2 * 1/2 = 8.
    assert calibrate(np.array([0.8]), 2.0, -np.log(2)) == pytest.approx([8 / 9])
    certain = calibrate(np.array([0.0, 1.0]), 1.0, 0.0)
    assert certain == pytest.approx([1e-6, 1 - 1e-6])


def test_without_examples_scores_stay_as_they_are():
    assert fit_logistic(np.zeros(0), np.zeros(0, bool)) == (1.0, 0.0)


def test_scores_that_are_right_as_often_as_they_say_stay_as_they_are():
    """Of 1,000 scores of 0.2 200 are right, of 1,000 of 0.8 800: slope 1 and offset 0 fit best."""
    score = np.repeat([0.2, 0.8], 1000)
    right = np.concatenate([np.arange(1000) < 200, np.arange(1000) < 800])
    assert fit_logistic(score, right) == pytest.approx((1, 0), abs=1e-6)


def test_scores_that_are_too_high_or_too_low_are_moved_to_the_middle():
    """Odds of 9 that are odds of 3: the slope is log 3 / log 9."""
    score = np.repeat([0.1, 0.9], 4000)
    right = np.concatenate([np.arange(4000) < 1000, np.arange(4000) < 3000])
    slope, offset = fit_logistic(score, right)
    assert slope == pytest.approx(np.log(3) / np.log(9), abs=1e-3)
    assert offset == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize('right', [True, False])
def test_one_outcome_alone_gives_finite_numbers_and_keeps_the_order(right):
    slope, offset = fit_logistic(np.array([0.3, 0.6, 1.0]), np.full(3, right))
    assert 0.05 <= slope <= 4 and np.isfinite(offset) and (offset > 0) == right
    assert (np.diff(calibrate(np.array([0.3, 0.6, 0.9]), slope, offset)) > 0).all()


def test_scores_that_are_wrong_where_high_never_change_their_order():
    score = np.repeat([0.1, 0.9], 100)
    slope, _ = fit_logistic(score, score < 0.5)
    assert slope == 0.05


def test_the_calibration_error_is_the_mean_over_bins():
    # Bin [0.2, 0.3): scores 0.2 and 0.28, one right: |0.48 - 1| / 4. Bin [0.9, 1]: 0.9 and 1.0,
    # both right: 0.1 / 4.
    score, right = np.array([0.2, 0.28, 0.9, 1.0]), np.array([True, False, True, True])
    assert expected_calibration_error(score, right) == pytest.approx((0.52 + 0.1) / 4)
    # In one bin errors of opposite sign cancel: 2.38 - 3.
    assert expected_calibration_error(score, right, num_bins=1) == pytest.approx(0.62 / 4)
    assert expected_calibration_error(np.zeros(0), np.zeros(0, bool)) == 0
    assert expected_calibration_error(np.ones(3), np.ones(3, bool)) == 0
