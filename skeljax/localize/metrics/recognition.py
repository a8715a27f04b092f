"""Scores which action a recording as a whole shows: top-1 and top-5 accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skeljax.localize.decode import checked
from skeljax.localize.metrics.result import Result
from skeljax.localize.metrics.tables import pool
from skeljax.localize.segments import Segments

TOP = (1, 5)


def whole(probabilities: np.ndarray) -> Segments:
    """Proposes every class for the whole recording, scored by its mean probability.

    Args:
        probabilities: float[T, L + 1] of one recording, background last, padding cut off.

    Raises:
        InputError: not two-dimensional, no class beside background, or not probabilities.
    """
    scores = checked(probabilities)[:, :-1]
    length, classes = scores.shape
    each = np.arange(classes if length else 0)
    mean = scores.mean(0) if length else np.zeros(0)
    return Segments(np.zeros(len(each), np.int64), np.full(len(each), length), each, mean)


def recognition(
    predictions: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    *,
    num_classes: int,
    tious: Sequence[float] = (),
    num_frames: Mapping[str, int] | None = None,
    probabilities: Mapping[str, np.ndarray] | None = None,
) -> Result:
    """Takes the share of recordings whose true action is among the best 1 and 5 classes.

    A class scores as its best proposal, wherever that lies; classes that are not proposed
    come after all others, so a recording without a proposal is wrong. Of equal scores the
    lower label comes first. Where a recording shows several actions, one of them is enough.
    Recordings without an action are left out. `per class` is the mean over true classes of
    the share of their recordings that are right at once (mean class accuracy).

    Args:
        predictions: proposals by recording.
        truth: true segments by recording.
        num_classes: L, without background.
        tious: not read.
        num_frames: of every true recording; where given, no segment may end beyond.
        probabilities: not read.

    Raises:
        InputError: names the recording that is unknown or holds a bad segment, or says
            that there is no truth at all.
    """
    pooled = pool(predictions, truth, num_classes=num_classes, num_frames=num_frames)
    proposed, actual = pooled.proposals, pooled.truth
    best = np.full((len(pooled.names), num_classes), -np.inf)
    np.maximum.at(best, (proposed.video, proposed.label), proposed.score)
    shown = np.zeros(best.shape, bool)
    shown[actual.video, actual.label] = True
    kept = shown.any(1)
    best, shown = best[kept], shown[kept]
    order = np.argsort(-best, axis=1, kind='stable')
    ranked = np.take_along_axis(shown & (best > -np.inf), order, 1)
    figures = {f'top-{k}': float(ranked[:, :k].any(1).mean()) for k in TOP}
    right = ranked[:, 0]
    classes = shown.any(0)
    shares = (shown * right[:, None]).sum(0)[classes] / shown.sum(0)[classes]
    return Result(
        figures={**figures, 'per class': float(shares.mean())},
        mean=figures['top-1'],
        num_predicted=len(proposed),
        num_true=len(actual),
    )
