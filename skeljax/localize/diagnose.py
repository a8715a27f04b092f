"""Error analysis of predictions: confusion, boundary errors, false positives, recall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.metrics.matching import temporal_iou
from skeljax.localize.metrics.tables import Table, Tables, by_group, make_tables
from skeljax.localize.segments import Segments, to_frame_labels

KINDS = ('double_detection', 'wrong_label', 'localization', 'confusion', 'background')


@dataclass(frozen=True)
class Boundaries:
    """Boundary errors of matched proposals, in frames.

    Attributes:
        matched: number of matched proposals; if 0, the others are nan.
        start_median, start_p90: median and 90th percentile of |start - true start|.
        end_median, end_p90: likewise of the ends.
        start_shift, end_shift: median of the signed difference; negative is early.
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
    """Recall of true segments in a range of lengths.

    Attributes:
        low, high: frames, [low, high); the last bin includes `high`.
        count: true segments of such a length, at least one.
        found: those matched to a proposal.
    """

    low: int
    high: int
    count: int
    found: int


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """Result of `diagnose`.

    Attributes:
        tiou: lowest tIoU of a match.
        confusion: int64[L + 1, L + 1], frames by true class (row) and predicted class
            (column), background last.
        boundaries: of the matched proposals.
        num_proposals: number of proposals.
        false_positives: number of unmatched proposals of each of `KINDS`.
        recall: by length of true segments, shortest first.
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

    Matching is that of `mean_average_precision`: from the best score down, a proposal is matched
    to the free true segment of its recording and class with the highest IoU, if that is at least
    `tiou`. An unmatched proposal is a false positive, of the first kind that applies:

    * double_detection: IoU >= `tiou` with a true segment of its class, which is matched already.
    * wrong_label: IoU >= `tiou` with a true segment of another class.
    * localization: IoU >= `least_tiou` with a true segment of its class.
    * confusion: IoU >= `least_tiou` with a true segment of another class.
    * background: none of these.

    The kinds and the default of `least_tiou` are those of DETAD (Alwassel et al. 2018, arXiv
    1807.10706, after Hoiem et al. 2012). The order of the kinds is not in the source.

    For the confusion matrix, frames are labeled by `to_frame_labels`. Decoders that propose many
    low-scored segments leave little background; `min_score` removes these.

    Lengths are binned by quantiles. Many segments of equal length give fewer bins.

    Args:
        predictions: proposals by recording; a recording without an entry has none.
        truth: true segments by recording, empty ones included.
        num_classes: L, without background.
        num_frames: of every true recording; by default a recording ends with its last segment,
            true or proposed, so that later background is not counted.
        tiou: lowest tIoU of a match, above 0 and up to 1.
        least_tiou: segments are compared only if their tIoU is at least this; up to `tiou`.
        bins: number of length bins.
        min_score: proposals of a lower score are ignored.

    Raises:
        InputError: invalid thresholds or bins, an unknown recording, an invalid segment, or no
            true segment at all.
    """
    if not 0 < least_tiou <= tiou <= 1 or bins < 1:
        expected = '0 < least tIoU <= tIoU <= 1 and at least one bin'
        raise InputError(f'diagnosis: {least_tiou:g}, {tiou:g}, {bins} bins, expected {expected}')
    tables = make_tables(predictions, truth, num_classes=num_classes, num_frames=num_frames)
    proposals, actual = tables.proposals, tables.truth
    proposals = proposals[proposals.score >= min_score]
    tables = Tables(tables.names, proposals, actual, num_classes)
    owner, kind = _match(tables, tiou, least_tiou)
    counts = np.bincount(kind[owner < 0], minlength=len(KINDS))
    return Diagnosis(
        tiou=tiou,
        confusion=_confusion(tables, num_frames),
        boundaries=_boundaries(proposals, actual, owner),
        num_proposals=len(proposals),
        false_positives={name: int(n) for name, n in zip(KINDS, counts, strict=True)},
        recall=_recall(actual, owner, bins),
    )


def matched(
    predictions: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    *,
    num_classes: int,
    tiou: float = 0.5,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the score of every proposal, float64[N], and whether it is matched, bool[N].

    Matching is that of `diagnose`.
    """
    tables = make_tables(predictions, truth, num_classes=num_classes)
    owner, _ = _match(tables, tiou, tiou)
    return tables.proposals.score, owner >= 0


def _match(tables: Tables, tiou: float, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns for each proposal the row of its true segment, or -1, and its kind of error."""
    proposals, actual = tables.proposals, tables.truth
    owner = np.full(len(proposals), -1, np.int64)
    kind = np.full(len(proposals), KINDS.index('background'))
    groups = [by_group(table.video, len(tables.names)) for table in (proposals, actual)]
    for rows, true_rows in zip(*groups, strict=True):
        if not (len(rows) and len(true_rows)):
            continue
        one, true = proposals[rows], actual[true_rows]
        iou = temporal_iou(one.start[:, None], one.end[:, None], true.start, true.end)
        same = one.label[:, None] == true.label
        owner[rows] = _match_recording(np.where(same, iou, 0.0), tiou, true_rows)
        own, other = np.where(same, iou, 0).max(axis=1), np.where(same, 0, iou).max(axis=1)
        rules = [own >= tiou, other >= tiou, own >= least, other >= least]
        kind[rows] = np.select(rules, range(4), default=4)
    return owner, kind


def _match_recording(iou: np.ndarray, tiou: float, true_rows: np.ndarray) -> np.ndarray:
    """Matches greedily by the IoU float[P, G] of one recording, the best proposal first."""
    owner = np.full(len(iou), -1, np.int64)
    iou = np.where(iou >= tiou, iou, 0.0)
    for row in np.flatnonzero(iou.any(axis=1)):
        best = int(iou[row].argmax())
        if iou[row, best] > 0:
            owner[row] = true_rows[best]
            iou[:, best] = 0
    return owner


def _boundaries(proposals: Table, actual: Table, owner: np.ndarray) -> Boundaries:
    right = np.flatnonzero(owner >= 0)
    if not len(right):
        return Boundaries(0, *[float('nan')] * 6)
    start = proposals.start[right] - actual.start[owner[right]]
    end = proposals.end[right] - actual.end[owner[right]]
    figures = [float(np.quantile(np.abs(d), q)) for d in (start, end) for q in (0.5, 0.9)]
    figures += [float(np.median(d)) for d in (start, end)]
    return Boundaries(len(right), *figures)


def _confusion(tables: Tables, num_frames: Mapping[str, int] | None) -> np.ndarray:
    size = tables.num_classes + 1
    total = np.zeros(size * size, np.int64)
    both = (tables.truth, tables.proposals)
    groups = [by_group(table.video, len(tables.names)) for table in both]
    for name, *rows in zip(tables.names, *groups, strict=True):
        parts = [table[which] for table, which in zip(both, rows, strict=True)]
        frames = max(int(part.end.max(initial=0)) for part in parts)
        frames = frames if num_frames is None else num_frames[name]
        true, predicted = (_frame_labels(part, frames, size - 1) for part in parts)
        total += np.bincount(true * size + predicted, minlength=size * size)
    return total.reshape(size, size)


def _frame_labels(part: Table, frames: int, background: int) -> np.ndarray:
    order = np.lexsort((part.label, part.end, part.start))
    ordered = (column[order] for column in (part.start, part.end, part.label, part.score))
    return to_frame_labels(Segments(*ordered), frames, background)


def _recall(actual: Table, owner: np.ndarray, bins: int) -> tuple[LengthBin, ...]:
    lengths = actual.end - actual.start
    found = np.zeros(len(actual), bool)
    found[owner[owner >= 0]] = True
    # Edges are lengths that occur, so no bin is empty.
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, bins + 1), method='inverted_cdf'))
    edges = edges if len(edges) > 1 else np.repeat(edges, 2)
    place = np.clip(np.searchsorted(edges, lengths, side='right') - 1, 0, len(edges) - 2)
    return tuple(
        LengthBin(int(low), int(high), int((place == i).sum()), int(found[place == i].sum()))
        for i, (low, high) in enumerate(zip(edges[:-1], edges[1:], strict=True))
    )
