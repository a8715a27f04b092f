"""Scores segments as the BABEL benchmark of weakly labelled sequences does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skeljax.localize.metrics.matching import mean_average_precision
from skeljax.localize.metrics.result import Result
from skeljax.localize.segments import Segments

TIOUS = (0.1, 0.2, 0.3, 0.4, 0.5)
LONG_TIOUS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)


def babel(
    predictions: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    *,
    num_classes: int,
    tious: Sequence[float] = TIOUS,
    num_frames: Mapping[str, int] | None = None,
    probabilities: Mapping[str, np.ndarray] | None = None,
    faithful: bool = False,
) -> Result:
    """Takes the mAP of the BABEL benchmark, by the rules of `mean_average_precision`.

    The release of arXiv 2512.16504 averages tIoU 0.1 to 0.5 (`TIOUS`), its ancestor
    line/Skeleton-Temporal-Action-Localization 0.1 to 0.7 (`LONG_TIOUS`). Both write a
    proposal's end one frame late and the truth's end as its last frame, and then compare
    half-open ranges: `faithful` does so too, which gives a perfect proposal of n frames
    the IoU (n - 1) / (n + 1).

    Args:
        predictions: proposals by recording; a recording without an entry has none.
        truth: true segments by recording, empty ones included.
        num_classes: L, without background.
        tious: thresholds above 0 and up to 1.
        num_frames: of every true recording; where given, no segment may end beyond.
        probabilities: not read.
        faithful: reproduce the off-by-one.

    Raises:
        InputError: see `mean_average_precision`.
    """
    more, more_true = lengths(faithful)
    return mean_average_precision(
        predictions,
        truth,
        num_classes=num_classes,
        tious=tious,
        num_frames=num_frames,
        lengthen_predictions=more,
        lengthen_truth=more_true,
    )


def lengths(faithful: bool = False) -> tuple[int, int]:
    """Returns the frames that are added to every proposal's end and to every true one's."""
    return (1, -1) if faithful else (0, 0)
