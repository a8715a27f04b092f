"""Brings the frames of a stream to the frame rate of the network, as they come."""

from __future__ import annotations

import math

import numpy as np

_HAIR = 1e-6  # frames
SAME = 1e-4  # share by which rates may differ, as in `timing`


class Rate:
    """Brings frames to another rate as they come; as `timing.resample` does, it holds one frame.

    Args:
        fps: frames a second that come.
        wanted: frames a second that are returned.
    """

    def __init__(self, fps: float, wanted: float):
        self._step = 1.0 if abs(fps / wanted - 1) < SAME else fps / wanted
        self._last: np.ndarray | None = None
        self._taken = self._given = 0

    def push(self, joints: np.ndarray) -> list[np.ndarray]:
        """Takes the next frame, float32[M, V, 3]; returns those whose time has come."""
        self._taken += 1
        made = []
        while (place := self._given * self._step) <= self._taken - 1 + _HAIR:
            made.append(self._between(joints, place - (self._taken - 2)))
            self._given += 1
        self._last = joints
        return made

    def finish(self) -> list[np.ndarray]:
        """Returns the frames that show the last one's time, which is held."""
        count = math.ceil(self._taken / self._step - _HAIR) - self._given
        self._given += max(count, 0)
        return [] if self._last is None else [self._last] * count

    def source(self, frame: int) -> int:
        """Tells the first frame that came to which none before `frame` is nearest."""
        place = max(0, int((frame - 0.5) * self._step - _HAIR))
        while round(place / self._step) < frame:  # half to even, as `fitted.own_frames`
            place += 1
        return min(place, self._taken)

    def _between(self, joints: np.ndarray, share: float) -> np.ndarray:
        if self._last is None or share > 1 - _HAIR:
            return joints
        nearest = self._last if share <= 0.5 else joints
        mixed = (1 - share) * self._last + share * joints
        return np.where(np.isnan(mixed), nearest, mixed).astype(np.float32)
