"""Writes arrays as short texts that the page's `decode.js` reads: whole numbers, deflated.

Along time, values differ little: what is written is the difference to the frame before,
the low bytes first, then the high ones.
"""

from __future__ import annotations

import base64
import zlib

import numpy as np

_GRID = 2.0**-11  # metres, the finest step of a recording that spans a metre or more
_LEVELS = 2**16 - 2


def step_of(span: float) -> float:
    """Chooses the step, a power of two, for coordinates that span so many metres.

    Up to 32 m it is 2^-11 m, so that no coordinate is off by more than half of this,
    0.25 mm; up to 128 m no more than 1 mm. Below 1 m it is finer in proportion.
    """
    grid = min(_GRID, 2.0 ** np.floor(np.log2(span / 2048))) if span > 0 else _GRID
    return float(max(grid, 2.0 ** np.ceil(np.log2(span / _LEVELS)))) if span > 0 else grid


def coordinates(joints: np.ndarray, there: np.ndarray) -> tuple[str, float, list[float]]:
    """Writes joints to the nearest step, as differences in 16 bits.

    Args:
        joints: float[T, M, V, 3] in metres.
        there: bool[T, M]; the others are written as the frame before, for shortness.

    Returns:
        The text, the step in metres, and the origin float[3]: what is read is
        origin + step x whole number.
    """
    seen = joints[there].reshape(-1, 3).astype(np.float64)
    low, high = (seen.min(0), seen.max(0)) if len(seen) else (np.zeros(3), np.zeros(3))
    step = step_of(float((high - low).max()))
    origin = np.round((low + high) / 2 / step) * step
    whole = np.zeros(joints.shape, np.int64)
    whole[there] = np.round((joints[there].astype(np.float64) - origin) / step)
    whole = np.take_along_axis(whole, held(there)[..., None, None], axis=0)
    change = np.diff(whole, axis=0, prepend=0).astype(np.uint16)
    return _planes(np.ascontiguousarray(np.moveaxis(change, 0, -1))), step, origin.tolist()


def states(there: np.ndarray, measured: np.ndarray) -> str:
    """Writes of every joint if it is absent (0), guessed (1) or measured (2).

    Args:
        there: bool[T, M].
        measured: bool[T, M, V].
    """
    state = np.where(there[..., None], 1 + measured.astype(np.uint8), 0)
    return _text(np.ascontiguousarray(np.moveaxis(state, 0, -1)).astype(np.uint8).tobytes())


def scores(probabilities: np.ndarray) -> str:
    """Writes probabilities float[T, L] to the nearest 1/255, as differences in 8 bits."""
    whole = np.round(255 * np.clip(probabilities, 0, 1)).astype(np.int64)
    change = np.diff(whole, axis=0, prepend=0).astype(np.uint8)
    return _text(np.ascontiguousarray(change.T).tobytes())


def held(there: np.ndarray) -> np.ndarray:
    """Finds the frame to show in every frame: itself, else the last before that is there.

    Args:
        there: bool[T, ...].

    Returns:
        int64[T, ...]; before the first that is there, the first.
    """
    frames = np.arange(len(there)).reshape(-1, *[1] * (there.ndim - 1))
    last = np.maximum.accumulate(np.where(there, frames, -1), axis=0)
    return np.where(last < 0, there.argmax(0), last)


def _planes(values: np.ndarray) -> str:
    pairs = values.astype('<u2').view(np.uint8).reshape(-1, 2)
    return _text(np.ascontiguousarray(pairs.T).tobytes())


def _text(raw: bytes) -> str:
    return base64.b64encode(zlib.compress(raw, 6)).decode()
