"""Judges the segments of a split as the viewer does, and counts what it told."""

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


@dataclasses.dataclass(frozen=True, eq=False)
class Judged:
    """What was found in the recordings of a split, and how right it was.

    Attributes:
        tiou: from which on a found segment is right.
        recordings: name -> what `kinds.classify` told of it.
        true, found, right: segments of each class, int64[L].
        kinds: how many found segments are of each of `kinds.KINDS`; of 'missed', true ones.
        offsets: start and end of each found segment less those of the true one that it is
            about, of its class, seconds, float64[N, 2]; below 0 is early.
        confusion: frames by true class (row) and found class (column), background last,
            int64[L + 1, L + 1].
        outcome: found, missed and wrong segments, and errors of the ends of found ones.
        figures: of the protocol `segmentation`, among them F1@50 and edit, shares of 1.
    """

    tiou: float
    recordings: Mapping[str, kinds.Kinds]
    true: np.ndarray
    found: np.ndarray
    right: np.ndarray
    kinds: Mapping[str, int]
    offsets: np.ndarray
    confusion: np.ndarray
    outcome: Outcome
    figures: Mapping[str, float]

    @property
    def accuracy(self) -> float:
        """Share of frames that have their class, or are background in both."""
        return float(np.trace(self.confusion) / max(self.confusion.sum(), 1))

    def ranked(self) -> list[tuple[str, float]]:
        """Lists recordings and their errors, the largest first, then by name."""
        errors = [(name, told.error) for name, told in self.recordings.items()]
        return sorted(errors, key=lambda item: (-item[1], item[0]))


def judge(
    proposals: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    *,
    num_classes: int,
    num_frames: Mapping[str, int],
    fps: float,
    min_score: float = -np.inf,
    tiou: float = kinds.TIOU,
) -> Judged:
    """Judges proposals by the truth.

    What was found are the proposals of `min_score` or more that no surer one covers, see
    `view.entry.chosen`; `view.kinds.classify` tells the right ones from the others.

    Args:
        proposals: by recording.
        truth: by recording.
        num_classes: L, without background.
        num_frames: of every true recording.
        fps: frames a second.
        min_score: weaker proposals are left out.
        tiou: temporal IoU from which a found segment is right.

    Raises:
        InputError: an unknown recording, a bad segment, no truth at all.
    """
    found = {}
    for name in truth:
        strong = proposals[name][proposals[name].score >= min_score]
        found[name] = strong[entry.chosen(strong)]
    told = {name: kinds.classify(found[name], truth[name], tiou=tiou) for name in truth}
    compared = diagnose(
        found, truth, num_classes=num_classes, num_frames=num_frames, tiou=tiou,
        least_tiou=min(kinds.LEAST, tiou),
    )
    right = [found[name][_of_kind(told[name], kinds.CORRECT)].label for name in truth]
    counted = collections.Counter(kind for one in told.values() for kind in one.found)
    counted[kinds.MISSED] = sum(one.true.count(kinds.MISSED) for one in told.values())
    offsets = [_offsets(found[name], truth[name], told[name]) / fps for name in truth]
    return Judged(
        tiou=tiou,
        recordings=told,
        true=_counts([s.label for s in truth.values()], num_classes),
        found=_counts([s.label for s in found.values()], num_classes),
        right=_counts(right, num_classes),
        kinds={kind: counted[kind] for kind in kinds.KINDS},
        offsets=np.concatenate([np.zeros((0, 2)), *offsets]),
        confusion=compared.confusion,
        outcome=outcome.outcome(found, truth, num_classes=num_classes, fps=fps, tiou=tiou),
        figures=segmentation(
            found, truth, num_classes=num_classes, num_frames=num_frames
        ).figures,
    )


def _of_kind(told: kinds.Kinds, *wanted: str) -> np.ndarray:
    return np.flatnonzero([kind in wanted for kind in told.found])


def _counts(labels: list[np.ndarray], num_classes: int) -> np.ndarray:
    return np.bincount(np.concatenate([np.zeros(0, np.int64), *labels]), minlength=num_classes)


def _offsets(found: Segments, true: Segments, told: kinds.Kinds) -> np.ndarray:
    """Measures found ends from the true ones, frames, int64[N, 2]."""
    rows = _of_kind(told, kinds.CORRECT, kinds.BOUNDARY)
    partner = told.found_partner[rows]
    starts = found.start[rows] - true.start[partner]
    return np.stack([starts, found.end[rows] - true.end[partner]], axis=1)
