"""Tells what is wrong with predictions: confusion, boundary errors, false positives, recall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.metrics.overlap import temporal_iou
from skeljax.localize.metrics.tables import Pool, Table, by_group, pool
from skeljax.localize.segments import Segments, to_frame_labels

KINDS = ('double_detection', 'wrong_label', 'localization', 'confusion', 'background')


@dataclass(frozen=True)
class Boundaries:
    """Tells how far the ends of matched proposals are from the true ones, in frames.

    Attributes:
        matched: number of matched proposals; without one the others are nan.
        start_median, start_p90: median and 90th percentile of |start - true start|.
        end_median, end_p90: the same of the ends.
        start_shift, end_shift: median of the signed difference; below 0 is early.
    """

    matched: int
    start_median: float
    start_p90: float
    end_median: float
    end_p90: float
    start_shift: float
    end_shift: float


@dataclass(frozen=True)
class LengthBin:
    """Tells how many true segments of like length are found.

    Attributes:
        low, high: frames, [low, high); the last bin takes `high` too.
        count: true segments of such a length, at least one.
        found: those among them that a proposal is matched to.
    """

    low: int
    high: int
    count: int
    found: int


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """Holds what `diagnose` found.

    Attributes:
        tiou: from which on a proposal is matched.
        confusion: int64[L + 1, L + 1], frames by true class (row) and predicted class
            (column), background last.
        boundaries: of the matched proposals.
        num_proposals: all that were looked at.
        false_positives: how many proposals of each of `KINDS` are not matched.
        recall: of true segments by length, short ones first.
    """

    tiou: float
    confusion: np.ndarray
    boundaries: Boundaries
    num_proposals: int
    false_positives: Mapping[str, int]
    recall: tuple[LengthBin, ...]


def diagnose(
    predictions: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    *,
    num_classes: int,
    num_frames: Mapping[str, int] | None = None,
    tiou: float = 0.5,
    least_tiou: float = 0.1,
    bins: int = 4,
    min_score: float = -np.inf,
) -> Diagnosis:
    """Compares predictions with the truth, segment by segment and frame by frame.

    Matching is that of `mean_average_precision`: from the best score down a proposal takes
    the still free true segment of its recording and class with the highest IoU from
    `tiou` on. One that takes none is a false positive, of the first kind that fits:

    * double_detection: IoU of `tiou` or more with one of its class, all of them taken.
    * wrong_label: IoU of `tiou` or more with one of another class.
    * localization: IoU of `least_tiou` or more with one of its class.
    * confusion: IoU of `least_tiou` or more with one of another class.
    * background: none of them.

    The kinds and `least_tiou` 0.1 are those of DETAD (Alwassel et al. 2018, arXiv
    1807.10706, after Hoiem et al. 2012); where several fit, the order above is ours.

    For the confusion frames get the class of the segment that holds them, where several do
    that of the best score, of equal ones that of the later start, later end, higher label.
    Decoders that propose all that might be leave little background so: see `min_score`.

    Lengths are binned by quantiles; where many segments are of one length, there are fewer
    bins than asked for.

    Args:
        predictions: proposals by recording; a recording without an entry has none.
        truth: true segments by recording, empty ones included.
        num_classes: L, without background.
        num_frames: of every true recording; where not given, one ends with its last
            segment, true or proposed, and background behind that is not counted.
        tiou: above 0, to 1; from which on a proposal is right.
        least_tiou: to `tiou`; from which on it has to do with a true segment.
        bins: of lengths.
        min_score: proposals of a lower score are left out.

    Raises:
        InputError: thresholds or bins that cannot be, an unknown recording, a bad segment,
            or no truth at all.
    """
    if not 0 < least_tiou <= tiou <= 1 or bins < 1:
        expected = '0 < least tIoU <= tIoU <= 1 and at least one bin'
        raise InputError(f'diagnosis: {least_tiou:g}, {tiou:g}, {bins} bins, expected {expected}')
    pooled = pool(predictions, truth, num_classes=num_classes, num_frames=num_frames)
    proposals, actual = pooled.proposals, pooled.truth
    proposals = proposals[proposals.score >= min_score]
    pooled = Pool(pooled.names, proposals, actual, num_classes)
    taken, kind = _judged(pooled, tiou, least_tiou)
    counts = np.bincount(kind[taken < 0], minlength=len(KINDS))
    return Diagnosis(
        tiou=tiou,
        confusion=_confusion(pooled, num_frames),
        boundaries=_boundaries(proposals, actual, taken),
        num_proposals=len(proposals),
        false_positives={name: int(n) for name, n in zip(KINDS, counts, strict=True)},
        recall=_recall(actual, taken, bins),
    )


def matched(
    predictions: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    *,
    num_classes: int,
    tiou: float = 0.5,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the score of every proposal, float64[N], and whether it is right, bool[N].

    Matching is that of `diagnose`.
    """
    pooled = pool(predictions, truth, num_classes=num_classes)
    taken, _ = _judged(pooled, tiou, tiou)
    return pooled.proposals.score, taken >= 0


def _judged(pooled: Pool, tiou: float, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Finds for each proposal the row of the true segment it takes, -1 for none, and its kind."""
    proposals, actual = pooled.proposals, pooled.truth
    taken = np.full(len(proposals), -1, np.int64)
    kind = np.full(len(proposals), KINDS.index('background'))
    groups = [by_group(table.video, len(pooled.names)) for table in (proposals, actual)]
    for rows, true_rows in zip(*groups, strict=True):
        if not (len(rows) and len(true_rows)):
            continue
        one, true = proposals[rows], actual[true_rows]
        iou = temporal_iou(one.start[:, None], one.end[:, None], true.start, true.end)
        same = one.label[:, None] == true.label
        taken[rows] = _matched(np.where(same, iou, 0.0), tiou, true_rows)
        own, other = np.where(same, iou, 0).max(axis=1), np.where(same, 0, iou).max(axis=1)
        rules = [own >= tiou, other >= tiou, own >= least, other >= least]
        kind[rows] = np.select(rules, range(4), default=4)
    return taken, kind


def _matched(iou: np.ndarray, tiou: float, true_rows: np.ndarray) -> np.ndarray:
    """Gives true segments away to float[P, G] of one recording, the best proposal first."""
    taken = np.full(len(iou), -1, np.int64)
    iou = np.where(iou >= tiou, iou, 0.0)
    for row in np.flatnonzero(iou.any(axis=1)):
        best = int(iou[row].argmax())
        if iou[row, best] > 0:
            taken[row] = true_rows[best]
            iou[:, best] = 0
    return taken


def _boundaries(proposals: Table, actual: Table, taken: np.ndarray) -> Boundaries:
    right = np.flatnonzero(taken >= 0)
    if not len(right):
        return Boundaries(0, *[float('nan')] * 6)
    start = proposals.start[right] - actual.start[taken[right]]
    end = proposals.end[right] - actual.end[taken[right]]
    figures = [float(np.quantile(np.abs(d), q)) for d in (start, end) for q in (0.5, 0.9)]
    figures += [float(np.median(d)) for d in (start, end)]
    return Boundaries(len(right), *figures)


def _confusion(pooled: Pool, num_frames: Mapping[str, int] | None) -> np.ndarray:
    size = pooled.num_classes + 1
    total = np.zeros(size * size, np.int64)
    tables = (pooled.truth, pooled.proposals)
    groups = [by_group(table.video, len(pooled.names)) for table in tables]
    for name, *rows in zip(pooled.names, *groups, strict=True):
        parts = [table[which] for table, which in zip(tables, rows, strict=True)]
        frames = max(int(part.end.max(initial=0)) for part in parts)
        frames = frames if num_frames is None else num_frames[name]
        true, predicted = (_painted(part, frames, size - 1) for part in parts)
        total += np.bincount(true * size + predicted, minlength=size * size)
    return total.reshape(size, size)


def _painted(part: Table, frames: int, background: int) -> np.ndarray:
    order = np.lexsort((part.label, part.end, part.start))
    ordered = (column[order] for column in (part.start, part.end, part.label, part.score))
    return to_frame_labels(Segments(*ordered), frames, background)


def _recall(actual: Table, taken: np.ndarray, bins: int) -> tuple[LengthBin, ...]:
    lengths = actual.end - actual.start
    found = np.zeros(len(actual), bool)
    found[taken[taken >= 0]] = True
    # Edges are lengths that occur, so that no bin is empty.
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, bins + 1), method='inverted_cdf'))
    edges = edges if len(edges) > 1 else np.repeat(edges, 2)
    place = np.clip(np.searchsorted(edges, lengths, side='right') - 1, 0, len(edges) - 2)
    return tuple(
        LengthBin(int(low), int(high), int((place == i).sum()), int(found[place == i].sum()))
        for i, (low, high) in enumerate(zip(edges[:-1], edges[1:], strict=True))
    )
