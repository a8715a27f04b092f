"""Distributions of durations of actions and gaps: fitted to labels, tabulated in steps."""

from __future__ import annotations

from collections.abc import Mapping
import math
from typing import NamedTuple

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.segments import Segments, from_frame_labels, to_frame_labels

# Without labels: a median of 2 seconds; one standard deviation is a factor of e.
DEFAULT_LOG_MEAN, DEFAULT_LOG_STD = math.log(2.0), 1.0
_MIN_STD = 0.15  # of log-durations: keeps fits to corpora with uniform durations general
_PRIOR_COUNT = 8  # weight of the pooled variance, in examples
_NUM_STD = 3.0  # standard deviations below the mean; shorter durations are impossible
_MAX_STEPS = 256  # of the table; longer durations have a geometric tail


class Durations(NamedTuple):
    """Tabulated log-probabilities of durations in steps, for K classes.

    Attributes:
        log_pmf: float64[D, K], log P(duration = d) for d = 1 to D; `-inf` where impossible.
        log_survival: float64[D, K], log P(duration >= d).
        log_tail: float64[K], below 0, added for each step beyond D (geometric tail).
    """

    log_pmf: np.ndarray
    log_survival: np.ndarray
    log_tail: np.ndarray

    @property
    def shortest(self) -> int:
        """The shortest possible duration of any class, in steps."""
        return int(np.argmax(np.isfinite(self.log_pmf).any(axis=1))) + 1

    def survival(self, steps: np.ndarray, label) -> np.ndarray:
        """Returns log P(duration >= steps) of one class, or of all (`...`)."""
        table = len(self.log_survival)
        extra = np.multiply.outer(np.maximum(steps - table, 0), self.log_tail[label])
        return self.log_survival[np.minimum(steps, table) - 1, label] + extra

    def mass(self, steps: np.ndarray, label) -> np.ndarray:
        """Returns log P(duration = steps) of one class, or of all (`...`)."""
        table = len(self.log_pmf)
        extra = np.multiply.outer(np.maximum(steps - table, 0), self.log_tail[label])
        return self.log_pmf[np.minimum(steps, table) - 1, label] + extra


class LogNormal(NamedTuple):
    """Log-normal durations of L classes and of background, which is last.

    Attributes:
        log_mean: float64[L + 1], of log-seconds.
        log_std: float64[L + 1], of log-seconds.
    """

    log_mean: np.ndarray
    log_std: np.ndarray


def default(num_classes: int) -> LogNormal:
    """Returns wide durations, the same for all classes, for decoding without labels."""
    size = num_classes + 1
    return LogNormal(np.full(size, DEFAULT_LOG_MEAN), np.full(size, DEFAULT_LOG_STD))


def fit(
    truth: Mapping[str, Segments], num_frames: Mapping[str, int], fps: float, num_classes: int
) -> LogNormal:
    """Fits log-normal durations to labeled recordings.

    The mean of a class is shrunk towards the mean of all classes by empirical Bayes: a class of n
    examples keeps n / (n + within / between) of its own, where `within` is the variance of
    log-durations inside a class and `between` that of the classes' means. The standard deviation
    is shrunk likewise, and increased by the uncertainty of the mean. A class without examples
    gets the mean of all. The durations of gaps between segments are fitted for background.

    Args:
        truth: labeled segments by recording.
        num_frames: of every recording.
        fps: frames per second.
        num_classes: L, without background.

    Raises:
        InputError: an empty segment, one outside its recording, or a label of L or more.
    """
    logs: list[list[float]] = [[] for _ in range(num_classes + 1)]
    for name, segments in truth.items():
        if len(segments) and int(segments.label.max()) >= num_classes:
            raise InputError(f'{name}: a label outside 0 to {num_classes - 1}')
        frame_labels = to_frame_labels(segments, num_frames[name], num_classes)
        gaps = from_frame_labels(np.where(frame_labels == num_classes, 0, 1), 1)
        for label, frames in zip(segments.label, segments.end - segments.start, strict=True):
            logs[label].append(math.log(frames / fps))
        logs[-1] += np.log((gaps.end - gaps.start) / fps).tolist()
    mean, std = _shrunk(logs[:-1])
    gap_mean, gap_std = _shrunk(logs[-1:])
    return LogNormal(np.concatenate([mean, gap_mean]), np.concatenate([std, gap_std]))


def tabulate(durations: LogNormal, seconds: float) -> Durations:
    """Tabulates durations in steps of `seconds`: the density at each step, normalized.

    Beyond the table, probabilities continue by the last ratio of neighbors.
    """
    mean, std = durations
    longest = math.exp(float((mean + _NUM_STD * std).max())) / seconds
    table = int(np.clip(math.ceil(longest), 2, _MAX_STEPS))
    steps = np.arange(1, table + 1)[:, None]
    score = (np.log(steps * seconds) - mean) / std
    log_pmf = -0.5 * score**2 - np.log(steps)
    least = np.minimum(np.exp(mean - _NUM_STD * std) / seconds, table - 1)
    log_pmf = np.where(steps < np.floor(least), -np.inf, log_pmf)
    # The lower bound of the decay keeps the mean of the tail below 100 tables.
    slope = -(1 + score[-1] / std) / table
    log_tail = np.clip(slope, -50.0, math.log1p(-1 / (100 * table)))
    return normalized(log_pmf, log_tail)


def normalized(log_pmf: np.ndarray, log_tail: np.ndarray) -> Durations:
    """Normalizes log-weights float64[D, K] with a geometric tail float64[K]."""
    after = log_pmf[-1] - np.log(-np.expm1(log_tail))
    cumulative = np.logaddexp.accumulate(np.concatenate([log_pmf[:-1], after[None]])[::-1])[::-1]
    return Durations(log_pmf - cumulative[0], cumulative - cumulative[0], log_tail)


def _shrunk(logs: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    """Returns means and standard deviations of groups, shrunk towards those of all groups."""
    counts = np.array([len(group) for group in logs])
    if not counts.any():
        return np.full(len(logs), DEFAULT_LOG_MEAN), np.full(len(logs), DEFAULT_LOG_STD)
    overall = float(np.mean([np.mean(group) for group in logs if group]))
    means = np.array([np.mean(group) if group else overall for group in logs])
    squares = np.array([np.sum((np.asarray(group) - m) ** 2) for group, m in zip(logs, means)])
    # The prior keeps variances above 0 where few classes have two examples.
    freedom = np.maximum(counts - 1, 0).sum()
    within = (squares.sum() + 0.3**2 * _PRIOR_COUNT) / (freedom + _PRIOR_COUNT)
    shown = counts > 0
    spread = float(np.var(means[shown])) if shown.sum() > 1 else 0.0
    between = max(spread - within * float(np.mean(1 / counts[shown])), 0.01 * within)
    own_weight = counts / (counts + within / between)
    mean = own_weight * means + (1 - own_weight) * overall
    own_variance = (squares + _PRIOR_COUNT * within) / (counts + _PRIOR_COUNT)
    variance = own_variance + (1 - own_weight) * between
    if len(logs) == 1:  # there is no other group to shrink to
        mean, variance = means, own_variance
    return mean, np.maximum(np.sqrt(variance), _MIN_STD)
