"""Scores bootstrap samples of a test set, where possible without repeating the matching."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import functools
from typing import NamedTuple

import numpy as np

from skeljax.localize.metrics import Result, babel
from skeljax.localize.metrics.matching import temporal_iou
from skeljax.localize.segments import Segments


def means(
    scorer: Callable[..., Result],
    predictions: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    counts: np.ndarray,
    *,
    num_classes: int,
    tious: Sequence[float],
    num_frames: Mapping[str, int] | None = None,
) -> np.ndarray:
    """Returns the mean score of each bootstrap sample.

    The result is that of `scorer` on copies of each recording. If `scorer` is `babel.babel`,
    each recording is matched once, and its proposals are weighted by the number of copies:
    copies of one proposal have equal scores and are adjacent in the ranking. Other scorers
    evaluate the copies of each sample.

    Args:
        scorer: `evaluate` of a `Protocol`.
        predictions: proposals by recording.
        truth: true segments by recording.
        counts: number of copies of each recording of `sorted(truth)`, int64[B, R].
        num_classes: L, without background.
        tious: thresholds.
        num_frames: of every recording, for scorers that need them.

    Returns:
        float64[B]; nan for samples without a true segment.
    """
    if isinstance(scorer, functools.partial) and scorer.func is babel.babel:
        lengthen = babel.added_frames(**scorer.keywords)
        return _weighted(predictions, truth, counts, num_classes, tious, *lengthen)
    names = sorted(truth)
    figures = []
    for sample in counts:
        copies = [(f'{n} {i}', n) for n, count in zip(names, sample) for i in range(count)]
        true = {copy: truth[name] for copy, name in copies}
        if not any(len(segments) for segments in true.values()):
            figures.append(np.nan)
            continue
        proposed = {copy: predictions[name] for copy, name in copies if name in predictions}
        frames = num_frames and {copy: num_frames[name] for copy, name in copies}
        result = scorer(proposed, true, num_classes=num_classes, tious=tious, num_frames=frames)
        figures.append(result.mean)
    return np.array(figures, np.float64)


class _Class(NamedTuple):
    """Proposals of one class, best score first, and the number of its true segments."""

    recording: np.ndarray  # int64[P]
    hits: np.ndarray  # bool[K, P]
    total: np.ndarray  # true segments of each recording, int64[R]


def _weighted(predictions, truth, counts, num_classes, tious, more, more_true) -> np.ndarray:
    names, tious = sorted(truth), np.asarray(tuple(tious), np.float64)
    figures = np.full((num_classes, len(tious), len(counts)), np.nan)
    for label in range(num_classes):
        one = _match_class(predictions, truth, names, label, tious, more, more_true)
        total = counts @ one.total
        if not total.any():
            continue
        weights = counts[:, one.recording]
        before = np.cumsum(weights, axis=1)
        for level, hits in enumerate(one.hits):
            # Precision decreases at every miss, so the envelope is that over the hits.
            right = weights[:, hits]
            precision = np.cumsum(right, axis=1) / np.maximum(before[:, hits], 1)
            envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
            with np.errstate(invalid='ignore'):
                figures[label, level] = np.sum(envelope * right, axis=1) / total
    known = ~np.isnan(figures)
    with np.errstate(invalid='ignore'):
        by_tiou = np.where(known, figures, 0.0).sum(0) / known.sum(0)
    return by_tiou.mean(0)


def _match_class(predictions, truth, names, label, tious, more, more_true) -> _Class:
    """Matches the proposals of one class in each recording."""
    found, total = [], np.zeros(len(names), np.int64)
    for index, name in enumerate(names):
        real = truth[name][truth[name].label == label]
        total[index] = len(real)
        if name not in predictions:
            continue
        ours = predictions[name][predictions[name].label == label]
        order = np.lexsort((ours.end, ours.start, -ours.score))
        hits = _match(ours[order], real, tious, more, more_true)
        found += [
            (-ours.score[i], index, ours.start[i], ours.end[i], hits[:, at])
            for at, i in enumerate(order)
        ]
    found.sort(key=lambda row: row[:4])
    hits = np.array([row[4] for row in found], bool).reshape(-1, len(tious)).T
    return _Class(np.array([row[1] for row in found], np.int64), hits, total)


def _match(proposals: Segments, real: Segments, tious, more: int, more_true: int) -> np.ndarray:
    """Matches each proposal, best first, to the free true segment with the highest IoU."""
    hits = np.zeros((len(tious), len(proposals)), bool)
    if not len(real) or not len(proposals):
        return hits
    iou = temporal_iou(
        proposals.start[:, None], proposals.end[:, None] + more, real.start, real.end + more_true
    )
    order = np.lexsort((real.end, real.start))
    iou = iou[:, order]
    for level, least in enumerate(tious):
        free = np.ones(len(real), bool)
        for at, row in enumerate(iou):
            reached = np.where(free & (row >= least), row, 0.0)
            best = reached.argmax()
            if reached[best] > 0:
                free[best], hits[level, at] = False, True
    return hits
