"""What is fitted to labels is counted by hand; what is fitted to scores improves them."""

import dataclasses
import math

import numpy as np
import pytest

from skeljax.localize import sequence_fit
from skeljax.localize.metrics.segmentation import segmentation
from skeljax.localize.segments import Segments, from_frame_labels
from skeljax.localize.sequence import SequenceDecoder
from skeljax.localize.sequence_fit import Labeled

FPS, CLASSES = 10.0, 3


def recording(seed, *, noise, wrong=0.0, segments=8):
    """Movements of about 3 seconds with gaps of 1 second, and noisy probabilities of frames.

    A share `wrong` of the movements is taken for another class.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for label in rng.integers(0, CLASSES, segments):
        parts += [(label, int(rng.integers(25, 36))), (CLASSES, 10)]
    labels = np.concatenate([np.full(frames, label) for label, frames in parts])
    logits = rng.normal(0, noise, (len(labels), CLASSES + 1))
    seen = np.concatenate([
        np.full(
            frames, (label + 1) % CLASSES if label < CLASSES and rng.random() < wrong else label
        )
        for label, frames in parts
    ])
    logits[np.arange(len(labels)), seen] += 2
    probabilities = np.exp(logits)
    return from_frame_labels(labels, CLASSES), probabilities / probabilities.sum(1, keepdims=True)


def split(seeds, **options):
    made = {f'recording {seed}': recording(seed, noise=2.0, **options) for seed in seeds}
    return Labeled(
        {name: truth for name, (truth, _) in made.items()},
        {name: len(p) for name, (_, p) in made.items()},
        {name: p for name, (_, p) in made.items()},
    )


def fitted(training, validation, **options):
    return sequence_fit.fit(training, validation, fps=FPS, num_classes=CLASSES, **options)


NOTHING = Labeled({}, {}, {})


def test_a_fitted_decoder_finds_what_raw_runs_do_not():
    held_out = split(range(10, 16))
    decoder, error = fitted(split(range(6)), held_out)
    unseen = split(range(20, 24))
    found = {name: decoder(p) for name, p in unseen.probabilities.items()}
    runs = {
        name: from_frame_labels(p.argmax(1), CLASSES) for name, p in unseen.probabilities.items()
    }
    measure = lambda segments: segmentation(
        segments, unseen.truth, num_classes=CLASSES, num_frames=unseen.num_frames
    ).figures
    assert measure(found)['F1@50'] > 0.9
    assert measure(found)['F1@50'] > 3 * measure(runs)['F1@50']
    assert 0 <= error < 0.2


def test_durations_and_gaps_are_those_of_the_training_labels():
    # Three movements of 2 s; two gaps of 1 s between them, one of 1 s at the end.
    truth = Segments([0, 30, 60], [20, 50, 80], [0, 1, 0])
    decoder, error = fitted(Labeled({'a': truth}, {'a': 90}, {}), NOTHING)
    assert math.isnan(error)
    np.testing.assert_allclose(np.exp(decoder.log_mean), [2, 2, 2, 1], rtol=1e-6)
    # Three gaps and the one that is added, over one more of another class.
    assert decoder.gap == pytest.approx(4 / 5)
    assert decoder.repeat == 0
    assert decoder.log_transitions == ()


def test_a_class_that_touches_itself_may_repeat():
    truth = Segments([0, 20, 40], [20, 40, 60], [0, 0, 1])
    decoder, _ = fitted(Labeled({'a': truth}, {'a': 60}, {}), NOTHING)
    # One repeat, one change, and an added example each of a gap and of a change.
    assert decoder.repeat == pytest.approx(1 / 4)
    assert decoder.gap == pytest.approx(1 / 4)


def test_without_validation_the_rest_stays_at_the_defaults():
    decoder, _ = fitted(split(range(3)), NOTHING)
    usual = SequenceDecoder()
    for name in ('weight', 'penalty', 'floor', 'temperature', 'slope', 'offset', 'reject'):
        assert getattr(decoder, name) == getattr(usual, name)
    unlabeled = Labeled({'a': Segments([], [], [])}, {'a': 30}, {'a': np.full((30, 4), 0.25)})
    assert fitted(split(range(3)), unlabeled)[0] == decoder


def test_the_order_of_classes_is_learned_only_on_request():
    labels = np.repeat([0, 1, 2, 0, 1, 2, 0, 1], 20)
    training = Labeled({'a': from_frame_labels(labels, CLASSES)}, {'a': len(labels)}, {})
    decoder, _ = fitted(training, NOTHING, transitions=True)
    table = np.exp(np.reshape(decoder.log_transitions, (CLASSES + 1, CLASSES + 1)))
    np.testing.assert_allclose(table.sum(1), 1)
    assert table[0].argmax() == 1 and table[1].argmax() == 2 and table[2].argmax() == 0
    # 3 of 3 after class 0, with one example spread over 4.
    assert table[0, 1] == pytest.approx((3 + 1 / 4) / 4)


def test_one_recording_moves_options_by_half_its_gain_and_many_by_what_is_sure():
    assert sequence_fit._lower_bound(np.array([0.4])) == pytest.approx(0.2)
    assert sequence_fit._lower_bound(np.array([-0.4])) == pytest.approx(-0.6)
    gains = np.array([0.1, 0.3])
    expected = 0.2 - 2 * np.std(gains, ddof=1) / 2**0.5
    assert sequence_fit._lower_bound(gains) == pytest.approx(expected)


def test_the_scores_of_segments_are_calibrated():
    decoder, _ = fitted(split(range(4)), split(range(100, 124), wrong=0.7))
    other = split(range(200, 224), wrong=0.7)
    found = {name: decoder(p) for name, p in other.probabilities.items()}
    raw = {
        name: dataclasses.replace(decoder, temperature=1.0, slope=1.0, offset=0.0)(p)
        for name, p in other.probabilities.items()
    }
    error = lambda segments: sequence_fit.expected_calibration_error(
        *sequence_fit.matched(segments, other.truth, num_classes=CLASSES)
    )
    assert error(found) < 0.1 < 0.2 < error(raw)
