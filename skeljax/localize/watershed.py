"""Groups frames into segments by flooding their scores (watershed, TAG)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.decode import checked, contrast
from skeljax.localize.segments import Segments
from skeljax.localize.suppress import suppress

GRID = tuple(step / 20 for step in range(1, 20))


def watershed(
    probabilities: np.ndarray,
    *,
    levels: Sequence[float] = GRID,
    shares: Sequence[float] = GRID,
    min_frames: int = 3,
    margin: float = 0.25,
    margin_weight: float = 0.6,
    overlap: float = 0.95,
    by_class: bool = True,
) -> Segments:
    """Proposes groups of basins: temporal actionness grouping (arXiv 1704.06228).

    The scores upside down are a landscape, flooded up to each level: what stands under
    water, the runs of frames whose score is above the level, are basins. From every basin
    on, the next ones and what lies between are taken in as long as at least a share of
    the frames from the first basin's start to the last one's end is in basins. All levels
    with all shares give the proposals; of those that have more than `overlap` of their
    frames in common (IoU) the best scored one stays.

    The source floods the actionness, floods it once and lets a network classify and score
    the groups. Here each class is flooded by itself; or, not `by_class`, the actionness,
    1 less background, whose groups get the class of the highest mean. The score is that of
    `threshold_runs`: the mean inside less `margin_weight` times that of the margins, of the
    class; a weight of 0 leaves the mean.

    Args:
        probabilities: float[T, L + 1] of one recording, background last, padding cut off.
        levels: from 0 to 1; a frame is in a basin when its score is above.
        shares: from 0 to 1.
        min_frames: shorter groups are left out.
        margin: length of each margin as a fraction of the group.
        margin_weight: how much the margins' mean lowers the score.
        overlap: IoU above which the better group suppresses the other; 1 keeps all.
        by_class: False floods the actionness.

    Returns:
        Segments in temporal order; those of a class may hold one another.

    Raises:
        InputError: no levels or shares, or not from 0 to 1; not two-dimensional, no class
            beside background, or not probabilities.
    """
    every = checked(probabilities)
    for name, values in (('levels', levels), ('shares', shares)):
        if not len(values) or not all(0 <= value <= 1 for value in values):
            raise InputError(f'watershed {name}: expected numbers from 0 to 1, found {values}')
    scores = np.ascontiguousarray(every[:, :-1].T)
    landscape = scores if by_class else 1 - every[None, :, -1]
    flood, start, end = _basins(landscape, np.asarray(levels, np.float64))
    flood, start, end = _grouped(flood, start, end, np.asarray(shares, np.float64))
    long = end - start >= min_frames
    # One group comes of many levels and shares.
    span = len(every) + 1
    groups = np.unique((flood[long] // len(levels) * span + start[long]) * span + end[long])
    row, start, end = groups // span**2, groups // span % span, groups % span
    label = row if by_class else _likeliest(scores, start, end)
    score = contrast(scores, start, end, label, margin, margin_weight)
    found = Segments(start, end, label, score)
    found = found[suppress(found, overlap, iou=True)] if overlap < 1 else found
    return found[np.lexsort((found.label, found.end, found.start))]


def _basins(landscape: np.ndarray, levels: np.ndarray):
    """Finds the runs of float[R, T] above each of K levels: row x K + level, start and end.

    They are in the order of all three.
    """
    num_rows, num_frames = landscape.shape
    deep = np.zeros((num_rows, num_frames + 2), np.int16)
    for level in levels:
        deep[:, 1:-1] += landscape > level
    # How many levels a frame is above changes at few frames; each level between has an edge.
    row, edge = np.nonzero(deep[:, 1:] != deep[:, :-1])
    before, after = deep[row, edge], deep[row, edge + 1]
    count = np.abs(after - before).astype(np.int64)
    change = np.repeat(np.arange(len(row)), count)
    level = np.arange(len(change)) - np.repeat(np.cumsum(count) - count, count)
    level += np.minimum(before, after)[change]
    flood = row[change] * len(levels) + level
    order = np.argsort(flood, kind='stable')
    flood, edge = flood[order], edge[change[order]]
    return flood[::2], edge[::2], edge[1::2]


def _grouped(flood, start, end, shares: np.ndarray):
    """Takes in the next basins from each one on, for every share: flood, start, end."""
    filled = np.concatenate([[0], np.cumsum(end - start)])
    after = np.searchsorted(flood, flood, side='right')  # the first basin of the next flood
    seed = np.arange(len(flood))
    ends = []
    for share in shares:
        # From seed i to basin j enough is filled while surplus[j] reaches debt[i].
        debt = filled[:-1] - share * start - 1e-6
        surplus = filled[1:] - share * end
        ends.append(end[_reached(debt, surplus, seed, after)])
    return np.tile(flood, len(ends)), np.tile(start, len(ends)), np.concatenate(ends)


def _reached(debt, surplus, seed, after) -> np.ndarray:
    """Finds the last j before after[i] with surplus >= debt[i] from i on without a break."""
    longest = int((after - seed).max(initial=1))
    lowest = [surplus]  # of 1, 2, 4, ... neighbours from each place on
    while 2 ** len(lowest) <= longest:
        half, width = lowest[-1], 2 ** (len(lowest) - 1)
        whole = half.copy()
        whole[:-width] = np.minimum(half[:-width], half[width:])
        lowest.append(whole)
    last = seed.copy()
    for step, low in reversed(list(enumerate(lowest))):
        to = last + 2**step
        inside = np.flatnonzero(to < after)
        taken = inside[low[last[inside] + 1] >= debt[inside]]
        last[taken] = to[taken]
    return last


def _likeliest(scores: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Finds the class of the highest mean over each group, of float[L, T]."""
    total = np.zeros((len(scores), scores.shape[1] + 1))
    np.cumsum(scores, axis=1, out=total[:, 1:])
    return (total[:, end] - total[:, start]).argmax(axis=0)
