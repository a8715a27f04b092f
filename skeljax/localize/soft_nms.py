"""Lowers the scores of overlapping segments instead of dropping them (Soft-NMS)."""

from __future__ import annotations

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.metrics.overlap import temporal_iou
from skeljax.localize.segments import Segments, check


def soften(
    segments: Segments,
    *,
    method: str = 'gaussian',
    overlap: float = 0.3,
    sigma: float = 0.5,
    min_score: float = 0.001,
) -> Segments:
    """Lowers, within each class, the scores of what overlaps a better-scored segment.

    From the best score down, a segment keeps its score and lowers those of all that are
    left of its class: `linear` multiplies them by 1 - IoU where that is at least
    `overlap`; `gaussian` by exp(-IoU^2 / sigma). The best of the lowered scores is next. A
    segment whose score falls below `min_score` is left out. Equal scores: the earlier
    start, then the earlier end is the better one. (Bodla et al. 2017, arXiv 1704.04503.)

    Args:
        segments: of one recording.
        method: 'linear' or 'gaussian'.
        overlap: IoU from which `linear` lowers; 0.3 in the source.
        sigma: how far `gaussian` reaches; 0.5 in the source.
        min_score: above 0, since a factor would raise a negative score.

    Returns:
        Segments in temporal order, with the lowered scores.

    Raises:
        InputError: an unknown method, a `sigma` or `min_score` that is not above 0, an
            empty segment or a score that is no number.
    """
    if method not in ('linear', 'gaussian'):
        raise InputError(f'Soft-NMS by {method!r}, expected linear or gaussian')
    if not (sigma > 0 and min_score > 0):
        raise InputError(f'Soft-NMS: sigma {sigma:g}, least score {min_score:g}, expected above 0')
    check(segments, 'segments to soften')
    left = segments[segments.score >= min_score]
    left = left[np.lexsort((left.end, left.start, left.label))]
    # What overlaps nothing of a group cannot be touched by it: groups run side by side.
    group = _groups(left)
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
        stays = score >= min_score
        left = Segments(left.start, left.end, left.label, score)[stays]
        group = group[stays]
    columns = zip(*((s.start, s.end, s.label, s.score) for s in kept), strict=True)
    found = Segments(*map(np.concatenate, columns)) if kept else left
    return found[np.lexsort((found.label, found.end, found.start))]


def _groups(segments: Segments) -> np.ndarray:
    """Numbers the connected groups of overlapping segments of a class; by label, start."""
    span = int(segments.end.max(initial=0)) + 1
    start, end = (times + segments.label * span for times in (segments.start, segments.end))
    opens = np.ones(len(start), bool)
    opens[1:] = start[1:] >= np.maximum.accumulate(end)[:-1]
    return np.cumsum(opens) - 1
