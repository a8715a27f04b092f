"""Turns class probabilities of frames into segments by grouping frames of any class first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.decoders import check_probabilities, contrast_score
from skeljax.localize.nms import suppress
from skeljax.localize.segments import Segments, from_frame_labels

GRID = tuple(step / 20 for step in range(1, 20))


def activity_runs(
    probabilities: np.ndarray,
    *,
    reach: int = 10,
    threshold: float = 0.4,
    faithful: bool = False,
) -> Segments:
    """Returns the runs of frames that are not background, each with its most probable class.

    This is the decoding of the detection evaluation of HiCLR and PCM3. Probabilities are averaged
    over the frames [i - reach, i + reach) of the recording. A frame is active if its background
    probability is at most 1 - threshold. A run gets the class of the highest mean over its
    frames, and this mean as its score. Adjacent actions without a gap become one segment. With
    `faithful` the averages never include the last frame of the recording, as in the release.

    Source: JHang2020/Simple-Skeleton-Detection, processor/detection_downsample_linear.py.

    Args:
        probabilities: float[T, L + 1] of one recording, background last, padding cut off.
        reach: frames averaged on either side; 0 disables averaging.
        threshold: lowest activity probability (1 - background) of an active frame.
        faithful: reproduces the release.

    Returns:
        Segments in temporal order, without overlap.

    Raises:
        InputError: not two-dimensional, no class beside background, or not probabilities.
    """
    scores = _averaged(check_probabilities(probabilities), reach, faithful)
    active = 1 - scores[:, -1] >= threshold
    runs = from_frame_labels(active.astype(np.int64), 0)
    if not len(runs):
        return runs
    # `reduceat` also sums the gaps between runs; the slice [::2] drops them.
    edges = np.stack([runs.start, runs.end], axis=1).ravel()
    padded = np.concatenate([scores[:, :-1], np.zeros((1, scores.shape[1] - 1))])
    means = np.add.reduceat(padded, edges, axis=0)[::2] / (runs.end - runs.start)[:, None]
    label = means.argmax(axis=1)
    return Segments(runs.start, runs.end, label, means[np.arange(len(label)), label])


def _averaged(scores: np.ndarray, reach: int, faithful: bool) -> np.ndarray:
    num_frames = len(scores)
    if reach == 0 or num_frames < 2:
        return scores
    total = np.zeros((num_frames + 1, scores.shape[1]))
    np.cumsum(scores, axis=0, out=total[1:])
    position = np.arange(num_frames)
    first = np.maximum(position - reach, 0)
    last = np.minimum(position + reach, num_frames - 1 if faithful else num_frames)
    return (total[last] - total[first]) / (last - first)[:, None]


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
    """Returns groups of basins: temporal actionness grouping (arXiv 1704.06228).

    The basins of a level are the runs of frames whose score is above the level. A group starts
    at a basin and absorbs the following basins, with the gaps between, as long as at least the
    fraction `share` of the frames from its start to its end is inside basins. Every pair of a
    level and a share gives proposals. Of proposals with an IoU above `overlap`, only the one
    with the best score is kept.

    The source groups the actionness, and a network classifies and scores the groups. Here each
    class is grouped separately. If `by_class` is False, the actionness, 1 - background, is
    grouped instead, and a group gets the class of the highest mean. The score is that of
    `threshold_runs`: the class mean inside minus `margin_weight` times that of the margins.

    Args:
        probabilities: float[T, L + 1] of one recording, background last, padding cut off.
        levels: score thresholds, from 0 to 1.
        shares: fractions of a group's frames inside basins, from 0 to 1.
        min_frames: shorter groups are dropped.
        margin: length of each margin as a fraction of the group.
        margin_weight: weight of the margins' mean in the score.
        overlap: IoU above which the better group suppresses the other; 1 keeps all.
        by_class: groups each class separately; if False, the actionness.

    Returns:
        Segments in temporal order; segments of one class may contain each other.

    Raises:
        InputError: `levels` or `shares` is empty or not from 0 to 1; probabilities that are not
            two-dimensional, have no class beside background, or are outside 0 to 1.
    """
    all_scores = check_probabilities(probabilities)
    for name, values in (('levels', levels), ('shares', shares)):
        if not len(values) or not all(0 <= value <= 1 for value in values):
            raise InputError(f'watershed {name}: expected numbers from 0 to 1, found {values}')
    scores = np.ascontiguousarray(all_scores[:, :-1].T)
    rows = scores if by_class else 1 - all_scores[None, :, -1]
    flood, start, end = _basins(rows, np.asarray(levels, np.float64))
    flood, start, end = _groups(flood, start, end, np.asarray(shares, np.float64))
    long = end - start >= min_frames
    # Many levels and shares give the same group.
    span = len(all_scores) + 1
    code = np.unique((flood[long] // len(levels) * span + start[long]) * span + end[long])
    row, start, end = code // span**2, code // span % span, code % span
    label = row if by_class else _best_class(scores, start, end)
    score = contrast_score(scores, start, end, label, margin, margin_weight)
    groups = Segments(start, end, label, score)
    groups = groups[suppress(groups, overlap, iou=True)] if overlap < 1 else groups
    return groups[np.lexsort((groups.label, groups.end, groups.start))]


def _basins(rows: np.ndarray, levels: np.ndarray):
    """Returns the runs of float[R, T] above each of K levels.

    Returns:
        row x K + level, start and end, each int64[N], sorted by all three.
    """
    num_rows, num_frames = rows.shape
    depth = np.zeros((num_rows, num_frames + 2), np.int16)
    for level in levels:
        depth[:, 1:-1] += rows > level
    # The number of levels below a score changes at few frames, so only these are expanded.
    row, edge = np.nonzero(depth[:, 1:] != depth[:, :-1])
    before, after = depth[row, edge], depth[row, edge + 1]
    count = np.abs(after - before).astype(np.int64)
    change = np.repeat(np.arange(len(row)), count)
    level = np.arange(len(change)) - np.repeat(np.cumsum(count) - count, count)
    level += np.minimum(before, after)[change]
    flood = row[change] * len(levels) + level
    order = np.argsort(flood, kind='stable')
    flood, edge = flood[order], edge[change[order]]
    return flood[::2], edge[::2], edge[1::2]


def _groups(flood, start, end, shares: np.ndarray):
    """Extends each basin over the following ones, for every share: flood, start, end."""
    filled = np.concatenate([[0], np.cumsum(end - start)])
    after = np.searchsorted(flood, flood, side='right')  # the first basin of the next flood
    seed = np.arange(len(flood))
    ends = []
    for share in shares:
        # The share of frames inside basins from seed i to basin j suffices while
        # surplus[j] >= debt[i].
        debt = filled[:-1] - share * start - 1e-6
        surplus = filled[1:] - share * end
        ends.append(end[_reached(debt, surplus, seed, after)])
    return np.tile(flood, len(ends)), np.tile(start, len(ends)), np.concatenate(ends)


def _reached(debt, surplus, seed, after) -> np.ndarray:
    """Returns the last j < after[i] such that surplus[i + 1:j + 1] >= debt[i]."""
    longest = int((after - seed).max(initial=1))
    lowest = [surplus]  # minima of 1, 2, 4, ... elements from each index on
    while 2 ** len(lowest) <= longest:
        half, width = lowest[-1], 2 ** (len(lowest) - 1)
        minimum = half.copy()
        minimum[:-width] = np.minimum(half[:-width], half[width:])
        lowest.append(minimum)
    last = seed.copy()
    for step, low in reversed(list(enumerate(lowest))):
        further = last + 2**step
        inside = np.flatnonzero(further < after)
        moved = inside[low[last[inside] + 1] >= debt[inside]]
        last[moved] = further[moved]
    return last


def _best_class(scores: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Returns the class of the highest mean of float[L, T] over each group, int64[N]."""
    total = np.zeros((len(scores), scores.shape[1] + 1))
    np.cumsum(scores, axis=1, out=total[:, 1:])
    return (total[:, end] - total[:, start]).argmax(axis=0)
