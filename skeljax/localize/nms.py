"""Resolves overlaps of segments: non-maximum suppression, Soft-NMS, cuts to fit side by side."""

from __future__ import annotations

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.metrics.matching import temporal_iou
from skeljax.localize.segments import Segments, check, concatenate


def suppress(
    segments: Segments, overlap: float, *, lengthen: int = 0, iou: bool = False
) -> np.ndarray:
    """Applies greedy non-maximum suppression within each class.

    From the best score down, a kept segment removes every lower-scored segment of its class of
    which it covers more than the fraction `overlap`: a fraction of the removed segment's length,
    as in the BABEL release, or with `iou` the IoU of the two, as usual. Ties in score are
    resolved by the earlier start, then the earlier end.

    All classes and all connected groups of overlapping segments are processed together in
    vectorized rounds: segments of different groups cannot affect each other.

    Args:
        segments: of one recording.
        overlap: largest allowed overlap; 0 removes everything that overlaps a better segment.
        lengthen: frames added to every end first; 2 gives the lengths of the BABEL
            release (inclusive end one frame late, and + 1).
        iou: measures overlap by the IoU.

    Returns:
        int64[K], indices of the kept segments, by class, then start.

    Raises:
        InputError: an empty segment, a negative start or label, or a score of nan.
    """
    check(segments, 'segments to suppress')
    start, end = segments.start, segments.end + lengthen
    rank = np.empty(len(segments), np.int64)
    rank[np.lexsort((end, start, -segments.score))] = np.arange(len(segments))
    alive = np.lexsort((end, start, segments.label))
    if iou and overlap >= 0.5:
        alive = _suppress_by_high_iou(start, end, segments.label, rank, alive, overlap)
        return alive[np.lexsort((end[alive], start[alive], segments.label[alive]))]
    kept = []
    while len(alive):
        group = _groups(start[alive], end[alive], segments.label[alive])
        first = np.flatnonzero(np.diff(group, prepend=-1))
        best_rank = np.minimum.reduceat(rank[alive], first)
        winner = alive[rank[alive] == best_rank[group]]
        kept.append(winner)
        best = winner[group]
        shared = np.minimum(end[alive], end[best]) - np.maximum(start[alive], start[best])
        frames = end[alive] - start[alive]
        if iou:
            frames = frames + end[best] - start[best] - np.maximum(shared, 0)
        covered = shared / frames > overlap
        alive = alive[~covered & (alive != best)]
    kept = np.concatenate(kept) if kept else np.zeros(0, np.int64)
    return kept[np.lexsort((end[kept], start[kept], segments.label[kept]))]


def soft_nms(
    segments: Segments,
    *,
    method: str = 'gaussian',
    overlap: float = 0.3,
    sigma: float = 0.5,
    min_score: float = 0.001,
) -> Segments:
    """Applies Soft-NMS within each class (Bodla et al. 2017, arXiv 1704.04503).

    From the best score down, a segment keeps its score and lowers those of the remaining
    segments of its class: `linear` multiplies them by 1 - IoU where the IoU is at least
    `overlap`; `gaussian` by exp(-IoU^2 / sigma). The best of the lowered scores is next. Segments
    whose score falls below `min_score` are dropped. Ties in score are resolved by the earlier
    start, then the earlier end.

    Args:
        segments: of one recording.
        method: 'linear' or 'gaussian'.
        overlap: lowest IoU at which `linear` lowers a score; 0.3 in the source.
        sigma: of `gaussian`; 0.5 in the source.
        min_score: above 0, because a factor would raise a negative score.

    Returns:
        Segments in temporal order, with the lowered scores.

    Raises:
        InputError: an unknown method, `sigma` or `min_score` not above 0, an empty segment or a
            score of nan.
    """
    if method not in ('linear', 'gaussian'):
        raise InputError(f'Soft-NMS by {method!r}, expected linear or gaussian')
    if not (sigma > 0 and min_score > 0):
        raise InputError(f'Soft-NMS: sigma {sigma:g}, least score {min_score:g}, expected above 0')
    check(segments, 'segments for Soft-NMS')
    left = segments[segments.score >= min_score]
    left = left[np.lexsort((left.end, left.start, left.label))]
    # Segments of different groups cannot affect each other: every round takes one of each group.
    group = _groups(left.start, left.end, left.label)
    kept = []
    while len(left):
        first = np.flatnonzero(np.diff(group, prepend=-1))
        best = np.maximum.reduceat(left.score, first)
        number = np.cumsum(np.diff(group, prepend=-1) > 0) - 1
        top = np.flatnonzero(left.score == best[number])
        winner = top[np.unique(number[top], return_index=True)[1]]
        kept.append(left[winner])
        by = winner[number]
        iou = temporal_iou(left.start, left.end, left.start[by], left.end[by])
        if method == 'linear':
            factor = np.where(iou >= overlap, 1 - iou, 1)
        else:
            factor = np.exp(-(iou**2) / sigma)
        score = left.score * factor
        score[winner] = -np.inf
        remains = score >= min_score
        left = Segments(left.start, left.end, left.label, score)[remains]
        group = group[remains]
    result = concatenate(kept)
    return result[np.lexsort((result.label, result.end, result.start))]


def non_overlapping(segments: Segments, *, keep: float = 0.5) -> Segments:
    """Returns the best segments of any class, cut so that none overlap.

    See `choose_non_overlapping`, which also returns their indices.
    """
    return choose_non_overlapping(segments, keep=keep)[1]


def choose_non_overlapping(segments: Segments, *, keep: float = 0.5) -> tuple[np.ndarray, Segments]:
    """Selects the best segments of any class and cuts them so that none overlap.

    From the best score down, a segment is cut to its longest part that no better segment covers,
    the first of equal parts. It is dropped if this part is shorter than `keep` times its length.
    Ties in score are resolved by the earlier start, the earlier end, the lower label. Annotation
    tiers and captions need such segments.

    Args:
        segments: of one recording.
        keep: smallest remaining fraction of a segment, above 0 and up to 1.

    Returns:
        Indices of the selected segments, int64[K], and the cut segments, both in temporal order.

    Raises:
        InputError: an empty segment, a score of nan, or a `keep` out of range.
    """
    if not 0 < keep <= 1:
        raise InputError(f'part of a segment to keep: {keep:g} is not above 0 and up to 1')
    check(segments, 'segments to make non-overlapping')
    start, end = segments.start.copy(), segments.end.copy()
    taken: list[tuple[int, int]] = []  # sorted, never overlapping
    kept = []
    for index in np.lexsort((segments.label, end, start, -segments.score)):
        first, last = int(start[index]), int(end[index])
        free, at = [], first
        for low, high in (span for span in taken if span[1] > first and span[0] < last):
            free.append((at, low))
            at = max(at, high)
        free.append((at, last))
        low, high = max(free, key=lambda span: (span[1] - span[0], -span[0]))
        if high - low < keep * (last - first):
            continue
        start[index], end[index] = low, high
        kept.append(index)
        taken = sorted([*taken, (low, high)])
    order = np.array(sorted(kept, key=lambda index: start[index]), np.int64)
    label, score = segments.label[order], segments.score[order]
    return order, Segments(start[order], end[order], label, score, segments.classes)


def _suppress_by_high_iou(start, end, label, rank, order, overlap: float) -> np.ndarray:
    """Suppresses at an IoU from 0.5, where only pairs with close starts can exceed it.

    In each round the segments that no better one threatens are final and remove their
    neighbors. The result is that of the greedy algorithm.
    """
    better, worse = _overlapping_pairs(start[order], end[order], label[order], overlap)
    better, worse = order[better], order[worse]
    swapped = rank[better] > rank[worse]
    better, worse = np.where(swapped, worse, better), np.where(swapped, better, worse)
    alive = np.ones(len(start), bool)
    while len(better):
        threatened = np.zeros(len(start), bool)
        threatened[worse] = True
        alive[worse[~threatened[better]]] = False
        # A pair is undecided while both are alive and the better one may be removed.
        open_pairs = alive[better] & alive[worse] & threatened[better]
        better, worse = better[open_pairs], worse[open_pairs]
    return np.flatnonzero(alive)


def _overlapping_pairs(start, end, label, overlap: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns the pairs i < j with an IoU above `overlap`; input is sorted by label, start."""
    # j starts at most this many frames after i.
    reach = (1 - overlap) * (end - start)
    first, pairs = np.arange(len(start)), []
    step = 0
    while len(first):
        step += 1
        first = first[first < len(start) - step]
        other = first + step
        close = (label[other] == label[first]) & (start[other] - start[first] <= reach[first])
        first, other = first[close], other[close]
        shared = np.minimum(end[first], end[other]) - start[other]
        union = np.maximum(end[first], end[other]) - start[first]
        above = shared / union > overlap
        pairs.append((first[above], other[above]))
    parts = [np.concatenate([pair[side] for pair in pairs]) for side in (0, 1)] if pairs else None
    return tuple(parts) if parts else (np.zeros(0, np.int64),) * 2


def _groups(start: np.ndarray, end: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Numbers the connected groups of overlapping segments of a class, sorted by label, start."""
    # All classes share one time axis: each class is moved behind the previous one.
    offset = label * (int(end.max(initial=0)) + 1)
    latest = np.maximum.accumulate(end + offset)
    opens = np.ones(len(start), bool)
    opens[1:] = start[1:] + offset[1:] >= latest[:-1]
    return np.cumsum(opens) - 1
