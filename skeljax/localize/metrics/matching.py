"""Matches proposals to the truth from the best score down and takes the mean average precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skeljax.localize.metrics.overlap import temporal_iou
from skeljax.localize.metrics.precision import average_precision, check_tious, named
from skeljax.localize.metrics.result import Result
from skeljax.localize.metrics.tables import Table, by_group, pool
from skeljax.localize.segments import Segments


def mean_average_precision(
    predictions: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    *,
    num_classes: int,
    tious: Sequence[float],
    num_frames: Mapping[str, int] | None = None,
    lengthen_predictions: int = 0,
    lengthen_truth: int = 0,
) -> Result:
    """Scores proposals of many recordings by greedy matching.

    Per class and threshold, the proposals of all recordings are taken from the best score
    down; each takes the still unmatched true segment of its recording with the highest IoU
    if that reaches the threshold, else it is a false positive. Average precision is the
    area under the monotone envelope of precision over recall. Classes that the truth does
    not have are left out of the mean, whatever is proposed for them. Equal scores are
    ordered by recording name, start, end: nothing depends on the order of the mappings.

    Args:
        predictions: proposals by recording; a recording without an entry has none.
        truth: true segments by recording, empty ones included; scores are not read.
        num_classes: L, without background.
        tious: thresholds above 0 and up to 1.
        num_frames: of every true recording; where given, no segment may end beyond.
        lengthen_predictions, lengthen_truth: frames added to every end before the IoU.

    Raises:
        InputError: names the recording that is unknown or holds a bad segment, or says
            that there is no truth at all.
    """
    tious = check_tious(tious)
    pooled = pool(predictions, truth, num_classes=num_classes, num_frames=num_frames)
    proposals = pooled.proposals.lengthened(lengthen_predictions)
    actual = pooled.truth.lengthened(lengthen_truth)
    ap = np.full((len(tious), num_classes), np.nan)
    parts = [by_group(table.label, num_classes) for table in (proposals, actual)]
    for label, (proposed, true) in enumerate(zip(*parts, strict=True)):
        if len(true):
            hits = _match(proposals[proposed], actual[true], np.asarray(tious))
            ap[:, label] = average_precision(hits, len(true))
    maps = np.nanmean(ap, axis=1)
    mean = float(maps.mean())
    return Result(
        figures={**named('mAP', tious, maps), 'mean': mean},
        mean=mean,
        num_predicted=len(proposals),
        num_true=len(actual),
        tious=tious,
        map=maps,
        ap=ap,
    )


def _match(proposals: Table, truth: Table, tious: np.ndarray) -> np.ndarray:
    """Marks the proposals of one class that take a true segment: bool[K, P].

    Recordings do not compete, so the best proposals of all recordings are matched at
    once, then all second best, and so on.
    """
    videos, row = np.unique(truth.video, return_inverse=True)
    slot = _place(row)
    shape = (len(videos), int(slot.max()) + 1)
    start, end = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    start[row, slot], end[row, slot] = truth.start, truth.end
    free = np.zeros((len(tious), *shape), bool)
    free[:, row, slot] = True

    hits = np.zeros((len(tious), len(proposals)), bool)
    candidates = np.flatnonzero(np.isin(proposals.video, videos))
    row = np.searchsorted(videos, proposals.video[candidates])
    turn = np.empty(len(row), np.int64)
    by_row = np.argsort(row, kind='stable')
    turn[by_row] = _place(row[by_row])
    by_turn = np.argsort(turn, kind='stable')
    for now in np.split(by_turn, np.flatnonzero(np.diff(turn[by_turn])) + 1):
        which, where = candidates[now], row[now]
        iou = temporal_iou(
            proposals.start[which, None], proposals.end[which, None], start[where], end[where]
        )
        open_iou = np.where(free[:, where] & (iou >= tious[:, None, None]), iou, 0.0)
        best = open_iou.argmax(axis=-1)
        hit = open_iou.max(axis=-1) > 0
        level, at = np.nonzero(hit)
        free[level, where[at], best[level, at]] = False
        hits[:, which] = hit
    return hits


def _place(groups: np.ndarray) -> np.ndarray:
    """Counts the elements of each group, 0 first, in a sorted vector of group numbers."""
    return np.arange(len(groups)) - np.searchsorted(groups, groups)
