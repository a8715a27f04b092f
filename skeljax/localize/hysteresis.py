"""Runs of a class with two thresholds, found frame by frame: a segment is known when it ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.decode import checked
from skeljax.localize.segments import Segments


def steady_runs(
    probabilities: np.ndarray, *, threshold: float = 0.5, keep: float = 0.7, min_frames: int = 3
) -> Segments:
    """Proposes runs that begin at one threshold and go on down to a lower one; see `Runs`.

    Args:
        probabilities: float[T, L + 1] of one recording, background last, padding cut off.
        threshold: that begins a run.
        keep: share of the threshold down to which a run goes on.
        min_frames: shorter runs are left out.

    Returns:
        Segments in temporal order, which never overlap, scored by their mean probability.

    Raises:
        InputError: not two-dimensional, no class beside background, or not probabilities.
    """
    runs = Runs(threshold=threshold, keep=keep, min_frames=min_frames)
    return joined([runs.push(probabilities), runs.finish()])


@dataclass
class Runs:
    """Finds runs in scores that come piece by piece; what is kept does not grow.

    A run begins with a frame in which its class is the most probable one and reaches
    `threshold`. It ends before the first frame in which its class is below `keep` times
    that, or in which another one, or background, is the most probable and reaches it:
    hysteresis, as Canny's for edges. With a threshold of 0 these are the runs of the most
    probable class (`argmax_runs`).

    Attributes:
        threshold, keep, min_frames: as `steady_runs`.

    Raises:
        InputError: a threshold or share outside 0 to 1, or fewer than 0 frames.
    """

    threshold: float = 0.5
    keep: float = 0.7
    min_frames: int = 3

    def __post_init__(self):
        for name in ('threshold', 'keep'):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f'{name} is {getattr(self, name):g}, expected 0 to 1')
        if self.min_frames < 0:
            raise InputError(f'min_frames is {self.min_frames}, expected 0 or more')
        self._frames = 0  # seen so far
        self._label, self._start, self._total = -1, 0, 0.0  # of the run that is open, -1 for none

    def push(self, probabilities: np.ndarray) -> Segments:
        """Takes the next frames, float[n, L + 1]; returns the segments that ended."""
        scores, closed = checked(probabilities), []
        background = scores.shape[1] - 1
        best, highest = scores.argmax(1).tolist(), scores.max(1).tolist()
        for row, label, peak in zip(scores, best, highest, strict=True):
            begins = peak >= self.threshold
            if self._label >= 0:
                own = float(row[self._label])
                if own < self.keep * self.threshold or (begins and label != self._label):
                    closed += self._close()
                else:
                    self._total += own
            if self._label < 0 and begins and label != background:
                self._label, self._start, self._total = label, self._frames, peak
            self._frames += 1
        return _segments(closed)

    def finish(self) -> Segments:
        """Ends the run that is open, as nothing follows."""
        return _segments(self._close())

    def _close(self) -> list[tuple[int, int, int, float]]:
        if self._label < 0:
            return []
        found = self._start, self._frames, self._label, self._total / (self._frames - self._start)
        self._label = -1
        return [found] if found[1] - found[0] >= self.min_frames else []


def joined(parts: list[Segments]) -> Segments:
    """Puts segments one after the other."""
    fields = ('start', 'end', 'label', 'score')
    return Segments(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


def _segments(found) -> Segments:
    columns = zip(*found, strict=True) if found else ((),) * 4
    return Segments(*(np.array(column, kind) for column, kind in zip(
        columns, (np.int64, np.int64, np.int64, np.float64), strict=True
    )))
