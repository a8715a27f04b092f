"""Chooses segments that fit side by side into one row, as annotation tiers and captions need."""

from __future__ import annotations

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.segments import Segments, check


def side_by_side(segments: Segments, *, keep: float = 0.5) -> Segments:
    """Chooses the best segments, of any class, and cuts them so that none overlap; as `choose_side_by_side` does."""
    return choose_side_by_side(segments, keep=keep)[1]


def choose_side_by_side(segments: Segments, *, keep: float = 0.5) -> tuple[np.ndarray, Segments]:
    """Chooses the best segments, of any class, and cuts what is left so that none overlap.

    From the best score down, a segment keeps its longest part that no better one has
    taken, the first of equal parts; with less than `keep` of its own length it is left
    out. Equal scores: the earlier start, then the earlier end, then the lower label is
    the better one.

    Args:
        segments: of one recording.
        keep: the part of a segment that must be left, above 0 and up to 1.

    Returns:
        Which segments, int64[K], and what is left of each, in temporal order; none overlap.

    Raises:
        InputError: an empty segment, one without a number as score, or no such part.
    """
    if not 0 < keep <= 1:
        raise InputError(f'part of a segment to keep: {keep:g} is not above 0 and up to 1')
    check(segments, 'segments to put side by side')
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
