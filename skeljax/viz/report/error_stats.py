"""Compares the predicted segments of a split with the truth and counts kinds of errors."""

from __future__ import annotations

import collections
from collections.abc import Mapping
import dataclasses

import numpy as np

from skeljax.localize import outcome
from skeljax.localize.diagnose import diagnose
from skeljax.localize.metrics.segmentation import segmentation
from skeljax.localize.outcome import Outcome
from skeljax.localize.segments import Segments
from skeljax.viz.viewer import entry, kinds
from skeljax.viz.viewer.kinds import SegmentKinds

NUM_EXTREMES = 4  # recordings listed as worst, and as best


@dataclasses.dataclass(frozen=True, eq=False)
class ErrorStats:
    """Statistics of correct and wrong segments over the recordings of a split.

    Attributes:
        tiou: overlap from which a predicted segment is correct.
        by_recording: recording -> result of `kinds.classify`.
        num_true, num_predicted, num_correct: segments of each class, int64[L].
        kind_counts: number of predicted segments of each of `kinds.KINDS`; for 'missed', the
            number of true segments.
        boundary_errors: start and end of each predicted segment minus those of the true segment
            of its class that it matches, in seconds, float64[N, 2]; negative is early.
        confusion: frames by true class (row) and predicted class (column), background last,
            int64[L + 1, L + 1].
        outcome: found, missed and wrong segments, and boundary errors of the found ones.
        figures: metrics of the protocol `segmentation`, among them F1@50 and edit, fractions
            of 1.
    """

    tiou: float
    by_recording: Mapping[str, SegmentKinds]
    num_true: np.ndarray
    num_predicted: np.ndarray
    num_correct: np.ndarray
    kind_counts: Mapping[str, int]
    boundary_errors: np.ndarray
    confusion: np.ndarray
    outcome: Outcome
    figures: Mapping[str, float]

    @property
    def frame_accuracy(self) -> float:
        """Fraction of frames with the correct class; background counts as a class."""
        return float(np.trace(self.confusion) / max(self.confusion.sum(), 1))

    def ranked_recordings(self) -> list[tuple[str, float]]:
        """Returns (recording, error), sorted by descending error, then by name."""
        errors = [(name, matched.error) for name, matched in self.by_recording.items()]
        return sorted(errors, key=lambda item: (-item[1], item[0]))

    def worst_and_best(self) -> tuple[list[str], list[str]]:
        """Returns the names of the worst recordings and of the best; the lists are disjoint."""
        names = [name for name, _ in self.ranked_recordings()]
        worst = names[:NUM_EXTREMES]
        return worst, [name for name in names[:-NUM_EXTREMES - 1:-1] if name not in worst]


def compute(
    proposals: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    *,
    num_classes: int,
    num_frames: Mapping[str, int],
    fps: float,
    min_score: float = -np.inf,
    tiou: float = kinds.TIOU,
) -> ErrorStats:
    """Computes error statistics of proposals.

    Only proposals with a score of at least `min_score` that no better one covers count as
    predicted segments, see `viewer.entry.select_predictions`. They are classified by
    `viewer.kinds.classify`, as in the viewer.

    Args:
        proposals: recording -> segments.
        truth: recording -> segments.
        num_classes: L, without background.
        num_frames: recording -> its number of frames, for every recording of `truth`.
        fps: frames per second.
        min_score: minimum score of a proposal.
        tiou: temporal IoU from which a predicted segment is correct.

    Raises:
        InputError: an unknown recording, an invalid segment, or no truth at all.
    """
    predicted = {}
    for name in truth:
        candidates = proposals[name][proposals[name].score >= min_score]
        predicted[name] = candidates[entry.select_predictions(candidates)]
    matched = {
        name: kinds.classify(predicted[name], truth[name], tiou=tiou) for name in truth
    }
    diagnosis = diagnose(
        predicted, truth, num_classes=num_classes, num_frames=num_frames, tiou=tiou,
        least_tiou=min(kinds.MIN_TIOU, tiou),
    )
    correct = [
        predicted[name][_indices_of(matched[name], kinds.CORRECT)].label for name in truth
    ]
    counts = collections.Counter(kind for one in matched.values() for kind in one.predicted)
    counts[kinds.MISSED] = sum(one.true.count(kinds.MISSED) for one in matched.values())
    errors = [
        _boundary_errors(predicted[name], truth[name], matched[name]) / fps for name in truth
    ]
    return ErrorStats(
        tiou=tiou,
        by_recording=matched,
        num_true=_count_labels([s.label for s in truth.values()], num_classes),
        num_predicted=_count_labels([s.label for s in predicted.values()], num_classes),
        num_correct=_count_labels(correct, num_classes),
        kind_counts={kind: counts[kind] for kind in kinds.KINDS},
        boundary_errors=np.concatenate([np.zeros((0, 2)), *errors]),
        confusion=diagnosis.confusion,
        outcome=outcome.outcome(predicted, truth, num_classes=num_classes, fps=fps, tiou=tiou),
        figures=segmentation(
            predicted, truth, num_classes=num_classes, num_frames=num_frames
        ).figures,
    )


def _indices_of(matched: SegmentKinds, *wanted: str) -> np.ndarray:
    return np.flatnonzero([kind in wanted for kind in matched.predicted])


def _count_labels(labels: list[np.ndarray], num_classes: int) -> np.ndarray:
    return np.bincount(np.concatenate([np.zeros(0, np.int64), *labels]), minlength=num_classes)


def _boundary_errors(predicted: Segments, true: Segments, matched: SegmentKinds) -> np.ndarray:
    """Computes predicted minus true boundaries of matched segments, frames, int64[N, 2]."""
    rows = _indices_of(matched, kinds.CORRECT, kinds.BOUNDARY)
    match = matched.predicted_match[rows]
    starts = predicted.start[rows] - true.start[match]
    return np.stack([starts, predicted.end[rows] - true.end[match]], axis=1)
