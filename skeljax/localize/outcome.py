"""Counts found, missed and wrong segments, and measures boundary and calibration errors."""

from __future__ import annotations

from collections.abc import Mapping
import math
from typing import NamedTuple

import numpy as np

from skeljax.localize.diagnose import diagnose, matched
from skeljax.localize.segments import Segments

TIOU = 0.5


class Outcome(NamedTuple):
    """Counts of segments; boundary errors in seconds, nan if no segment is found.

    Attributes:
        true: true segments.
        predicted: decoded segments.
        found: true segments matched to a predicted one of their class.
        start_median, start_p90: median and 90th percentile of |start - true start| of these.
        end_median, end_p90: likewise of the ends.
        calibration_error: expected calibration error of the scores, from 0 to 1.
    """

    true: int
    predicted: int
    found: int
    start_median: float
    start_p90: float
    end_median: float
    end_p90: float
    calibration_error: float

    @property
    def missed(self) -> int:
        """Number of true segments without a match."""
        return self.true - self.found

    @property
    def wrong(self) -> int:
        """Number of predicted segments without a match."""
        return self.predicted - self.found


def outcome(
    predictions: Mapping[str, Segments], truth: Mapping[str, Segments], *, num_classes: int,
    fps: float, tiou: float = TIOU,
) -> Outcome:
    """Compares decoded segments with the truth.

    Args:
        predictions: by recording; scores are probabilities of being correct.
        truth: by recording.
        num_classes: L, without background.
        fps: frames per second.
        tiou: lowest tIoU of a match.

    Raises:
        InputError: an unknown recording, an invalid segment, or no true segment at all.
    """
    score, right = matched(predictions, truth, num_classes=num_classes, tiou=tiou)
    ends = diagnose(
        predictions, truth, num_classes=num_classes, tiou=tiou, least_tiou=min(0.1, tiou)
    ).boundaries
    return Outcome(
        true=sum(map(len, truth.values())),
        predicted=len(score),
        found=int(right.sum()),
        start_median=ends.start_median / fps,
        start_p90=ends.start_p90 / fps,
        end_median=ends.end_median / fps,
        end_p90=ends.end_p90 / fps,
        calibration_error=expected_calibration_error(score.clip(0, 1), right),
    )


def to_json_dict(found: Outcome) -> dict:
    """Returns an outcome as a JSON-compatible dict; nan becomes None."""
    plain = lambda value: None if isinstance(value, float) and math.isnan(value) else value
    fields = found._asdict() | {'missed': found.missed, 'wrong': found.wrong}
    return {name: plain(value) for name, value in fields.items()}


def from_json_dict(described: Mapping) -> Outcome:
    """Reads the output of `to_json_dict`."""
    values = {name: described[name] for name in Outcome._fields}
    return Outcome(**{n: math.nan if value is None else value for n, value in values.items()})


def text(found: Outcome) -> str:
    """Returns an outcome as text of up to three lines."""
    lines = [
        f'{found.found} of {found.true} segments found, {found.missed} missed; '
        f'{found.wrong} of {found.predicted} predicted ones are wrong',
        f'scores of segments: expected calibration error {found.calibration_error:.3f}',
    ]
    if found.found:
        ends = (
            f'starts are off by {found.start_median:.2f} s (median) and {found.start_p90:.2f} s '
            f'(90 %), ends by {found.end_median:.2f} s and {found.end_p90:.2f} s'
        )
        lines.insert(1, ends)
    return '\n'.join(lines)


def expected_calibration_error(
    probability: np.ndarray, right: np.ndarray, *, num_bins: int = 10
) -> float:
    """Returns the expected calibration error: mean |score - accuracy| over bins of scores.

    Args:
        probability: float[N], from 0 to 1.
        right: bool[N].
        num_bins: of equal width, weighted by their number of segments.

    Returns:
        From 0 to 1; 0 without examples. For perfectly calibrated scores of N segments its
        expectation is about the standard error of the accuracy of a bin.

    Source: Guo et al., On calibration of modern neural networks (arXiv 1706.04599).
    """
    probability, right = np.asarray(probability, np.float64), np.asarray(right, np.float64)
    if not len(probability):
        return 0.0
    bins = np.minimum((probability * num_bins).astype(int), num_bins - 1)
    error = np.bincount(bins, weights=probability - right, minlength=num_bins)
    return float(np.abs(error).sum() / len(probability))
