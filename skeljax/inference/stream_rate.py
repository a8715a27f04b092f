"""Resamples a stream of frames to the frame rate of the network."""

from __future__ import annotations

import math

import numpy as np

_TOLERANCE = 1e-6  # frames, for rounding errors
SAME = 1e-4  # relative difference below which rates are treated as equal, as in `timing`


class StreamResampler:
    """Resamples a stream as `timing.resample` resamples a recording; stores one frame.

    Args:
        fps: frames per second of the stream.
        target_fps: frames per second of the result.
    """

    def __init__(self, fps: float, target_fps: float):
        self._step = 1.0 if abs(fps / target_fps - 1) < SAME else fps / target_fps
        self._last: np.ndarray | None = None
        self._received = self._returned = 0

    def push(self, joints: np.ndarray) -> list[np.ndarray]:
        """Processes the next frame, float32[M, V, 3]; returns the frames up to its time."""
        self._received += 1
        frames = []
        while (position := self._returned * self._step) <= self._received - 1 + _TOLERANCE:
            frames.append(self._interpolate(joints, position - (self._received - 2)))
            self._returned += 1
        self._last = joints
        return frames

    def finish(self) -> list[np.ndarray]:
        """Ends the stream; returns the last frame, repeated until its end."""
        count = math.ceil(self._received / self._step - _TOLERANCE) - self._returned
        self._returned += max(count, 0)
        return [] if self._last is None else [self._last] * count

    def source(self, frame: int) -> int:
        """Returns the first received frame whose nearest returned frame is `frame` or later."""
        index = max(0, int((frame - 0.5) * self._step - _TOLERANCE))
        while round(index / self._step) < frame:  # half to even, as `adapt.at_source_frames`
            index += 1
        return min(index, self._received)

    def _interpolate(self, joints: np.ndarray, share: float) -> np.ndarray:
        if self._last is None or share > 1 - _TOLERANCE:
            return joints
        nearest = self._last if share <= 0.5 else joints
        mixed = (1 - share) * self._last + share * joints
        return np.where(np.isnan(mixed), nearest, mixed).astype(np.float32)
