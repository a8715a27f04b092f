"""Matches predicted segments with true ones and classifies the errors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skeljax.localize.segments import Segments

TIOU = 0.5  # temporal IoU from which a predicted segment is correct
MIN_TIOU = 0.1  # temporal IoU from which two segments are compared at all

CORRECT = 'correct'
BOUNDARY = 'boundary off'
LABEL = 'wrong label'
DOUBLE = 'double'
FALSE_ALARM = 'false alarm'
MISSED = 'missed'
KINDS = (CORRECT, MISSED, LABEL, BOUNDARY, DOUBLE, FALSE_ALARM)


class SegmentKinds(NamedTuple):
    """Kinds of the N predicted and G true segments of one recording.

    Attributes:
        predicted: kind of each predicted segment.
        true: kind of each true segment: correct, boundary off, wrong label or missed.
        predicted_match: index of the true segment compared with each predicted one, -1 for
            none, int64[N].
        true_match: index of the predicted segment matched with each true one, -1 for none,
            int64[G].
    """

    predicted: tuple[str, ...]
    true: tuple[str, ...]
    predicted_match: np.ndarray
    true_match: np.ndarray

    @property
    def error(self) -> float:
        """1 - F1 of the segments; 0 if there are neither predicted nor true segments."""
        count = len(self.predicted) + len(self.true)
        return 1 - 2 * self.predicted.count(CORRECT) / count if count else 0.0


def classify(
    predicted: Segments, true: Segments, *, tiou: float = TIOU, min_tiou: float = MIN_TIOU
) -> SegmentKinds:
    """Compares the predicted segments of a recording with the true ones.

    Predicted segments are processed by descending score, equal ones by start. First, each is
    matched with the unmatched true segment of its class that it overlaps most, if their IoU is at
    least `tiou`: `correct`. The others are then classified in the same order:

    * IoU of at least `min_tiou` with segments of the same class: `boundary off` if the one of
      the highest IoU is unmatched, and matched with it; otherwise `double`;
    * IoU of at least `min_tiou` with segments of other classes only: `wrong label`;
    * otherwise `false alarm`.

    An unmatched true segment is `wrong label` if a predicted segment of that kind is compared
    with it, otherwise `missed`.

    Args:
        predicted: segments of one recording.
        true: true segments of the same recording; scores are ignored.
        tiou: temporal IoU from which a segment is correct.
        min_tiou: temporal IoU from which two segments are compared at all, above 0.
    """
    overlap = _pairwise_iou(predicted, true)
    same_class = predicted.label[:, None] == true.label[None]
    kinds = [''] * len(predicted)
    match = np.full(len(predicted), -1)
    true_match = np.full(len(true), -1)
    order = np.lexsort((predicted.start, -predicted.score))
    for index in order:
        candidates = np.where(same_class[index] & (true_match < 0), overlap[index], 0.0)
        if candidates.max(initial=0.0) >= tiou:
            kinds[index], match[index] = CORRECT, candidates.argmax()
            true_match[match[index]] = index
    for index in order:
        if kinds[index]:
            continue
        own_class = np.where(same_class[index], overlap[index], 0.0)
        if own_class.max(initial=0.0) >= min_tiou:
            match[index] = own_class.argmax()
            kinds[index] = BOUNDARY if true_match[match[index]] < 0 else DOUBLE
            if kinds[index] == BOUNDARY:
                true_match[match[index]] = index
        elif overlap[index].max(initial=0.0) >= min_tiou:
            kinds[index], match[index] = LABEL, overlap[index].argmax()
        else:
            kinds[index] = FALSE_ALARM
    true_kinds = []
    for index in range(len(true)):
        mislabeled = [p for p in order if kinds[p] == LABEL and match[p] == index]
        if true_match[index] >= 0:
            true_kinds.append(kinds[true_match[index]])
        elif mislabeled:
            true_match[index] = max(mislabeled, key=lambda p: overlap[p, index])
            true_kinds.append(LABEL)
        else:
            true_kinds.append(MISSED)
    return SegmentKinds(tuple(kinds), tuple(true_kinds), match, true_match)


def _pairwise_iou(predicted: Segments, true: Segments) -> np.ndarray:
    """Computes the temporal intersection over union of every pair, float64[N, G]."""
    start, end = predicted.start[:, None], predicted.end[:, None]
    shared = np.maximum(np.minimum(end, true.end) - np.maximum(start, true.start), 0)
    return shared / ((end - start) + (true.end - true.start) - shared)
