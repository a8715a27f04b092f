"""Scores frames one by one: per-frame mean average precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.metrics.result import Result
from skeljax.localize.metrics.tables import pool
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
    """Takes the mean over classes of the average precision of frames.

    The frames of all recordings are ranked by their score for a class; right are those in a
    true segment of it, which may be in segments of other classes too. AP is the mean over
    the right frames of the precision at their score, so that equal scores need no order; no
    envelope. Classes without truth are left out.

    Where there are no frame scores, segments are painted: a frame's score for a class is the
    best of the segments of that class which hold it, and lower than any where none does.

    Source: per-frame mAP of Charades and Toyota Smarthome Untrimmed (arXiv 1604.01753,
    2010.14982); ties as in scikit-learn's `average_precision_score`.

    Args:
        predictions: proposals by recording, read where `probabilities` are not given.
        truth: true segments by recording, empty ones included.
        num_classes: L, without background.
        tious: none, since no segments are matched.
        num_frames: of every true recording; needed where `probabilities` are not given.
        probabilities: scores of frames by recording, float[T, L] or more columns, which
            are not read (background).

    Returns:
        One mAP, without a threshold; `num_predicted` counts frames where these are scored.

    Raises:
        InputError: names the recording that is unknown, holds a bad segment or score, or
            lacks frames; or says that there is no truth at all, or of a threshold.
    """
    if len(tious):
        raise InputError(f'framewise has no tIoU thresholds, found {tuple(tious)}')
    if probabilities is not None:
        if unknown := sorted(set(probabilities) - set(truth)):
            raise InputError(f'{unknown[0]}: scored, but not among the true recordings')
        counts = {name: len(scores) for name, scores in probabilities.items()}
        if num_frames is not None:
            _agree(counts, num_frames)
        num_frames = counts
    if num_frames is None:
        raise InputError('framewise needs scores of frames, or how many frames a recording has')
    pooled = pool(predictions, truth, num_classes=num_classes, num_frames=num_frames)
    sizes = [num_frames[name] for name in pooled.names]
    if probabilities is not None:
        scores = _columns(probabilities, pooled.names, num_classes)
    else:
        scores = _painted(predictions, pooled.names, num_frames, num_classes)
    offset = np.cumsum([0, *sizes])
    ap = np.full((1, num_classes), np.nan)
    for label in np.unique(pooled.truth.label):
        true = pooled.truth[pooled.truth.label == label]
        edges = np.zeros(offset[-1] + 1, np.int64)
        np.add.at(edges, offset[true.video] + true.start, 1)
        np.add.at(edges, offset[true.video] + true.end, -1)
        ap[0, label] = _average_precision(scores(label), np.cumsum(edges[:-1]) > 0)
    maps = np.nanmean(ap, axis=1)
    return Result(
        figures={'mAP': float(maps[0])},
        mean=float(maps[0]),
        num_predicted=len(pooled.proposals) if probabilities is None else int(offset[-1]),
        num_true=len(pooled.truth),
        map=maps,
        ap=ap,
    )


def _average_precision(scores: np.ndarray, right: np.ndarray) -> float:
    """Takes the mean, over right frames, of the share of right ones among all as good."""
    good = np.sort(scores[right])
    above = len(scores) - np.searchsorted(np.sort(scores), good)
    return float(np.mean((len(good) - np.searchsorted(good, good)) / above))


def _columns(probabilities: Mapping[str, np.ndarray], names: Sequence[str], num_classes: int):
    """Makes a function that lines up the scores of one class in all recordings."""
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


def _painted(
    predictions: Mapping[str, Segments],
    names: Sequence[str],
    num_frames: Mapping[str, int],
    num_classes: int,
):
    parts = []
    for name in names:
        scores = np.full((num_frames[name], num_classes), -np.inf)
        found = predictions.get(name, Segments([], [], []))
        for index in np.argsort(found.score, kind='stable'):
            label = found.label[index]
            scores[found.start[index] : found.end[index], label] = found.score[index]
        parts.append(scores)
    return lambda label: np.concatenate([scores[:, label] for scores in parts])


def _agree(counts: Mapping[str, int], num_frames: Mapping[str, int]) -> None:
    for name, count in counts.items():
        if num_frames.get(name, count) != count:
            raise InputError(f'{name}: {count} scored frames, but {num_frames[name]} in all')
