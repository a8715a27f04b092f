"""mAP of the BABEL benchmark, of ActivityNet and of THUMOS: they differ in thresholds only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skeljax.localize.metrics import Result
from skeljax.localize.metrics.matching import mean_average_precision
from skeljax.localize.segments import Segments

TIOUS = (0.1, 0.2, 0.3, 0.4, 0.5)
LONG_TIOUS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
ACTIVITYNET_TIOUS = tuple(percent / 100 for percent in range(50, 100, 5))
THUMOS_TIOUS = (0.3, 0.4, 0.5, 0.6, 0.7)


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
    """Computes the mAP of `mean_average_precision`, averaged over thresholds.

    * BABEL: the release of arXiv 2512.16504 averages over tIoU 0.1 to 0.5 (`TIOUS`), its
      ancestor line/Skeleton-Temporal-Action-Localization over 0.1 to 0.7 (`LONG_TIOUS`). Both
      write the end of a proposal one frame late and the end of a true segment as its last
      frame, and then compare half-open ranges. `faithful` reproduces this: a perfect proposal
      of n frames has the IoU (n - 1) / (n + 1).
    * ActivityNet (activitynet/ActivityNet, Evaluation/eval_detection.py): tIoU 0.5 to 0.95
      (`ACTIVITYNET_TIOUS`). The official code tries the true segments from the highest IoU down
      and takes the first free one, which is the same rule. It compares seconds, not frames.
    * THUMOS: tIoU 0.3 to 0.7 (`THUMOS_TIOUS`).

    Args:
        predictions: proposals by recording; a recording without an entry has none.
        truth: true segments by recording, empty ones included.
        num_classes: L, without background.
        tious: thresholds above 0 and up to 1.
        num_frames: of every true recording; if given, segments must end within.
        probabilities: ignored.
        faithful: reproduces the off-by-one of BABEL.

    Raises:
        InputError: see `mean_average_precision`.
    """
    lengthen_predictions, lengthen_truth = added_frames(faithful)
    return mean_average_precision(
        predictions,
        truth,
        num_classes=num_classes,
        tious=tious,
        num_frames=num_frames,
        lengthen_predictions=lengthen_predictions,
        lengthen_truth=lengthen_truth,
    )


def added_frames(faithful: bool = False) -> tuple[int, int]:
    """Returns the frames added to the end of every proposal and of every true segment."""
    return (1, -1) if faithful else (0, 0)
