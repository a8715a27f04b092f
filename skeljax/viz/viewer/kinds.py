"""Tells right segments from wrong ones, and in which way they are wrong, to mark them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skeljax.localize.segments import Segments

TIOU = 0.5  # overlap from which a segment is found
LEAST = 0.1  # overlap from which two segments have to do with each other

CORRECT = 'correct'
BOUNDARY = 'boundary off'
LABEL = 'wrong label'
DOUBLE = 'double'
NOTHING = 'false alarm'
MISSED = 'missed'
KINDS = (CORRECT, MISSED, LABEL, BOUNDARY, DOUBLE, NOTHING)


class Kinds(NamedTuple):
    """Kinds of N found and G true segments of one recording.

    Attributes:
        found: kind of each found segment.
        true: kind of each true one: correct, boundary off, wrong label or missed.
        found_partner: position of the true segment that a found one is about, -1 for none,
            int64[N].
        true_partner: position of the found segment that a true one is about, int64[G].
    """

    found: tuple[str, ...]
    true: tuple[str, ...]
    found_partner: np.ndarray
    true_partner: np.ndarray

    @property
    def error(self) -> float:
        """1 - F1: the share of segments, found and true, that are not right; 0 for none at all."""
        count = len(self.found) + len(self.true)
        return 1 - 2 * self.found.count(CORRECT) / count if count else 0.0


def classify(found: Segments, true: Segments, *, tiou: float = TIOU, least: float = LEAST) -> Kinds:
    """Compares what was found in a recording with the truth.

    From the best score down, equal ones by start, a found segment that overlaps a free
    true one of its class by `tiou` is correct and takes it, the one of the highest overlap.
    Of the others, each in the same order:

    * overlaps segments of its class by `least`: `boundary off`, if the one that it
      overlaps most is free, and takes it; else `double`;
    * overlaps only segments of other classes by it: `wrong label`;
    * overlaps nothing by it: `false alarm`.

    A true segment that nothing took is `wrong label` where one of these is about it,
    else `missed`.

    Args:
        found: segments of one recording.
        true: true segments of it; scores are not read.
        tiou: temporal intersection over union from which a segment is correct.
        least: from which it is about a true one at all, above 0.
    """
    overlap = _overlaps(found, true)
    same = found.label[:, None] == true.label[None]
    kinds = [''] * len(found)
    about = np.full(len(found), -1)
    taker = np.full(len(true), -1)
    order = np.lexsort((found.start, -found.score))
    for this in order:
        open_overlap = np.where(same[this] & (taker < 0), overlap[this], 0.0)
        if open_overlap.max(initial=0.0) >= tiou:
            kinds[this], about[this] = CORRECT, open_overlap.argmax()
            taker[about[this]] = this
    for this in order:
        if kinds[this]:
            continue
        own = np.where(same[this], overlap[this], 0.0)
        if own.max(initial=0.0) >= least:
            about[this] = own.argmax()
            kinds[this] = BOUNDARY if taker[about[this]] < 0 else DOUBLE
            if kinds[this] == BOUNDARY:
                taker[about[this]] = this
        elif overlap[this].max(initial=0.0) >= least:
            kinds[this], about[this] = LABEL, overlap[this].argmax()
        else:
            kinds[this] = NOTHING
    truths = []
    for this in range(len(true)):
        mislabelled = [p for p in order if kinds[p] == LABEL and about[p] == this]
        if taker[this] >= 0:
            truths.append(kinds[taker[this]])
        elif mislabelled:
            taker[this] = max(mislabelled, key=lambda p: overlap[p, this])
            truths.append(LABEL)
        else:
            truths.append(MISSED)
    return Kinds(tuple(kinds), tuple(truths), about, taker)


def _overlaps(found: Segments, true: Segments) -> np.ndarray:
    """Measures the temporal intersection over union of every pair, float64[N, G]."""
    start, end = found.start[:, None], found.end[:, None]
    shared = np.minimum(end, true.end) - np.maximum(start, true.start)
    shared = np.maximum(shared, 0)
    return shared / ((end - start) + (true.end - true.start) - shared)
