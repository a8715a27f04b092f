"""Keeps the best of overlapping segments (greedy non-maximum suppression)."""

from __future__ import annotations

import numpy as np

from skeljax.localize.segments import Segments, check


def suppress(
    segments: Segments, overlap: float, *, lengthen: int = 0, iou: bool = False
) -> np.ndarray:
    """Drops, within each class, what a better-scored segment already covers.

    From the best score down, a kept segment removes every lower one of its class of
    which it covers more than the fraction `overlap`. The fraction is of the removed
    segment's own length, as in the BABEL release, or with `iou` of the frames of both
    together, as usual (hard NMS). Equal scores: the earlier start, then the earlier end is
    the better one.

    All classes and all groups of overlapping segments are treated side by side: what
    overlaps nothing of a group cannot be touched by it, so the order between groups is
    free, and a round costs one sorted sweep.

    Args:
        segments: segments of one recording.
        overlap: 0 keeps only what does not overlap at all.
        lengthen: frames added to every end first; 2 gives the lengths of the BABEL
            release (inclusive end one frame late, and + 1).
        iou: measures by the IoU.

    Returns:
        int64[K], positions of the kept segments, by class, then start.

    Raises:
        InputError: an empty segment, a negative start or label, or a score that is no number.
    """
    check(segments, 'segments to suppress')
    start, end = segments.start, segments.end + lengthen
    rank = np.empty(len(segments), np.int64)
    rank[np.lexsort((end, start, -segments.score))] = np.arange(len(segments))
    alive = np.lexsort((end, start, segments.label))
    if iou and overlap >= 0.5:
        left = _suppress_alike(start, end, segments.label, rank, alive, overlap)
        return left[np.lexsort((end[left], start[left], segments.label[left]))]
    # One line of time for all classes: each class is moved behind the one before it.
    span = int(end.max(initial=0)) + 1
    moved_start = start + segments.label * span
    moved_end = end + segments.label * span
    kept = []
    while len(alive):
        group = _groups(moved_start[alive], moved_end[alive])
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


def _groups(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Numbers the connected groups of overlapping intervals that are sorted by start."""
    reach = np.maximum.accumulate(end)
    opens = np.ones(len(start), bool)
    opens[1:] = start[1:] >= reach[:-1]
    return np.cumsum(opens) - 1


def _suppress_alike(start, end, label, rank, order, overlap: float) -> np.ndarray:
    """Suppresses by a high IoU, where few pairs count: those whose starts are close.

    What no better neighbour can remove is kept and removes its neighbours; this again and
    again gives what taking the best of all each time gives.
    """
    better, worse = _alike(start[order], end[order], label[order], overlap)
    better, worse = order[better], order[worse]
    swapped = rank[better] > rank[worse]
    better, worse = np.where(swapped, worse, better), np.where(swapped, better, worse)
    alive = np.ones(len(start), bool)
    while len(better):
        threatened = np.zeros(len(start), bool)
        threatened[worse] = True
        alive[worse[~threatened[better]]] = False
        # A pair counts as long as both are there and the better one may yet be removed.
        still = alive[better] & alive[worse] & threatened[better]
        better, worse = better[still], worse[still]
    return np.flatnonzero(alive)


def _alike(start, end, label, overlap: float) -> tuple[np.ndarray, np.ndarray]:
    """Lists the pairs (i, j), i < j, of an IoU above `overlap`, of segments by label, start."""
    # Of a pair, j starts at most this much behind i.
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
        alike = shared / union > overlap
        pairs.append((first[alike], other[alike]))
    parts = [np.concatenate([pair[side] for pair in pairs]) for side in (0, 1)] if pairs else None
    return tuple(parts) if parts else (np.zeros(0, np.int64),) * 2
