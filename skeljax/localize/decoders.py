"""Turns class probabilities of frames into scored segments: runs of frames.

`threshold_runs` and `argmax_runs` read a whole recording. `hysteresis_runs` needs only the frames
up to the end of a segment, so `HysteresisDecoder` can decode a stream. See `grouping` for decoders
that group runs, and `sequence` for the sequence decoder, which `predict` uses by default.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.nms import suppress
from skeljax.localize.segments import Segments, concatenate, from_frame_labels

THRESHOLDS = (0.03, 0.035, 0.04, 0.045, 0.05)  # of the BABEL benchmark's release


def threshold_runs(
    probabilities: np.ndarray,
    *,
    thresholds: tuple[float, ...] = THRESHOLDS,
    min_frames: int = 3,
    margin: float = 0.25,
    margin_weight: float = 0.6,
    overlap: float = 0.2,
    faithful: bool = False,
) -> Segments:
    """Proposes every run of frames above a threshold, for each class and threshold.

    This is the decoding of the BABEL benchmark (line/Skeleton-Temporal-Action-Localization,
    also used by arXiv 2512.16504). The score of a run is its mean probability minus
    `margin_weight` times the mean of the margins around it (0 where there is no margin).
    Runs that a better run of the same class covers are removed, see `suppress`.

    By default ranges are half-open and each margin has ceil(margin x frames) frames. With
    `faithful` the frames are counted as in the release: the mean inside includes one more frame
    at the end; the right margin starts one frame later, is rounded down and never includes the
    last frame of the recording; suppression lengthens every run by two frames. The returned
    segments are the runs themselves in both cases. The additional frame that the release has at
    an end is added by the evaluator `babel`, not here.

    Args:
        probabilities: float[T, L + 1] of one recording, background last, padding cut off.
        thresholds: a frame is active where its probability is above the threshold.
        min_frames: shorter runs are dropped.
        margin: length of each margin as a fraction of the run.
        margin_weight: weight of the margins' mean in the score.
        overlap: largest fraction of a run that a better run may cover.
        faithful: reproduces the frame counting of the release.

    Returns:
        Segments in temporal order.

    Raises:
        InputError: not two-dimensional, no class beside background, or not probabilities.
    """
    scores = np.ascontiguousarray(check_probabilities(probabilities)[:, :-1].T)
    num_classes, num_frames = scores.shape
    cuts = np.asarray(thresholds, np.float64)
    above = scores[:, None, :] > cuts[:, None]
    row, start, end = _runs(above.reshape(num_classes * len(cuts), num_frames))
    long_enough = end - start >= min_frames
    start, end = start[long_enough], end[long_enough]
    label = row[long_enough] // len(cuts)
    score = contrast_score(scores, start, end, label, margin, margin_weight, faithful)
    runs = Segments(start, end, label, score)
    kept = runs[suppress(runs, overlap, lengthen=2 if faithful else 0)]
    return kept[np.lexsort((kept.label, kept.end, kept.start))]


def argmax_runs(probabilities: np.ndarray, *, min_frames: int = 1) -> Segments:
    """Returns the runs of the most probable class, scored by their mean probability.

    Args:
        probabilities: float[T, L + 1] of one recording, background last, padding cut off.
        min_frames: shorter runs are dropped.

    Returns:
        Segments in temporal order, without overlap.

    Raises:
        InputError: not two-dimensional, no class beside background, or not probabilities.
    """
    scores = check_probabilities(probabilities)
    background = scores.shape[1] - 1
    runs = from_frame_labels(scores.argmax(axis=1), background)
    runs = runs[runs.end - runs.start >= min_frames]
    total = np.concatenate([np.zeros((1, background + 1)), np.cumsum(scores, axis=0)])
    score = (total[runs.end, runs.label] - total[runs.start, runs.label]) / (runs.end - runs.start)
    return Segments(runs.start, runs.end, runs.label, score)


def hysteresis_runs(
    probabilities: np.ndarray, *, threshold: float = 0.5, keep: float = 0.7, min_frames: int = 3
) -> Segments:
    """Returns runs found with two thresholds; see `HysteresisDecoder`.

    Args:
        probabilities: float[T, L + 1] of one recording, background last, padding cut off.
        threshold: probability that starts a run.
        keep: a run continues down to `keep` times the threshold.
        min_frames: shorter runs are dropped.

    Returns:
        Segments in temporal order, without overlap, scored by their mean probability.

    Raises:
        InputError: not two-dimensional, no class beside background, or not probabilities.
    """
    decoder = HysteresisDecoder(threshold=threshold, keep=keep, min_frames=min_frames)
    return concatenate([decoder.push(probabilities), decoder.finish()])


@dataclass
class HysteresisDecoder:
    """Finds runs in a stream of frame probabilities with two thresholds (hysteresis).

    A run starts at a frame whose most probable class reaches `threshold`. It ends before the
    first frame in which the probability of its class is below `keep` times the threshold, or in
    which another class, or background, is the most probable and reaches the threshold. With a
    threshold of 0 the result is that of `argmax_runs`. Memory does not grow with the stream.

    Attributes:
        threshold, keep, min_frames: as in `hysteresis_runs`.

    Raises:
        InputError: a `threshold` or `keep` outside 0 to 1, or `min_frames` below 0.
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
        self._frames = 0  # processed so far
        self._label, self._start, self._total = -1, 0, 0.0  # of the open run; label -1: none

    def push(self, probabilities: np.ndarray) -> Segments:
        """Processes the next frames, float[n, L + 1]; returns the segments that ended."""
        scores, closed = check_probabilities(probabilities), []
        background = scores.shape[1] - 1
        best, highest = scores.argmax(1).tolist(), scores.max(1).tolist()
        for row, label, peak in zip(scores, best, highest, strict=True):
            starts = peak >= self.threshold
            if self._label >= 0:
                own = float(row[self._label])
                if own < self.keep * self.threshold or (starts and label != self._label):
                    closed += self._close()
                else:
                    self._total += own
            if self._label < 0 and starts and label != background:
                self._label, self._start, self._total = label, self._frames, peak
            self._frames += 1
        return _segments(closed)

    def finish(self) -> Segments:
        """Ends the stream; returns the open run, if it is long enough."""
        return _segments(self._close())

    def _close(self) -> list[tuple[int, int, int, float]]:
        if self._label < 0:
            return []
        frames = self._frames - self._start
        run = self._start, self._frames, self._label, self._total / frames
        self._label = -1
        return [run] if frames >= self.min_frames else []


def check_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Checks the probabilities of one recording; returns them as float64[T, L + 1].

    Raises:
        InputError: not two-dimensional, no class beside background, or not probabilities.
    """
    scores = np.asarray(probabilities, np.float64)
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise InputError(
            f'frame probabilities: expected [frames, classes + background], found {scores.shape}'
        )
    bad = ~((scores >= -1e-6) & (scores <= 1 + 1e-3))
    if bad.any():
        frame, label = np.argwhere(bad)[0]
        raise InputError(
            f'frame probabilities: expected values from 0 to 1, found {scores[frame, label]:g} '
            f'at frame {frame}, class {label}'
        )
    return scores


def contrast_score(
    scores: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    label: np.ndarray,
    margin: float,
    margin_weight: float,
    faithful: bool = False,
) -> np.ndarray:
    """Returns the mean score inside each run minus the weighted mean of its margins.

    Args:
        scores: float[L, T].
        start, end, label: int64[N].
        margin, margin_weight, faithful: as in `threshold_runs`.

    Returns:
        float64[N].
    """
    num_classes, num_frames = scores.shape
    total = np.zeros((num_classes, num_frames + 1))
    np.cumsum(scores, axis=1, out=total[:, 1:])

    def sums(first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        last = np.maximum(last, first)
        return total[label, last] - total[label, first], last - first

    extra = int(faithful)
    width = margin * (end - start)
    left = np.ceil(width).astype(np.int64)
    right = np.floor(width).astype(np.int64) if faithful else left
    beyond = np.minimum(end + extra, num_frames)
    inside = sums(start, beyond)
    before = sums(np.maximum(start - left, 0), start)
    after = sums(beyond, np.minimum(end + extra + right, num_frames - extra))
    outside = (before[0] + after[0]) / np.maximum(before[1] + after[1], 1)
    return inside[0] / np.maximum(inside[1], 1) - margin_weight * outside


def _runs(active: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns row, start and half-open end of each run of True in bool[R, T]."""
    padded = np.zeros((active.shape[0], active.shape[1] + 2), bool)
    padded[:, 1:-1] = active
    row, edge = np.nonzero(padded[:, 1:] != padded[:, :-1])
    return row[::2], edge[::2], edge[1::2]


def _segments(rows: list[tuple[int, int, int, float]]) -> Segments:
    start, end, label, score = zip(*rows, strict=True) if rows else ((),) * 4
    start, end, label = (np.array(column, np.int64) for column in (start, end, label))
    return Segments(start, end, label, score)
