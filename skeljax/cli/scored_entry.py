"""Scores a recording for the viewer's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skeljax.viz.viewer import entry, predictions

if TYPE_CHECKING:
    from skeljax.inference.predictor import Model


def of_recording(model: Model, recording, classes, *, tiou: float) -> entry.Entry:
    """Scores and decodes a recording for the page.

    Args:
        model: what scores and decodes it.
        recording: as recorded.
        classes: of its corpus.
        tiou: temporal IoU from which a segment is right.
    """
    scores = model.scores(recording)
    return entry.make(
        recording,
        model.decode(scores, recording.fps),
        classes=model.classes,
        truth=predictions.truth_of(recording, classes, model.classes),
        probabilities=scores,
        tiou=tiou,
    )
