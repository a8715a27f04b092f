"""Matches proposals to true segments and computes average precision from the matches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.metrics import Result
from skeljax.localize.metrics.tables import Table, by_group, make_tables
from skeljax.localize.segments import Segments

_PAIRS = 1 << 21  # computed at a time


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
    """Computes the mean average precision (mAP) of proposals by greedy matching.

    Per class and threshold, proposals of all recordings are processed from the best score down.
    Each is matched to the unmatched true segment of its recording with the highest IoU, if that
    reaches the threshold; otherwise it is a false positive. Average precision is the area under
    the monotone envelope of precision over recall. The mean is over the classes in the truth.
    Ties in score are resolved by recording name, start, end, so the result does not depend on
    the order of the mappings.

    Args:
        predictions: proposals by recording; a recording without an entry has none.
        truth: true segments by recording, empty ones included; scores are not read.
        num_classes: L, without background.
        tious: thresholds above 0 and up to 1.
        num_frames: of every true recording; if given, segments must end within.
        lengthen_predictions, lengthen_truth: frames added to every end before the IoU.

    Raises:
        InputError: an unknown recording, an invalid segment, or no true segment at all.
    """
    tious = check_tious(tious)
    tables = make_tables(predictions, truth, num_classes=num_classes, num_frames=num_frames)
    proposals = tables.proposals.lengthened(lengthen_predictions)
    actual = tables.truth.lengthened(lengthen_truth)
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


def temporal_iou(
    start: np.ndarray, end: np.ndarray, other_start: np.ndarray, other_end: np.ndarray
) -> np.ndarray:
    """Returns the temporal IoU of half-open intervals (broadcasts).

    An interval that ends at or before its start is empty; its IoU is 0.
    """
    shared = np.maximum(np.minimum(end, other_end) - np.maximum(start, other_start), 0)
    total = np.maximum(end - start, 0) + np.maximum(other_end - other_start, 0) - shared
    return shared / np.maximum(total, 1)


def hull_overlap(
    start: np.ndarray, end: np.ndarray, other_start: np.ndarray, other_end: np.ndarray
) -> np.ndarray:
    """Returns the intersection over the convex hull of half-open intervals (broadcasts).

    It equals the IoU of intervals that share a frame, and is 0 or negative otherwise.
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
    """Returns for each proposal the true segment of its recording and class it overlaps most.

    Args:
        proposals, truth: of one `Tables`.
        num_classes: L.
        overlap: (start, end, other start, other end) -> overlap.
        last: of equal overlaps, takes the last true segment instead of the first.

    Returns:
        int64[P], row of `truth`, and float64[P], the overlap; -1 and -inf where the recording
        has no true segment of the class.
    """
    key = truth.video * num_classes + truth.label
    order = np.argsort(key, kind='stable')
    proposal_key = proposals.video * num_classes + proposals.label
    low, high = (np.searchsorted(key[order], proposal_key, side=side) for side in ('left', 'right'))
    owner = np.full(len(proposals), -1, np.int64)
    share = np.full(len(proposals), -np.inf)
    some = np.flatnonzero(high > low)
    # Chunks of pairs bound the memory, however many segments a recording has.
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


def average_precision(hits: np.ndarray, num_true: int) -> np.ndarray:
    """Returns the area under the monotone envelope of precision over recall.

    The envelope needs few lines and all thresholds at once; scikit-learn has AP without envelope.

    Args:
        hits: bool[..., P], whether each proposal is a true positive, best score first.
        num_true: number of true segments, at least 1.

    Returns:
        float64[...]; 0 without proposals.
    """
    precision = np.cumsum(hits, axis=-1) / np.arange(1, hits.shape[-1] + 1)
    envelope = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    # Recall rises by 1 / num_true at every hit and nowhere else.
    return np.sum(envelope * hits, axis=-1) / num_true


def claims(
    owner: np.ndarray, share: np.ndarray, tious: Sequence[float], num_true: int
) -> tuple[np.ndarray, np.ndarray]:
    """Matches each proposal to its best true segment only; see `best_true`.

    Args:
        owner: int64[P], row of that true segment or -1, best score first.
        share: float64[P], the overlap.
        tious: K thresholds above 0.
        num_true: number of true segments.

    Returns:
        matched bool[K, P]: the overlap reaches the threshold; hits bool[K, P]: the proposal
        also has the best score of those matched to its true segment.
    """
    matched = share >= np.asarray(tious)[:, None]
    hits = np.zeros(matched.shape, bool)
    for level, reached in enumerate(matched):
        rows = np.flatnonzero(reached)
        first = np.full(num_true, -1)
        # Assigned in reverse, so that of several rows of one owner the best scored remains.
        first[owner[rows[::-1]]] = rows[::-1]
        hits[level, first[first >= 0]] = True
    return matched, hits


def check_tious(tious: Sequence[float]) -> tuple[float, ...]:
    """Returns the thresholds as floats.

    Raises:
        InputError: no threshold, or one outside (0, 1].
    """
    tious = tuple(float(t) for t in tious)
    if not tious or not all(0 < t <= 1 for t in tious):
        raise InputError(f'tIoU thresholds: expected numbers above 0 and up to 1, found {tious}')
    return tious


def named(name: str, tious: Sequence[float], values: np.ndarray) -> dict[str, float]:
    """Returns 'name@threshold' -> value."""
    return {f'{name}@{t:g}': float(v) for t, v in zip(tious, values, strict=True)}


def _match(proposals: Table, truth: Table, tious: np.ndarray) -> np.ndarray:
    """Returns which proposals of one class are matched, bool[K, P].

    Matches in different recordings are independent, so the best proposals of all recordings are
    matched together, then the second best, and so on.
    """
    videos, row = np.unique(truth.video, return_inverse=True)
    slot = _rank_in_group(row)
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
    turn[by_row] = _rank_in_group(row[by_row])
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


def _rank_in_group(groups: np.ndarray) -> np.ndarray:
    """Returns the index of each element within its group; `groups` is sorted."""
    return np.arange(len(groups)) - np.searchsorted(groups, groups)
