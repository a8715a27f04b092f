"""Smooths the probabilities of frames over time; the running mean is `decode.smooth`."""

from __future__ import annotations

import math

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.decode import checked

_BLOCK = 128  # frames that one product of matrices makes


def smooth_gaussian(
    probabilities: np.ndarray, sigma: float, *, truncate: float = 4.0
) -> np.ndarray:
    """Averages frames by weights that fall off as a Gaussian, within the recording.

    At both ends the weights inside the recording are scaled up to a sum of 1.

    Args:
        probabilities: float[T, L + 1].
        sigma: standard deviation in frames.
        truncate: weights of frames farther than this many sigma are 0.

    Returns:
        float64[T, L + 1], of rows that sum to what they did where all of them do.

    Raises:
        InputError: `sigma` or `truncate` not above 0, or not probabilities.
    """
    scores = checked(probabilities)
    if not (math.isfinite(sigma) and sigma > 0 and truncate > 0):
        found = f'sigma {sigma}, truncate {truncate}'
        raise InputError(f'Gaussian smoothing: {found}, expected above 0')
    if not len(scores):
        return scores
    reach = math.ceil(truncate * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    inside = np.column_stack([scores, np.ones(len(scores))])  # the last column: weights inside
    smoothed = _filtered(inside, weights, reach)
    return np.clip(smoothed[:, :-1] / smoothed[:, -1:], 0, 1)


def _filtered(values: np.ndarray, weights: np.ndarray, reach: int) -> np.ndarray:
    """Takes weighted sums of the rows around each, zeros outside, by blocks of rows."""
    count = -(-len(values) // _BLOCK)
    padded = np.zeros((count * _BLOCK + 2 * reach, values.shape[1]))
    padded[reach:reach + len(values)] = values
    width = _BLOCK + 2 * reach
    band = np.zeros((_BLOCK, width))
    for row in range(_BLOCK):
        band[row, row:row + 2 * reach + 1] = weights
    made = [band @ padded[block * _BLOCK:block * _BLOCK + width] for block in range(count)]
    return np.concatenate(made)[:len(values)]
