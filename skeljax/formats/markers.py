"""Optical markers: gaps filled in, the vertical turned to y."""

from collections.abc import Sequence

import numpy as np


def fill(points: np.ndarray, measured: np.ndarray, parents: Sequence[int]) -> np.ndarray:
    """Guesses where points were while they were not measured.

    A gap is bridged by a straight line in time; before the first and after the last
    measurement a point rests. One that was never measured stands where the nearest of
    its ancestors that was, or else the mean of all that were, stands.

    Args:
        points: float[T, V, 3]; what is not measured is not looked at.
        measured: bool[T, V], at least one of them.
        parents: of each point, -1 for the root.

    Returns:
        float64[T, V, 3].
    """
    filled = np.array(points, np.float64)
    times = np.arange(len(filled))
    known = measured.any(0)
    for point in np.flatnonzero(known & ~measured.all(0)):
        own = measured[:, point]
        for axis in range(3):
            filled[:, point, axis] = np.interp(times, times[own], filled[own, point, axis])
    middle = filled[:, known].mean(1)
    for point in np.flatnonzero(~known):
        ancestor = parents[point]
        while ancestor >= 0 and not known[ancestor]:
            ancestor = parents[ancestor]
        filled[:, point] = middle if ancestor < 0 else filled[:, ancestor]
    return filled


def upright(points: np.ndarray, vertical: str = 'z') -> np.ndarray:
    """Renames the axes of the room, float[..., 3], so that `vertical` becomes y.

    They go round (z up: x, y, z become z, x, y), which keeps right-handed what was.
    """
    return np.roll(points, 'xyz'.index('y') - 'xyz'.index(vertical), axis=-1)
