"""Per-frame mean average precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.metrics import Result
from skeljax.localize.metrics.tables import make_tables
from skeljax.localize.segments import Segments


def framewise(
    predictions: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    *,
    num_classes: int,
    tious: Sequence[float] = (),
    num_frames: Mapping[str, int] | None = None,
    probabilities: Mapping[str, np.ndarray] | None = None,
) -> Result:
    """Computes the mean over classes of the average precision of frames.

    The frames of all recordings are ranked by their score for a class; positive are those inside
    a true segment of it. AP is the mean, over positive frames, of the precision at their score,
    so ties need no order; there is no envelope. Classes without truth are excluded.

    Without `probabilities` the score of a frame is the best score of the segments of the class
    that contain it, and -inf outside.

    Source: per-frame mAP of Charades and Toyota Smarthome Untrimmed (arXiv 1604.01753,
    2010.14982). It equals `average_precision_score` of scikit-learn, which is not a dependency.

    Args:
        predictions: proposals by recording, used without `probabilities`.
        truth: true segments by recording, empty ones included.
        num_classes: L, without background.
        tious: (), because no segments are matched.
        num_frames: of every true recording; required without `probabilities`.
        probabilities: frame scores by recording, float[T, L] or more columns, which are ignored
            (background).

    Returns:
        One mAP, without a threshold; `num_predicted` counts frames if `probabilities` are given.

    Raises:
        InputError: an unknown recording, an invalid segment or score, a wrong or missing number
            of frames, no true segment at all, or a threshold.
    """
    if len(tious):
        raise InputError(f'framewise has no tIoU thresholds, found {tuple(tious)}')
    if probabilities is not None:
        if unknown := sorted(set(probabilities) - set(truth)):
            raise InputError(f'{unknown[0]}: scored, but not among the true recordings')
        counts = {name: len(scores) for name, scores in probabilities.items()}
        if num_frames is not None:
            _check_counts(counts, num_frames)
        num_frames = counts
    if num_frames is None:
        raise InputError('framewise needs scores of frames, or how many frames a recording has')
    tables = make_tables(predictions, truth, num_classes=num_classes, num_frames=num_frames)
    sizes = [num_frames[name] for name in tables.names]
    if probabilities is not None:
        scores = _columns(probabilities, tables.names, num_classes)
    else:
        scores = _segment_scores(predictions, tables.names, num_frames, num_classes)
    offset = np.cumsum([0, *sizes])
    ap = np.full((1, num_classes), np.nan)
    for label in np.unique(tables.truth.label):
        true = tables.truth[tables.truth.label == label]
        edges = np.zeros(offset[-1] + 1, np.int64)
        np.add.at(edges, offset[true.video] + true.start, 1)
        np.add.at(edges, offset[true.video] + true.end, -1)
        ap[0, label] = _average_precision(scores(label), np.cumsum(edges[:-1]) > 0)
    maps = np.nanmean(ap, axis=1)
    return Result(
        figures={'mAP': float(maps[0])},
        mean=float(maps[0]),
        num_predicted=len(tables.proposals) if probabilities is None else int(offset[-1]),
        num_true=len(tables.truth),
        map=maps,
        ap=ap,
    )


def _average_precision(scores: np.ndarray, right: np.ndarray) -> float:
    """Returns the mean precision at the scores of positive frames."""
    positive = np.sort(scores[right])
    predicted = len(scores) - np.searchsorted(np.sort(scores), positive)
    true = len(positive) - np.searchsorted(positive, positive)
    return float(np.mean(true / predicted))


def _columns(probabilities: Mapping[str, np.ndarray], names: Sequence[str], num_classes: int):
    """Returns a function: class -> its scores in all recordings, concatenated."""
    parts = []
    for name in names:
        scores = np.asarray(probabilities[name])
        if scores.ndim != 2 or scores.shape[1] < num_classes:
            raise InputError(
                f'{name}: expected scores [frames, {num_classes} classes], found {scores.shape}'
            )
        if np.isnan(scores).any():
            frame, label = np.argwhere(np.isnan(scores))[0]
            raise InputError(f'{name}: frame {frame} has no number as score of class {label}')
        parts.append(scores)
    return lambda label: np.concatenate([scores[:, label] for scores in parts])


def _segment_scores(
    predictions: Mapping[str, Segments],
    names: Sequence[str],
    num_frames: Mapping[str, int],
    num_classes: int,
):
    """Returns a function as `_columns` does, with frame scores from segments."""
    parts = []
    for name in names:
        scores = np.full((num_frames[name], num_classes), -np.inf)
        found = predictions.get(name, Segments([], [], []))
        for index in np.argsort(found.score, kind='stable'):
            label = found.label[index]
            scores[found.start[index] : found.end[index], label] = found.score[index]
        parts.append(scores)
    return lambda label: np.concatenate([scores[:, label] for scores in parts])


def _check_counts(counts: Mapping[str, int], num_frames: Mapping[str, int]) -> None:
    for name, count in counts.items():
        if num_frames.get(name, count) != count:
            raise InputError(f'{name}: {count} scored frames, but {num_frames[name]} in all')
