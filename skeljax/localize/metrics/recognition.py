"""Action recognition: top-1 and top-5 accuracy of whole recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skeljax.localize.decoders import check_probabilities
from skeljax.localize.metrics import Result
from skeljax.localize.metrics.tables import make_tables
from skeljax.localize.segments import Segments

TOP = (1, 5)


def whole(probabilities: np.ndarray) -> Segments:
    """Returns one segment per class, over the whole recording, scored by the mean probability.

    Args:
        probabilities: float[T, L + 1] of one recording, background last, padding cut off.

    Raises:
        InputError: not two-dimensional, no class beside background, or not probabilities.
    """
    scores = check_probabilities(probabilities)[:, :-1]
    length, classes = scores.shape
    label = np.arange(classes if length else 0)
    mean = scores.mean(0) if length else np.zeros(0)
    return Segments(np.zeros(len(label), np.int64), np.full(len(label), length), label, mean)


def recognition(
    predictions: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    *,
    num_classes: int,
    tious: Sequence[float] = (),
    num_frames: Mapping[str, int] | None = None,
    probabilities: Mapping[str, np.ndarray] | None = None,
) -> Result:
    """Computes the fraction of recordings whose true action is among the best 1 and 5 classes.

    The score of a class is that of its best proposal, at any time. Classes without a proposal
    rank last, so a recording without proposals is wrong. Ties in score are resolved by the lower
    label. If a recording has several true actions, one of them suffices. Recordings without an
    action are excluded. `per class` is the mean over true classes of their top-1 accuracy.

    Args:
        predictions: proposals by recording.
        truth: true segments by recording.
        num_classes: L, without background.
        tious: ignored.
        num_frames: of every true recording; if given, segments must end within.
        probabilities: ignored.

    Raises:
        InputError: an unknown recording, an invalid segment, or no true segment at all.
    """
    tables = make_tables(predictions, truth, num_classes=num_classes, num_frames=num_frames)
    proposed, actual = tables.proposals, tables.truth
    best = np.full((len(tables.names), num_classes), -np.inf)
    np.maximum.at(best, (proposed.video, proposed.label), proposed.score)
    shown = np.zeros(best.shape, bool)
    shown[actual.video, actual.label] = True
    labeled = shown.any(1)
    best, shown = best[labeled], shown[labeled]
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
