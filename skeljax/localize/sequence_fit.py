"""Fits the sequence decoder: durations to training labels, other options to validation data."""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
import itertools
import math
from typing import NamedTuple

import numpy as np

from skeljax.localize import durations
from skeljax.localize.diagnose import matched
from skeljax.localize.metrics.segmentation import segmentation
from skeljax.localize.outcome import expected_calibration_error
from skeljax.localize.segments import Segments, from_frame_labels, to_frame_labels
from skeljax.localize.sequence import SequenceDecoder, calibrate, logit

WEIGHTS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
PENALTIES = (-2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 8.0)
FLOORS = (0.003, 0.01, 0.03, 0.1, 0.3)
TEMPERATURES = (1.0, 2.0, 4.0, 8.0)
_MAX_FRAMES = 40_000  # of validation recordings used in the fit: 22 minutes at 30 fps
_PRIOR = 1.0  # precision of the Gaussian prior around slope 1 and offset 0


class Labeled(NamedTuple):
    """Labeled recordings of one split, at one frame rate.

    Attributes:
        truth: segments by recording.
        num_frames: by recording.
        probabilities: float[T, L + 1] by recording; {} if unknown.
    """

    truth: Mapping[str, Segments]
    num_frames: Mapping[str, int]
    probabilities: Mapping[str, np.ndarray]


def fit(
    training: Labeled, validation: Labeled, *, fps: float, num_classes: int,
    transitions: bool = False,
) -> tuple[SequenceDecoder, float]:
    """Fits a decoder.

    Durations, and how often a gap or the same class follows an action, are estimated from the
    training labels. Weight, penalty and floor maximize the mean of frame accuracy, edit score
    and F1@{10, 25, 50} over validation recordings: the candidate with the highest gain over the
    defaults minus two standard errors is selected, so that few recordings do not change them by
    chance. Temperature, slope and offset then calibrate the scores of segments decoded there, by
    maximum likelihood. Without validation recordings these options keep their defaults.

    Args:
        training: labeled recordings that the network was trained on; probabilities are ignored.
        validation: labeled recordings not used in training.
        fps: frames per second of both.
        num_classes: L, without background.
        transitions: also estimates class transitions from the training labels. If the classes of
            a corpus always have the same order, this order is memorized.

    Returns:
        The decoder, and the expected calibration error on the validation split (nan without one).
    """
    fitted = durations.fit(training.truth, training.num_frames, fps, num_classes)
    decoder = SequenceDecoder(
        fps=fps, log_mean=tuple(fitted.log_mean.tolist()), log_std=tuple(fitted.log_std.tolist()),
        **_change_probabilities(training),
        log_transitions=_log_transitions(training, num_classes) if transitions else (),
    )
    names = [name for name in _subset(validation) if len(validation.truth[name])]
    if not names:
        return decoder, float('nan')
    decoder = _best(decoder, validation, names)
    return _calibrated(decoder, validation)


def _best(decoder: SequenceDecoder, validation: Labeled, names: list[str]) -> SequenceDecoder:
    """Selects weight, penalty and floor by the quality on validation recordings."""
    num_classes = len(decoder.log_mean) - 1

    def quality(candidate: SequenceDecoder) -> np.ndarray:
        """Returns the quality of a decoder on each recording, float64[N]."""
        return np.array([
            segmentation(
                {name: candidate.sequence(validation.probabilities[name])},
                {name: validation.truth[name]},
                num_classes=num_classes,
                num_frames={name: validation.num_frames[name]},
            ).mean
            for name in names
        ])

    baseline = quality(decoder)
    gains = [(0.0, decoder)]
    for weight, penalty in itertools.product(WEIGHTS, PENALTIES):
        candidate = dataclasses.replace(decoder, weight=weight, penalty=penalty)
        gains.append((_lower_bound(quality(candidate) - baseline), candidate))
    gain, best = max(gains, key=lambda pair: pair[0])
    for floor in FLOORS:
        candidate = dataclasses.replace(best, floor=floor)
        gains.append((_lower_bound(quality(candidate) - baseline), candidate))
    return max(gains, key=lambda pair: pair[0])[1]


def _lower_bound(gains: np.ndarray) -> float:
    """Returns the mean minus two standard errors; for one recording half the gain."""
    mean = float(gains.mean())
    if len(gains) == 1:
        return mean - abs(mean) / 2
    return mean - 2 * float(gains.std(ddof=1)) / math.sqrt(len(gains))


def _calibrated(decoder, validation: Labeled) -> tuple[SequenceDecoder, float]:
    """Fits temperature, slope and offset; also returns the calibration error."""
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


def fit_logistic(probability: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """Fits slope and offset by regularized maximum likelihood (Platt scaling).

    The slope is clipped to 0.05 to 4, so the order of scores is preserved. A weak Gaussian prior
    around slope 1 and offset 0 keeps both finite if all examples are of one kind.

    Args:
        probability: float[N], scores of segments.
        right: bool[N], whether each is correct.

    Returns:
        Slope and offset; (1, 0) without examples.

    Source: Platt, Probabilistic outputs for support vector machines (1999).
    """
    if not len(probability):
        return 1.0, 0.0
    inputs = np.stack([logit(probability), np.ones(len(probability))], axis=1)
    target, prior = np.asarray(right, np.float64), np.array([1.0, 0.0])

    def loss(weights):
        scores = inputs @ weights
        fit = np.logaddexp(0, scores).sum() - target @ scores
        return fit + 0.5 * _PRIOR * np.sum((weights - prior) ** 2)

    weights = prior
    for _ in range(100):  # Newton's method with step halving; converges in about ten steps
        predicted = 1 / (1 + np.exp(-inputs @ weights))
        gradient = inputs.T @ (predicted - target) + _PRIOR * (weights - prior)
        variance = predicted * (1 - predicted)
        curvature = (inputs * variance[:, None]).T @ inputs + _PRIOR * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        while loss(weights - step) > loss(weights) and np.abs(step).max() > 1e-9:
            step = step / 2
        weights = weights - step
        if np.abs(step).max() < 1e-9:
            break
    return float(np.clip(weights[0], 0.05, 4.0)), float(weights[1])


def _subset(validation: Labeled) -> list[str]:
    """Returns names of recordings for the fit, limited so that it takes seconds."""
    chosen, frames = [], 0
    for name in sorted(validation.probabilities):
        if frames < _MAX_FRAMES:
            chosen.append(name)
            frames += validation.num_frames[name]
    return chosen


def _change_probabilities(training: Labeled) -> dict[str, float]:
    """Estimates how often a gap, or the same class, follows an action.

    One example each of a gap and of another class is added as a prior. Adjacent segments of one
    class get a probability above 0 only if they occur in the labels.
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


def _log_transitions(training: Labeled, num_classes: int) -> tuple[float, ...]:
    """Estimates log-transitions, row by row; one example per class is spread over its row."""
    size = num_classes + 1
    counts = np.full((size, size), 1 / size)
    for name, segments in training.truth.items():
        frames = to_frame_labels(segments, training.num_frames[name], num_classes)
        label = from_frame_labels(frames, -1).label
        np.add.at(counts, (label[:-1], label[1:]), 1)
    return tuple(np.log(counts / counts.sum(axis=1, keepdims=True)).ravel().tolist())
