"""The fit of the sequence decoder: counts by hand, and that it finds what the defaults miss."""

import math

import numpy as np
import pytest

from skeljax.localize import Segments, sequence_fit
from skeljax.localize.sequence_fit import Labeled

FPS, FRAMES = 10.0, 300


def labeled(segments, probabilities=None):
    return Labeled(segments, dict.fromkeys(segments, FRAMES), probabilities or {})


# A gap after two of three, the same class after the first.
TRAINING = labeled({
    'a': Segments([0, 20, 60], [20, 40, 80], [0, 0, 1]),
    'b': Segments([], [], []),
    'c': Segments([100], [300], [1]),
})


def test_changes_are_counted_in_the_labels():
    decoder, error = sequence_fit.fit(TRAINING, labeled({}), fps=FPS, num_classes=2)
    # Gaps: after the second and the third of `a`, and the example that is added; the same class
    # once; another class never but for the example.
    assert decoder.gap == pytest.approx(3 / 5) and decoder.repeat == pytest.approx(1 / 5)
    assert decoder.fps == FPS and len(decoder.log_mean) == 3 and not decoder.log_transitions
    assert math.isnan(error) and (decoder.weight, decoder.penalty, decoder.floor) == (1, 0, 0.03)


def test_which_class_follows_which_is_learned_where_it_is_asked_for():
    decoder, _ = sequence_fit.fit(
        TRAINING, labeled({}), fps=FPS, num_classes=2, transitions=True
    )
    table = np.exp(decoder.log_transitions).reshape(3, 3)
    np.testing.assert_allclose(table.sum(axis=1), 1)
    # Background was followed by 1 twice; frames do not tell two of one class apart.
    np.testing.assert_allclose(table[2], [1 / 3 / 3, (2 + 1 / 3) / 3, 1 / 3 / 3])
    np.testing.assert_allclose(table[0], [1 / 3 / 2, 1 / 3 / 2, (1 + 1 / 3) / 2])


def test_validation_recordings_decide_on_weight_and_scores():
    """Segments of 1 second with gaps of 1 second, which the default weight takes for noise."""
    start = np.arange(10, 280, 20)
    segments = {name: Segments(start, start + 10, np.arange(len(start)) % 2) for name in 'ab'}
    scores = {}
    for name, one in segments.items():
        painted = np.full(FRAMES, 2)
        for first, last, label in zip(one.start, one.end, one.label):
            painted[first:last] = label
        scores[name] = np.full((FRAMES, 3), 0.1)
        scores[name][np.arange(FRAMES), painted] = 0.8
    validation = labeled(segments, scores)
    usual, _ = sequence_fit.fit(labeled(segments), labeled({}), fps=FPS, num_classes=2)
    decoder, error = sequence_fit.fit(labeled(segments), validation, fps=FPS, num_classes=2)
    right = lambda decoder: sum(
        found.start.tolist() == start.tolist() and found.end.tolist() == (start + 10).tolist()
        for found in map(decoder, scores.values())
    )
    assert right(usual) == 0 and right(decoder) == 2
    assert decoder.weight > usual.weight and 0 <= error < 0.05
    assert (decoder(scores['a']).score > 0.9).all()
