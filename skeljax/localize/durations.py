"""Fits how long movements and gaps last, from labeled recordings, and tabulates it in steps."""

from __future__ import annotations

from collections.abc import Mapping
import math
from typing import NamedTuple

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.segments import Segments, from_frame_labels, to_frame_labels
from skeljax.localize.semi_markov import Durations

# Without any label: a duration of 2 seconds, give or take a factor of e.
DEFAULT_LOG_MEAN, DEFAULT_LOG_STD = math.log(2.0), 1.0
_LEAST_STD = 0.15  # of log-durations: corpora that are cut by a rule still vary on other days
_PRIOR_COUNT = 8  # examples that the pooled variance counts as
_NUM_STD = 3.0  # shorter durations than this many standard deviations are impossible
_MAX_STEPS = 256  # tabulated; longer durations have a geometric tail


class LogNormal(NamedTuple):
    """Log-normal durations of L classes and of background, which is last.

    Attributes:
        log_mean: float64[L + 1], of log-seconds.
        log_std: float64[L + 1], of log-seconds.
    """

    log_mean: np.ndarray
    log_std: np.ndarray


def default(num_classes: int) -> LogNormal:
    """Returns durations that are right for no corpus and possible in all."""
    size = num_classes + 1
    return LogNormal(np.full(size, DEFAULT_LOG_MEAN), np.full(size, DEFAULT_LOG_STD))


def fit(
    truth: Mapping[str, Segments], num_frames: Mapping[str, int], fps: float, num_classes: int
) -> LogNormal:
    """Fits log-normal durations to labeled recordings.

    The mean of a class is shrunk towards the mean of all classes by empirical Bayes: a class of n
    examples keeps n / (n + within / between) of its own, where `within` is the variance of
    log-durations inside a class and `between` that of the classes' means. The standard deviation
    is shrunk likewise, and widened by what is not known of the mean. A class without examples
    gets the mean of all. Background is the gaps between segments, and is fitted by itself.

    Args:
        truth: labeled segments by recording.
        num_frames: of every recording.
        fps: frames a second.
        num_classes: L, without background.

    Raises:
        InputError: a segment that is empty or leaves its recording, or a label beyond L.
    """
    logs: list[list[float]] = [[] for _ in range(num_classes + 1)]
    for name, segments in truth.items():
        if len(segments) and int(segments.label.max()) >= num_classes:
            raise InputError(f'{name}: a label outside 0 to {num_classes - 1}')
        painted = to_frame_labels(segments, num_frames[name], num_classes)
        gaps = from_frame_labels(np.where(painted == num_classes, 0, 1), 1)
        for label, frames in zip(segments.label, segments.end - segments.start, strict=True):
            logs[label].append(math.log(frames / fps))
        logs[-1] += np.log((gaps.end - gaps.start) / fps).tolist()
    mean, std = _shrunk(logs[:-1])
    gap_mean, gap_std = _shrunk(logs[-1:])
    return LogNormal(np.concatenate([mean, gap_mean]), np.concatenate([std, gap_std]))


def tabulate(durations: LogNormal, seconds: float) -> Durations:
    """Tabulates durations in steps of so many seconds.

    The density at each whole number of steps, normalized. Beyond the table the last ratio of
    neighbors goes on.
    """
    mean, std = durations
    longest = math.exp(float((mean + _NUM_STD * std).max())) / seconds
    table = int(np.clip(math.ceil(longest), 2, _MAX_STEPS))
    steps = np.arange(1, table + 1)[:, None]
    score = (np.log(steps * seconds) - mean) / std
    log_pmf = -0.5 * score**2 - np.log(steps)
    least = np.minimum(np.exp(mean - _NUM_STD * std) / seconds, table - 1)
    log_pmf = np.where(steps < np.floor(least), -np.inf, log_pmf)
    # Never faster than the last two steps fall, never slower than a mean of 100 tables.
    slope = -(1 + score[-1] / std) / table
    log_tail = np.clip(slope, -50.0, math.log1p(-1 / (100 * table)))
    return normalized(log_pmf, log_tail)


def normalized(log_pmf: np.ndarray, log_tail: np.ndarray) -> Durations:
    """Makes probabilities of log-weights float64[D, K] with a geometric tail float64[K]."""
    after = log_pmf[-1] - np.log(-np.expm1(log_tail))
    cumulative = np.logaddexp.accumulate(np.concatenate([log_pmf[:-1], after[None]])[::-1])[::-1]
    return Durations(log_pmf - cumulative[0], cumulative - cumulative[0], log_tail)


def _shrunk(logs: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    """Shrinks means and standard deviations of groups towards those of all groups."""
    counts = np.array([len(group) for group in logs])
    every = np.concatenate([np.asarray(group) for group in logs])
    if not len(every):
        return np.full(len(logs), DEFAULT_LOG_MEAN), np.full(len(logs), DEFAULT_LOG_STD)
    overall = float(np.mean([np.mean(group) for group in logs if group]))
    means = np.array([np.mean(group) if group else overall for group in logs])
    squares = np.array([np.sum((np.asarray(group) - m) ** 2) for group, m in zip(logs, means)])
    # The prior keeps the variances away from 0 where hardly any class has two examples.
    freedom = np.maximum(counts - 1, 0).sum()
    within = (squares.sum() + 0.3**2 * _PRIOR_COUNT) / (freedom + _PRIOR_COUNT)
    shown = counts > 0
    spread = float(np.var(means[shown])) if shown.sum() > 1 else 0.0
    between = max(spread - within * float(np.mean(1 / counts[shown])), 0.01 * within)
    keep = counts / (counts + within / between)
    mean = keep * means + (1 - keep) * overall
    own = (squares + _PRIOR_COUNT * within) / (counts + _PRIOR_COUNT)
    variance = own + (1 - keep) * between
    if len(logs) == 1:  # nothing to shrink to
        mean, variance = means, own
    return mean, np.maximum(np.sqrt(variance), _LEAST_STD)
