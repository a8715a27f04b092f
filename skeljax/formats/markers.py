"""The room of optical markers."""

import numpy as np


def upright(points: np.ndarray, vertical: str = 'z') -> np.ndarray:
    """Renames the axes of the room, float[..., 3], so that `vertical` becomes y.

    They go round (z up: x, y, z become z, x, y), which keeps right-handed what was.
    """
    return np.roll(points, 'xyz'.index('y') - 'xyz'.index(vertical), axis=-1)
