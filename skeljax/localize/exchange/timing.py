"""Converts the times of rows to whole frames inside their recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skeljax.localize.exchange.errors import Faults
from skeljax.localize.exchange.parsed import Row
from skeljax.localize.segments import Segments

FAR = 1e12  # no time is beyond, whatever the unit; below it no frame overflows


def timed(
    rows: Sequence[Row],
    labels: Sequence[int],
    faults: Faults,
    *,
    factors: Mapping[str, float],
    frames: Mapping[str, int],
    unit: str,
    cut: bool,
) -> tuple[list[Row], Segments]:
    """Converts rows to segments; see `skeljax.localize.exchange` for what is cut or refused.

    Args:
        rows: N of them.
        labels: their classes.
        faults: is told.
        factors: recording -> frames in a unit of its times.
        frames: recording -> its length, where known.
        unit: of the times, for messages.
        cut: cuts at the ends of a recording, however far a segment leaves it.

    Returns:
        The rows kept and their segments, as many.

    Raises:
        FormatError: a row that cannot be a segment, if it is not skipped.
    """
    start, end, score = np.array([row[2:5] for row in rows], np.float64).reshape(-1, 3).T
    factor = np.array([factors[row.recording] for row in rows], np.float64)
    limit = np.array([frames.get(row.recording, FAR) for row in rows], np.float64)
    with np.errstate(invalid='ignore', over='ignore'):
        first, last = start * factor, end * factor
        timeless = ~((np.abs(first) < FAR) & (np.abs(last) < FAR))
        # A frame late may come of rounding.
        leaves = (np.floor(first + 0.5) < 0) | (np.floor(last + 0.5) > limit + 1)
        outside = (last <= 0) | (first >= limit) | (leaves & (not cut))

    shown = lambda i: f'{start[i]:g} to {end[i]:g} {unit}'
    there = lambda i: f'{shown(i)} in a recording of {limit[i]:g} frames'
    order = lambda i: f'{shown(i)}, expected the start before the end'
    number = lambda i: f'score is {score[i]:g}, expected a number'
    rules = [
        (timeless, 'times that are no numbers', lambda i: f'{shown(i)}, expected numbers'),
        (end <= start, 'ends at or before the start', order),
        (~np.isfinite(score), 'scores that are no numbers', number),
        (outside, 'segments outside their recording', there),
    ]
    bad = np.any([mask for mask, *_ in rules], axis=0)
    for i in np.flatnonzero(bad):
        _, kind, what = next(rule for rule in rules if rule[0][i])
        faults.refuse(rows[i], kind, what(i))
    good = np.flatnonzero(~bad)
    left = good[leaves[good]] if cut else []
    if len(left):
        example = f'{rows[left[0]].where}: {there(left[0])}'
        faults.noted.append(f'cut {len(left)} segments at ends of recordings (first: {example})')

    # Both ends to the nearest frame, at least one frame, inside the recording.
    first = np.clip(np.floor(first[good] + 0.5), 0, limit[good] - 1)
    last = np.clip(np.floor(last[good] + 0.5), first + 1, limit[good])
    segments = Segments(first, last, np.asarray(labels, np.int64)[good], score[good])
    return [rows[i] for i in good], segments
