"""Keeps the best of overlapping segments (greedy non-maximum suppression)."""

from __future__ import annotations

import numpy as np

from skeljax.localize.segments import Segments, check


def suppress(segments: Segments, overlap: float, *, lengthen: int = 0) -> np.ndarray:
    """Drops, within each class, what a better-scored segment already covers.

    From the best score down, a kept segment removes every lower one of its class of
    which it covers more than the fraction `overlap`; the fraction is of the removed
    segment's own length, which is not the IoU. Equal scores: the earlier start, then
    the earlier end is the better one.

    All classes and all groups of overlapping segments are treated side by side: what
    overlaps nothing of a group cannot be touched by it, so the order between groups is
    free, and a round costs one sorted sweep.

    Args:
        segments: segments of one recording.
        overlap: 0 keeps only what does not overlap at all.
        lengthen: frames added to every end first; 2 gives the lengths of the BABEL
            release (inclusive end one frame late, and + 1).

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
        covered = shared / (end[alive] - start[alive]) > overlap
        alive = alive[~covered & (alive != best)]
    kept = np.concatenate(kept) if kept else np.zeros(0, np.int64)
    return kept[np.lexsort((end[kept], start[kept], segments.label[kept]))]


def _groups(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Numbers the connected groups of overlapping intervals that are sorted by start."""
    reach = np.maximum.accumulate(end)
    opens = np.ones(len(start), bool)
    opens[1:] = start[1:] >= reach[:-1]
    return np.cumsum(opens) - 1
