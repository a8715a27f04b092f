"""Turns class probabilities of frames into scored segments."""

from __future__ import annotations

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.segments import Segments, from_frame_labels
from skeljax.localize.suppress import suppress

THRESHOLDS = (0.03, 0.035, 0.04, 0.045, 0.05)


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

    The decoding of the BABEL benchmark (line/Skeleton-Temporal-Action-Localization, kept by
    arXiv 2512.16504). A run scores its mean probability less `margin_weight` times the mean
    of the margins around it (0 where the recording leaves no margin); better runs of the
    class suppress the ones they cover, see `suppress`.

    By default all is half-open and either margin has ceil(margin x frames) frames. `faithful`
    is the release: the mean inside takes one frame more at the end, the right margin starts
    one frame later, is rounded down and never takes the recording's last frame, and
    suppression lengthens every run by two frames. The segments are the runs in both forms:
    the frame that the release adds to an end is added by the evaluator named `babel`.

    Args:
        probabilities: float[T, L + 1] of one recording, background last, padding cut off.
        thresholds: a frame counts when its probability is above.
        min_frames: shorter runs are left out.
        margin: length of each margin as a fraction of the run.
        margin_weight: how much the margins' mean lowers the score.
        overlap: the part of a run that a better one may cover.
        faithful: reproduce the release's frame counting.

    Returns:
        Segments in temporal order.

    Raises:
        InputError: not two-dimensional, no class beside background, or not probabilities.
    """
    scores = np.ascontiguousarray(checked(probabilities)[:, :-1].T)
    num_classes, num_frames = scores.shape
    cuts = np.asarray(thresholds, np.float64)
    above = scores[:, None, :] > cuts[:, None]
    row, start, end = _runs(above.reshape(num_classes * len(cuts), num_frames))
    long = end - start >= min_frames
    start, end, label = start[long], end[long], row[long] // len(cuts)
    score = contrast(scores, start, end, label, margin, margin_weight, faithful)
    runs = Segments(start, end, label, score)
    kept = runs[suppress(runs, overlap, lengthen=2 if faithful else 0)]
    return kept[np.lexsort((kept.label, kept.end, kept.start))]


def argmax_runs(probabilities: np.ndarray, *, min_frames: int = 1) -> Segments:
    """Proposes the runs of the most probable class, scored by their mean probability.

    Args:
        probabilities: float[T, L + 1] of one recording, background last, padding cut off.
        min_frames: shorter runs are left out.

    Returns:
        Segments in temporal order, which never overlap.

    Raises:
        InputError: not two-dimensional, no class beside background, or not probabilities.
    """
    scores = checked(probabilities)
    background = scores.shape[1] - 1
    runs = from_frame_labels(scores.argmax(axis=1), background)
    runs = runs[runs.end - runs.start >= min_frames]
    total = np.concatenate([np.zeros((1, background + 1)), np.cumsum(scores, axis=0)])
    score = (total[runs.end, runs.label] - total[runs.start, runs.label]) / (runs.end - runs.start)
    return Segments(runs.start, runs.end, runs.label, score)


def smooth(probabilities: np.ndarray, frames: int) -> np.ndarray:
    """Averages every frame over the `frames` frames around it, fewer at both ends.

    Args:
        probabilities: float[T, L + 1].
        frames: window length; an even one reaches one frame further forward.

    Returns:
        float64[T, L + 1].

    Raises:
        InputError: `frames` below 1, or not probabilities.
    """
    scores = checked(probabilities)
    if frames < 1:
        raise InputError(f'smoothing window: expected at least 1 frame, found {frames}')
    total = np.concatenate([np.zeros((1, scores.shape[1])), np.cumsum(scores, axis=0)])
    position = np.arange(len(scores))
    first = np.maximum(position - (frames - 1) // 2, 0)
    last = np.minimum(position + frames // 2 + 1, len(scores))
    # The difference of two long sums can leave [0, 1] by a rounding error.
    return np.clip((total[last] - total[first]) / (last - first)[:, None], 0, 1)


def checked(probabilities: np.ndarray) -> np.ndarray:
    """Returns the probabilities of one recording as float64[T, L + 1].

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


def _runs(active: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Finds the runs of True in bool[R, T]: row, start and half-open end of each."""
    padded = np.zeros((active.shape[0], active.shape[1] + 2), bool)
    padded[:, 1:-1] = active
    row, edge = np.nonzero(padded[:, 1:] != padded[:, :-1])
    return row[::2], edge[::2], edge[1::2]


def contrast(
    scores: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    label: np.ndarray,
    margin: float,
    margin_weight: float,
    faithful: bool = False,
) -> np.ndarray:
    """Scores runs of float[L, T]: mean inside less the weighted mean of the margins."""
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
