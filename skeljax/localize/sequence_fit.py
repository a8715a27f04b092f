"""Fits the sequence decoder: durations to training labels, the rest to the validation split."""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
import itertools
import math
from typing import NamedTuple

import numpy as np

from skeljax.localize import durations as lengths
from skeljax.localize.metrics.calibration import calibrate, expected_calibration_error, fit_logistic
from skeljax.localize.metrics.diagnose import matched
from skeljax.localize.metrics.segmentation import segmentation
from skeljax.localize.segments import Segments, from_frame_labels, to_frame_labels
from skeljax.localize.sequence import SequenceDecoder

WEIGHTS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
PENALTIES = (-2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 8.0)
FLOORS = (0.003, 0.01, 0.03, 0.1, 0.3)
TEMPERATURES = (1.0, 2.0, 4.0, 8.0)
_MOST_FRAMES = 40_000  # of validation recordings that are fitted to: 22 minutes at 30 a second


class Labeled(NamedTuple):
    """Labeled recordings of one split, at one frame rate.

    Attributes:
        truth: segments by recording.
        num_frames: by recording.
        probabilities: float[T, L + 1] by recording; {} where they are not known.
    """

    truth: Mapping[str, Segments]
    num_frames: Mapping[str, int]
    probabilities: Mapping[str, np.ndarray]


def fit(
    training: Labeled, validation: Labeled, *, fps: float, num_classes: int,
    transitions: bool = False,
) -> tuple[SequenceDecoder, float]:
    """Fits a decoder.

    Durations, and how often gaps or the same class follow a movement, come from the training
    labels. Weight, penalty and floor are chosen by the mean of frame accuracy, edit score and
    F1@{10, 25, 50} on the validation split, averaged over recordings: those of the highest gain
    over the defaults less two standard errors, so that a few recordings do not move them by
    chance. Temperature, slope and offset then calibrate the scores of what is decoded there, by
    likelihood. Without validation recordings all these stay at their defaults.

    Args:
        training: whose labels the network learned from; probabilities are not read.
        validation: kept from training.
        fps: frames a second of both.
        num_classes: L, without background.
        transitions: learns which class follows which from the training labels, too. A corpus
            whose classes always come in one order is then learned by heart.

    Returns:
        The decoder, and the expected calibration error on the validation split, nan without.
    """
    fitted = lengths.fit(training.truth, training.num_frames, fps, num_classes)
    decoder = SequenceDecoder(
        fps=fps, log_mean=tuple(fitted.log_mean.tolist()), log_std=tuple(fitted.log_std.tolist()),
        **_changes(training, num_classes),
        log_transitions=_followers(training, num_classes) if transitions else (),
    )
    chosen = [name for name in _some(validation) if len(validation.truth[name])]
    if not chosen:
        return decoder, float('nan')
    decoder = _best(decoder, validation, chosen)
    return _calibrated(decoder, validation)


def _best(decoder: SequenceDecoder, validation: Labeled, chosen: list[str]) -> SequenceDecoder:
    """Chooses weight, penalty and floor by what they find in validation recordings."""
    num_classes = len(decoder.log_mean) - 1

    def quality(candidate: SequenceDecoder) -> np.ndarray:
        """Measures a decoder: float64[N], by recording."""
        return np.array([
            segmentation(
                {name: candidate.sequence(validation.probabilities[name])},
                {name: validation.truth[name]},
                num_classes=num_classes,
                num_frames={name: validation.num_frames[name]},
            ).mean
            for name in chosen
        ])

    usual = quality(decoder)
    gains = [(0.0, decoder)]
    for weight, penalty in itertools.product(WEIGHTS, PENALTIES):
        candidate = dataclasses.replace(decoder, weight=weight, penalty=penalty)
        gains.append((_sure_gain(quality(candidate) - usual), candidate))
    gain, best = max(gains, key=lambda pair: pair[0])
    for floor in FLOORS:
        candidate = dataclasses.replace(best, floor=floor)
        gains.append((_sure_gain(quality(candidate) - usual), candidate))
    return max(gains, key=lambda pair: pair[0])[1]


def _sure_gain(gains: np.ndarray) -> float:
    """Returns the mean less two standard errors; of one recording half of it."""
    mean = float(gains.mean())
    if len(gains) == 1:
        return mean - abs(mean) / 2
    return mean - 2 * float(gains.std(ddof=1)) / math.sqrt(len(gains))


def _calibrated(decoder, validation: Labeled) -> tuple[SequenceDecoder, float]:
    """Fits the scores; also returns their calibration error."""
    options = []
    for temperature in TEMPERATURES:
        candidate = dataclasses.replace(decoder, temperature=temperature)
        found = {name: candidate(p) for name, p in validation.probabilities.items()}
        score, right = matched(found, validation.truth, num_classes=len(decoder.log_mean) - 1)
        slope, offset = fit_logistic(score, right)
        calibrated = calibrate(score, slope, offset)
        loss = float(-np.log(np.where(right, calibrated, 1 - calibrated)).sum())
        candidate = dataclasses.replace(candidate, slope=slope, offset=offset)
        options.append((loss, candidate, expected_calibration_error(calibrated, right)))
    return min(options, key=lambda option: option[0])[1:]


def _some(validation: Labeled) -> list[str]:
    """Chooses recordings for the fit, so many that it takes seconds."""
    chosen, frames = [], 0
    for name in sorted(validation.probabilities):
        if frames < _MOST_FRAMES:
            chosen.append(name)
            frames += validation.num_frames[name]
    return chosen


def _changes(training: Labeled, num_classes: int) -> dict[str, float]:
    """Counts how often a gap, or the same class, follows a movement.

    One example each of a gap and of another class is added. The same class that touches is
    possible only where the labels show it.
    """
    gaps, repeats, others = 1, 0, 1
    for name, segments in training.truth.items():
        order = np.lexsort((segments.end, segments.start))
        start, end, label = segments.start[order], segments.end[order], segments.label[order]
        touches = start[1:] <= end[:-1]
        again = touches & (label[1:] == label[:-1])
        gaps += int((~touches).sum()) + int(len(end) > 0 and end[-1] < training.num_frames[name])
        repeats += int(again.sum())
        others += int((touches & ~again).sum())
    total = gaps + repeats + others
    return {'gap': gaps / total, 'repeat': repeats / total}


def _followers(training: Labeled, num_classes: int) -> tuple[float, ...]:
    """Counts which class follows which, with one example of all pairs added."""
    size = num_classes + 1
    counts = np.full((size, size), 1 / size)
    for name, segments in training.truth.items():
        frames = to_frame_labels(segments, training.num_frames[name], num_classes)
        label = from_frame_labels(frames, -1).label
        np.add.at(counts, (label[:-1], label[1:]), 1)
    return tuple(np.log(counts / counts.sum(axis=1, keepdims=True)).ravel().tolist())
