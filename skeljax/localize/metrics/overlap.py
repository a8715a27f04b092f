"""Measures how much intervals share, and finds what each proposal shares most with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skeljax.localize.metrics.tables import Table

_PAIRS = 1 << 21


def temporal_iou(
    start: np.ndarray, end: np.ndarray, other_start: np.ndarray, other_end: np.ndarray
) -> np.ndarray:
    """Divides the shared frames of half-open intervals by all their frames (broadcasts).

    An interval that ends at or before its start has no frames and shares none.
    """
    shared = np.maximum(np.minimum(end, other_end) - np.maximum(start, other_start), 0)
    total = np.maximum(end - start, 0) + np.maximum(other_end - other_start, 0) - shared
    return shared / np.maximum(total, 1)


def hull_overlap(
    start: np.ndarray, end: np.ndarray, other_start: np.ndarray, other_end: np.ndarray
) -> np.ndarray:
    """Divides the shared frames by those from the first start to the last end (broadcasts).

    That is the IoU of half-open intervals that share a frame; of others it is 0 or negative.
    """
    shared = np.minimum(end, other_end) - np.maximum(start, other_start)
    return shared / np.maximum(np.maximum(end, other_end) - np.minimum(start, other_start), 1)


def best_true(
    proposals: Table,
    truth: Table,
    num_classes: int,
    *,
    overlap: Callable[..., np.ndarray] = temporal_iou,
    last: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Finds for each proposal the true segment of its recording and class it shares most with.

    Args:
        proposals, truth: of one `Pool`.
        num_classes: L.
        overlap: (start, end, other start, other end) -> share.
        last: of equal shares the last true segment counts, not the first.

    Returns:
        int64[P], row of `truth`, and float64[P], the share; -1 and -inf where the recording
        has no true segment of the class.
    """
    key = truth.video * num_classes + truth.label
    order = np.argsort(key, kind='stable')
    wanted = proposals.video * num_classes + proposals.label
    low, high = (np.searchsorted(key[order], wanted, side=side) for side in ('left', 'right'))
    owner = np.full(len(proposals), -1, np.int64)
    share = np.full(len(proposals), -np.inf)
    some = np.flatnonzero(high > low)
    # Few pairs at a time bound the memory, however many segments a recording has.
    chunk = np.cumsum(high[some] - low[some]) // _PAIRS
    for rows in np.split(some, np.flatnonzero(np.diff(chunk)) + 1) if len(some) else []:
        count = high[rows] - low[rows]
        begin = np.cumsum(count) - count
        pair = np.repeat(np.arange(len(rows)), count)
        at = order[np.arange(len(pair)) - begin[pair] + low[rows][pair]]
        one = rows[pair]
        value = overlap(proposals.start[one], proposals.end[one], truth.start[at], truth.end[at])
        best = np.maximum.reduceat(value, begin)
        equal = value == best[pair]
        if last:
            owner[rows] = np.maximum.reduceat(np.where(equal, at, -1), begin)
        else:
            owner[rows] = np.minimum.reduceat(np.where(equal, at, len(truth)), begin)
        share[rows] = best
    return owner, share
