"""Counts what a person asks first of a sequence of segments: found, missed, wrong, how far off."""

from __future__ import annotations

from collections.abc import Mapping
import math
from typing import NamedTuple

from skeljax.localize.metrics.calibration import expected_calibration_error
from skeljax.localize.metrics.diagnose import diagnose, matched
from skeljax.localize.segments import Segments

TIOU = 0.5


class Outcome(NamedTuple):
    """Counts of segments; distances of ends in seconds, nan where nothing is found.

    Attributes:
        true: labeled segments.
        predicted: segments that were decoded.
        found: true segments that a predicted one of their class overlaps enough.
        start_median, start_p90: median and 90th percentile of |start - true start| of these.
        end_median, end_p90: the same of the ends.
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
        """True segments that are not found."""
        return self.true - self.found

    @property
    def wrong(self) -> int:
        """Predicted segments that find nothing."""
        return self.predicted - self.found


def outcome(
    predictions: Mapping[str, Segments], truth: Mapping[str, Segments], *, num_classes: int,
    fps: float, tiou: float = TIOU,
) -> Outcome:
    """Compares decoded segments with the truth.

    Args:
        predictions: by recording; scores are probabilities of being right.
        truth: by recording.
        num_classes: L, without background.
        fps: frames a second.
        tiou: temporal IoU from which a true segment is found.

    Raises:
        InputError: an unknown recording, a bad segment, or no truth at all.
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
    """Describes an outcome for a JSON file; what is not known is None."""
    plain = lambda value: None if isinstance(value, float) and math.isnan(value) else value
    fields = found._asdict() | {'missed': found.missed, 'wrong': found.wrong}
    return {name: plain(value) for name, value in fields.items()}


def from_json_dict(described: Mapping) -> Outcome:
    """Reads what `to_json_dict` made."""
    values = {name: described[name] for name in Outcome._fields}
    return Outcome(**{n: math.nan if value is None else value for n, value in values.items()})


def text(found: Outcome) -> str:
    """Writes an outcome in three lines."""
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
