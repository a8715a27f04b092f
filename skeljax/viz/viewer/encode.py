"""Encodes arrays as text for the page's `decode.js`: integers, deflated, base64.

Values change little from frame to frame, so the difference from the previous frame is stored,
first the low bytes of all values, then the high bytes.
"""

from __future__ import annotations

import base64
import zlib

import numpy as np

_MAX_STEP = 2.0**-11  # meters, the quantization step for a span of 1 m to 32 m
_LEVELS = 2**16 - 2


def quantization_step(span: float) -> float:
    """Returns the quantization step, a power of two, for coordinates with this span.

    For spans from 1 m to 32 m it is 2^-11 m, so that the error is at most 0.25 mm; for spans up to
    128 m the error is at most 1 mm. Below 1 m the step is proportionally finer.

    Args:
        span: largest extent of the coordinates along an axis, in meters.
    """
    if span <= 0:
        return _MAX_STEP
    step = min(_MAX_STEP, 2.0 ** np.floor(np.log2(span / 2048)))
    return float(max(step, 2.0 ** np.ceil(np.log2(span / _LEVELS))))


def coordinates(joints: np.ndarray, present: np.ndarray) -> tuple[str, float, list[float]]:
    """Encodes joint coordinates as 16-bit differences in units of a quantization step.

    Args:
        joints: float[T, M, V, 3] in meters.
        present: bool[T, M]; absent persons repeat the previous frame, which compresses well.

    Returns:
        The text, the step in meters and the origin float[3]: a decoded coordinate is
        origin + step * integer.
    """
    valid = joints[present].reshape(-1, 3).astype(np.float64)
    low, high = (valid.min(0), valid.max(0)) if len(valid) else (np.zeros(3), np.zeros(3))
    step = quantization_step(float((high - low).max()))
    origin = np.round((low + high) / 2 / step) * step
    levels = np.zeros(joints.shape, np.int64)
    levels[present] = np.round((joints[present].astype(np.float64) - origin) / step)
    levels = np.take_along_axis(levels, last_valid_frame(present)[..., None, None], axis=0)
    change = np.diff(levels, axis=0, prepend=0).astype(np.uint16)
    return _byte_planes(np.ascontiguousarray(np.moveaxis(change, 0, -1))), step, origin.tolist()


def states(present: np.ndarray, measured: np.ndarray) -> str:
    """Encodes the state of every joint: absent (0), not measured (1) or measured (2).

    Args:
        present: bool[T, M].
        measured: bool[T, M, V].
    """
    state = np.where(present[..., None], 1 + measured.astype(np.uint8), 0)
    return _text(np.ascontiguousarray(np.moveaxis(state, 0, -1)).astype(np.uint8).tobytes())


def scores(probabilities: np.ndarray) -> str:
    """Encodes probabilities float[T, L] as 8-bit differences in steps of 1/255."""
    levels = np.round(255 * np.clip(probabilities, 0, 1)).astype(np.int64)
    change = np.diff(levels, axis=0, prepend=0).astype(np.uint8)
    return _text(np.ascontiguousarray(change.T).tobytes())


def last_valid_frame(valid: np.ndarray) -> np.ndarray:
    """Returns for every frame the index of the last valid frame up to and including it.

    Args:
        valid: bool[T, ...].

    Returns:
        int64[T, ...]; before the first valid frame, the index of the first one.
    """
    frames = np.arange(len(valid)).reshape(-1, *[1] * (valid.ndim - 1))
    last = np.maximum.accumulate(np.where(valid, frames, -1), axis=0)
    return np.where(last < 0, valid.argmax(0), last)


def _byte_planes(values: np.ndarray) -> str:
    pairs = values.astype('<u2').view(np.uint8).reshape(-1, 2)
    return _text(np.ascontiguousarray(pairs.T).tobytes())


def _text(raw: bytes) -> str:
    return base64.b64encode(zlib.compress(raw, 6)).decode()
