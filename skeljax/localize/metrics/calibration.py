"""Calibrates scores of segments: the logistic fit, and the expected calibration error."""

from __future__ import annotations

import numpy as np

_LEAST = 1e-6  # distance of a probability from 0 and 1 before its logit is taken
_PRIOR = 1.0  # right and wrong examples that stand for slope 1 and offset 0


def logit(probability: np.ndarray) -> np.ndarray:
    """Returns log(p / (1 - p)) of probabilities, kept off 0 and 1 by a millionth."""
    inside = np.clip(probability, _LEAST, 1 - _LEAST)
    return np.log(inside) - np.log1p(-inside)


def calibrate(probability: np.ndarray, slope: float, offset: float) -> np.ndarray:
    """Returns the probabilities whose logits are slope x logit + offset."""
    return 1 / (1 + np.exp(-(slope * logit(probability) + offset)))


def fit_logistic(probability: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Fits slope and offset by regularized maximum likelihood (Platt scaling).

    The slope is kept from 0.05 to 4, so that the order of scores is never reversed. A weak
    Gaussian prior around slope 1 and offset 0 keeps both finite where all examples are right
    or all are wrong.

    Args:
        probability: float[N], of segments.
        right: bool[N].

    Returns:
        (1, 0) without examples.

    Source: Platt, Probabilistic outputs for support vector machines (1999).
    """
    if not len(probability):
        return 1.0, 0.0
    inputs = np.stack([logit(probability), np.ones(len(probability))], axis=1)
    target, prior = np.asarray(right, np.float64), np.array([1.0, 0.0])

    def loss(weights):
        scores = inputs @ weights
        fit = np.logaddexp(0, scores).sum() - target @ scores
        return fit + 0.5 * _PRIOR * np.sum((weights - prior) ** 2)

    weights = prior
    for _ in range(100):  # Newton's method with halved steps; converges in about ten
        found = 1 / (1 + np.exp(-inputs @ weights))
        gradient = inputs.T @ (found - target) + _PRIOR * (weights - prior)
        curvature = (inputs * (found * (1 - found))[:, None]).T @ inputs + _PRIOR * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        while loss(weights - step) > loss(weights) and np.abs(step).max() > 1e-9:
            step = step / 2
        weights = weights - step
        if np.abs(step).max() < 1e-9:
            break
    return float(np.clip(weights[0], 0.05, 4.0)), float(weights[1])


def expected_calibration_error(
    probability: np.ndarray, right: np.ndarray, *, num_bins: int = 10
) -> float:
    """Returns the mean distance of scores from the share that is right, over bins of scores.

    Args:
        probability: float[N], from 0 to 1.
        right: bool[N].
        num_bins: of equal width; each counts by its number of segments.

    Returns:
        From 0 to 1; 0 without examples. Its expectation is above 0 for perfect scores: with N
        segments by about the standard error of the bins' shares.

    Source: Guo et al., On calibration of modern neural networks (arXiv 1706.04599).
    """
    probability, right = np.asarray(probability, np.float64), np.asarray(right, np.float64)
    if not len(probability):
        return 0.0
    bins = np.minimum((probability * num_bins).astype(int), num_bins - 1)
    error = np.bincount(bins, weights=probability - right, minlength=num_bins)
    return float(np.abs(error).sum() / len(probability))
