"""Scores segments as ActivityNet and THUMOS do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skeljax.localize.metrics.matching import mean_average_precision
from skeljax.localize.metrics.result import Result
from skeljax.localize.segments import Segments

TIOUS = tuple(percent / 100 for percent in range(50, 100, 5))
THUMOS_TIOUS = (0.3, 0.4, 0.5, 0.6, 0.7)


def activitynet(
    predictions: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    *,
    num_classes: int,
    tious: Sequence[float] = TIOUS,
    num_frames: Mapping[str, int] | None = None,
    probabilities: Mapping[str, np.ndarray] | None = None,
) -> Result:
    """Takes the interpolated mAP of the official ActivityNet evaluation.

    Each proposal, from the best score down, tries the true segments of its class in its
    recording from the highest IoU down and takes the first that is free, as long as the
    IoU reaches the threshold: the rules of `mean_average_precision`. Classes are those of
    the truth; the average is over tIoU 0.5 to 0.95 (`TIOUS`), for THUMOS over 0.3 to 0.7
    (`THUMOS_TIOUS`). Frames are compared, where the official code compares seconds.

    Source: activitynet/ActivityNet, Evaluation/eval_detection.py.

    Args:
        predictions: proposals by recording; a recording without an entry has none.
        truth: true segments by recording, empty ones included.
        num_classes: L, without background.
        tious: thresholds above 0 and up to 1.
        num_frames: of every true recording; where given, no segment may end beyond.
        probabilities: not read.

    Raises:
        InputError: see `mean_average_precision`.
    """
    return mean_average_precision(
        predictions, truth, num_classes=num_classes, tious=tious, num_frames=num_frames
    )
