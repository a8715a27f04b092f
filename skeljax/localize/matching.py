"""Matches proposals to the truth and takes the mean average precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.segments import Segments, check


@dataclass(frozen=True, eq=False)
class Result:
    """Holds the scores of one evaluation, as fractions of 1.

    Attributes:
        tious: the K temporal IoU thresholds.
        ap: float64[K, L], average precision; nan where the truth has no such class.
        map: float64[K], mean over the classes that the truth has.
        mean: mean of `map`.
    """

    tious: tuple[float, ...]
    ap: np.ndarray
    map: np.ndarray
    mean: float


def mean_average_precision(
    predictions: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    *,
    num_classes: int,
    tious: Sequence[float],
    lengthen_predictions: int = 0,
    lengthen_truth: int = 0,
) -> Result:
    """Scores proposals of many recordings by greedy matching.

    Per class and threshold, the proposals of all recordings are taken from the best score
    down; each takes the still unmatched true segment of its recording with the highest IoU
    if that reaches the threshold, else it is a false positive. Average precision is the
    area under the monotone envelope of precision over recall. Classes that the truth does
    not have are left out of the mean, whatever is proposed for them. Equal scores are
    ordered by recording name, start, end: nothing depends on the order of the mappings.

    Args:
        predictions: proposals by recording; a recording without an entry has none.
        truth: true segments by recording, empty ones included; scores are not read.
        num_classes: L, without background.
        tious: thresholds above 0 and up to 1.
        lengthen_predictions, lengthen_truth: frames added to every end before the IoU.

    Raises:
        InputError: names the recording that is unknown or holds a bad segment, or says
            that there is no truth at all.
    """
    tious = _thresholds(tious)
    unknown = sorted(set(predictions) - set(truth))
    if unknown:
        raise InputError(f'{unknown[0]}: predicted, but not among the {len(truth)} true recordings')
    names = sorted(truth)
    proposed = _gather(predictions, names, num_classes, lengthen_predictions)
    actual = _gather(truth, names, num_classes, lengthen_truth)
    if not len(actual['label']):
        raise InputError(f'no true segment in any of the {len(truth)} recordings')

    proposed = _by_class(proposed, ('minus_score', 'video', 'start', 'end'), num_classes)
    actual = _by_class(actual, ('video', 'start', 'end'), num_classes)

    ap = np.full((len(tious), num_classes), np.nan)
    for label, (proposals, segments) in enumerate(zip(proposed, actual, strict=True)):
        count = len(segments['video'])
        if count:
            hits = _match(proposals, segments, np.asarray(tious))
            ap[:, label] = average_precision(hits, count)
    maps = np.nanmean(ap, axis=1)
    return Result(tious=tious, ap=ap, map=maps, mean=float(maps.mean()))


def average_precision(hits: np.ndarray, num_true: int) -> np.ndarray:
    """Takes the area under the monotone precision envelope.

    Args:
        hits: bool[..., P], whether each proposal is right, best score first.
        num_true: number of true segments, at least 1.

    Returns:
        float64[...]; 0 without proposals.
    """
    precision = np.cumsum(hits, axis=-1) / np.arange(1, hits.shape[-1] + 1)
    envelope = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    # Recall rises by 1 / num_true at every hit and nowhere else.
    return np.sum(envelope * hits, axis=-1) / num_true


def temporal_iou(
    start: np.ndarray, end: np.ndarray, other_start: np.ndarray, other_end: np.ndarray
) -> np.ndarray:
    """Divides the shared frames of half-open intervals by all their frames (broadcasts).

    An interval that ends at or before its start has no frames and shares none.
    """
    shared = np.maximum(np.minimum(end, other_end) - np.maximum(start, other_start), 0)
    total = np.maximum(end - start, 0) + np.maximum(other_end - other_start, 0) - shared
    return shared / np.maximum(total, 1)


def _thresholds(tious: Sequence[float]) -> tuple[float, ...]:
    tious = tuple(float(t) for t in tious)
    if not tious or not all(0 < t <= 1 for t in tious):
        raise InputError(f'tIoU thresholds: expected numbers above 0 and up to 1, found {tious}')
    return tious


def _gather(
    by_name: Mapping[str, Segments], names: Sequence[str], num_classes: int, lengthen: int
) -> dict[str, np.ndarray]:
    """Puts the segments of all recordings into one table; `video` indexes `names`."""
    present = [index for index, name in enumerate(names) if name in by_name]
    parts = [by_name[names[index]] for index in present]
    for index, part in zip(present, parts, strict=True):
        check(part, names[index], num_classes=num_classes)

    def joined(arrays: list[np.ndarray]) -> np.ndarray:
        return np.concatenate(arrays) if arrays else np.zeros(0, np.int64)

    sizes = np.asarray([len(part) for part in parts], np.int64)
    return {
        'video': np.repeat(np.asarray(present, np.int64), sizes),
        'start': joined([part.start for part in parts]),
        'end': joined([part.end for part in parts]) + lengthen,
        'label': joined([part.label for part in parts]),
        'minus_score': -joined([part.score for part in parts]),
    }


def _by_class(
    table: dict[str, np.ndarray], keys: Sequence[str], num_classes: int
) -> list[dict[str, np.ndarray]]:
    """Splits a table by class, each part ordered by the keys, the first one foremost."""
    order = np.lexsort([table[key] for key in ('label', *keys)][::-1])
    bounds = np.searchsorted(table['label'][order], np.arange(num_classes + 1))
    return [
        {key: table[key][order[low:high]] for key in ('video', 'start', 'end')}
        for low, high in zip(bounds[:-1], bounds[1:], strict=True)
    ]


def _match(
    proposals: dict[str, np.ndarray], truth: dict[str, np.ndarray], tious: np.ndarray
) -> np.ndarray:
    """Marks the proposals of one class that take a true segment: bool[K, P].

    Recordings do not compete, so the best proposals of all recordings are matched at
    once, then all second best, and so on.
    """
    videos, row = np.unique(truth['video'], return_inverse=True)
    slot = _place(row)
    shape = (len(videos), int(slot.max()) + 1)
    start, end = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    start[row, slot], end[row, slot] = truth['start'], truth['end']
    free = np.zeros((len(tious), *shape), bool)
    free[:, row, slot] = True

    hits = np.zeros((len(tious), len(proposals['video'])), bool)
    candidates = np.flatnonzero(np.isin(proposals['video'], videos))
    row = np.searchsorted(videos, proposals['video'][candidates])
    turn = np.empty(len(row), np.int64)
    by_row = np.argsort(row, kind='stable')
    turn[by_row] = _place(row[by_row])
    by_turn = np.argsort(turn, kind='stable')
    for now in np.split(by_turn, np.flatnonzero(np.diff(turn[by_turn])) + 1):
        which, where = candidates[now], row[now]
        iou = temporal_iou(
            proposals['start'][which, None], proposals['end'][which, None], start[where], end[where]
        )
        open_iou = np.where(free[:, where] & (iou >= tious[:, None, None]), iou, 0.0)
        best = open_iou.argmax(axis=-1)
        hit = open_iou.max(axis=-1) > 0
        level, at = np.nonzero(hit)
        free[level, where[at], best[level, at]] = False
        hits[:, which] = hit
    return hits


def _place(groups: np.ndarray) -> np.ndarray:
    """Counts the elements of each group, 0 first, in a sorted vector of group numbers."""
    return np.arange(len(groups)) - np.searchsorted(groups, groups)
