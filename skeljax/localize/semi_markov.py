"""Exact inference in a hidden semi-Markov model: Viterbi, forward-backward, segment posteriors.

A recording of T steps is a sequence of segments. Each segment has a class and a duration. The log
weight of a segmentation is the sum over its segments of

    the emissions of the class in the segment's steps + the log-probability of the duration,

plus the sum over changes of the log-transition between the classes. The first segment may start
before the recording and the last may end after it, so both are weighted by the probability of
lasting at least as long as observed (Guedon 2003, doi 10.1198/1061860032030).

Costs are O(T D K) time and O(T K) memory for K classes and durations tabulated up to D steps.
Longer durations have a geometric tail, so no duration is impossible. Source of the recursions:
Yu, Hidden semi-Markov models, Artificial Intelligence 174 (2010).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from skeljax.localize.durations import Durations

_LOWEST = -1e30  # replaces -inf, whose differences are undefined
_SMALLEST = 1e-300  # lower bound of sums in linear scale; too small to change a posterior


class Model(NamedTuple):
    """Semi-Markov model of a recording of T steps.

    Attributes:
        emission: float64[T, K], log weight of each class in each step.
        durations: of the K classes.
        transition: float64[K, K], log weight of a change from class i to class j; the diagonal
            is that of two adjacent segments of one class; `-inf` if impossible.
        initial: float64[K], log weight of each class as the first one; None: uniform.
        exact_start: the first segment starts `age` steps before step 0; otherwise it may have
            started earlier.
        age: steps that the first segment has lasted before step 0, at least.
    """

    emission: np.ndarray
    durations: Durations
    transition: np.ndarray
    initial: np.ndarray | None = None
    exact_start: bool = False
    age: int = 0

    def first_duration(self, ends: np.ndarray, label) -> np.ndarray:
        """Returns log weights of the duration of a first segment that ends before steps `ends`."""
        log_weight = self.durations.mass if self.exact_start else self.durations.survival
        return log_weight(self.age + ends, label)

    def last_duration(self) -> np.ndarray:
        """Returns log weights of the duration of a last segment, by its start, float64[T, K]."""
        lasted = len(self.emission) - np.arange(len(self.emission))
        lasted[:1] += self.age
        return self.durations.survival(lasted, ...)


class Messages(NamedTuple):
    """Log weights computed by one direction of the recursion: sums, or maxima for Viterbi.

    Attributes:
        enter: float64[T + 1, K], of all segmentations of the first t steps after which a segment
            of class k starts at t; row T is unused.
        ended: float64[T + 1, K], of those whose last segment has class k and ends at t; row 0 is
            unused.
        total: of all segmentations.
    """

    enter: np.ndarray
    ended: np.ndarray
    total: float


def viterbi(model: Model) -> list[tuple[int, int, int]]:
    """Returns the best segmentation as (start, end, class), half-open, in steps."""
    num_steps = len(model.emission)
    if not num_steps:
        return []
    enter, ended, _ = _recursion([model], np.maximum)[0]
    sums = _cumulative(model.emission)
    # The last segment may end after the recording.
    last = enter[:-1] - sums[:-1] + sums[-1] + model.last_duration()
    start, label = np.unravel_index(np.argmax(last), last.shape)
    path = [(int(start), num_steps, int(label))]
    while start > 0:
        label = int(np.argmax(ended[start] + model.transition[:, label]))
        weights = _start_weights(model, enter, sums, int(start), label)
        end, start = start, int(np.argmax(weights))
        path.append((start, int(end), label))
    return path[::-1]


def forward_backward(model: Model) -> tuple[Messages, Messages]:
    """Returns forward and backward messages.

    The backward messages are those of the reversed steps: row t of `enter` sums over all
    segmentations of the last t steps, before which a segment of class k ends.
    """
    reverse = Model(model.emission[::-1], model.durations, model.transition.T)
    return tuple(_recursion([model, reverse], np.logaddexp))


def posterior(
    model: Model, segment: tuple[int, int, int], before: Messages, after: Messages, tiou: float
) -> float:
    """Returns the probability of a segment of this class whose tIoU with this one is above `tiou`.

    Two segments of one segmentation cannot both have a tIoU above 0.5 with a third, so for `tiou`
    of at least 0.5 the probabilities of all such segments are added.

    Args:
        model: of the recording.
        segment: (start, end, class) in steps.
        before, after: results of `forward_backward`.
        tiou: from 0.5 to 1.
    """
    start, end, label = segment
    start -= model.age * (start == 0)
    num_steps, length = len(model.emission), end - start
    slack, longest = int(length * (1 - tiou)), int(length / tiou)
    # Segments beyond these bounds cannot reach the tIoU.
    first = np.arange(max(0, end - longest), max(0, start + slack) + 1)
    last = np.arange(max(1, end - slack), min(num_steps, start + longest) + 1)
    begin = np.where(first == 0, -model.age, first)
    steps = last[None, :] - begin[:, None]
    both = np.minimum(last[None, :], end) - np.maximum(begin[:, None], start)
    either = np.maximum(last[None, :], end) - np.minimum(begin[:, None], start)
    counts = (last[None, :] > first[:, None]) & (both > tiou * either + 1e-9)
    sums = _cumulative(model.emission[:, label])
    weight = before.enter[first, label][:, None] + after.enter[num_steps - last, label][None, :]
    weight = weight + (sums[last][None, :] - sums[first][:, None])
    open_start = (first == 0)[:, None] & (not model.exact_start)
    lasting = open_start | (last == num_steps)[None, :]
    steps = np.maximum(steps, 1)
    duration = np.where(
        lasting,
        model.durations.survival(steps, label),
        model.durations.mass(steps, label),
    )
    weight = np.where(counts, weight + duration - before.total, -np.inf)
    return float(np.minimum(np.exp(weight).sum(), 1.0))


def _cumulative(emission: np.ndarray) -> np.ndarray:
    """Returns sums of emissions before each step, float64[T + 1, ...]."""
    return np.concatenate([np.zeros((1, *emission.shape[1:])), np.cumsum(emission, axis=0)])


def _recursion(models: list[Model], add: np.ufunc) -> list[Messages]:
    """Runs the recursion of B models with equal numbers of steps and equal durations.

    Steps within the shortest duration of any class do not depend on each other, so blocks of
    this length are computed at once.

    Args:
        models: B of them.
        add: np.maximum (Viterbi) or np.logaddexp (sums).
    """
    durations, (num_steps, num_classes) = models[0].durations, models[0].emission.shape
    log_pmf, table = np.maximum(durations.log_pmf, _LOWEST), len(durations.log_pmf)
    reversed_pmf = np.ascontiguousarray(log_pmf[::-1].T)[:, None]
    transition = np.stack([model.transition for model in models])
    if add is np.maximum:
        change = np.maximum(transition, _LOWEST).swapaxes(1, 2)
    else:
        change = np.exp(transition)
    sums = np.stack([_cumulative(model.emission) for model in models])
    enter = np.full(sums.shape, _LOWEST)
    enter[:, 0] = [
        np.zeros(num_classes) if m.initial is None else np.maximum(m.initial, _LOWEST)
        for m in models
    ]
    # A first segment that starts exactly at step 0 is an ordinary one, in `relative`.
    ordinary = np.array([model.exact_start and not model.age for model in models])
    lasted = np.arange(1, num_steps + 1)
    first = np.stack([model.first_duration(lasted, ...) for model in models])
    first += np.where(ordinary[:, None, None], _LOWEST, enter[:, :1])
    ended = np.full_like(enter, _LOWEST)
    # `enter` minus the emissions before, [B, K, steps], padded by D + 1 steps at the start.
    relative = np.full((len(models), num_classes, table + 1 + num_steps + 1), _LOWEST)
    relative[ordinary, :, table + 1] = enter[ordinary, 0]
    windows = sliding_window_view(relative, table, axis=2)
    further = log_pmf[-1] + durations.log_tail
    tail = np.full((len(models), 1, num_classes), _LOWEST)
    block = durations.shortest
    buffer = np.empty((len(models), num_classes, block, table))
    pmf = np.exp(reversed_pmf)
    scaled = np.empty((len(models), num_classes, table + block - 1))
    for done in range(0, num_steps, block):
        ends = slice(done + 1, min(done + block, num_steps) + 1)
        total = None
        if add is np.logaddexp:
            total = _convolved(relative[..., ends.start + 1:ends.stop + table], pmf, scaled)
        if total is None:
            # Row i: starts from D to 1 steps before the i-th end.
            window = windows[:, :, ends.start + 1:ends.stop + 1]
            total = _reduce(np.add(window, reversed_pmf, out=buffer[:, :, :window.shape[2]]), add)
        total = total.swapaxes(1, 2)
        # Starts more than D steps before.
        beyond = relative[..., ends].swapaxes(1, 2) + further
        tail = _geometric(np.concatenate([tail[:, -1:], beyond], axis=1), durations.log_tail, add)
        total = add(total, tail[:, 1:])
        total = add(total, first[:, done:ends.stop - 1])
        ended[:, ends] = total + sums[:, ends]
        enter[:, ends] = _changed(ended[:, ends], change, add)
        entered = enter[:, ends] - sums[:, ends]
        relative[..., table + 1 + ends.start:table + 1 + ends.stop] = entered.swapaxes(1, 2)
    lasting = np.stack([model.last_duration() for model in models])
    last = enter[:, :-1] - sums[:, :-1] + sums[:, -1:] + lasting
    totals = [float(add.reduce(each, axis=None)) for each in last]
    return [Messages(*parts) for parts in zip(enter, ended, totals, strict=True)]


def _reduce(values: np.ndarray, add: np.ufunc) -> np.ndarray:
    """Reduces the last axis by max or by log-sum-exp; overwrites `values`."""
    highest = values.max(axis=-1)
    if add is np.maximum:
        return highest
    spread = np.subtract(values, highest[..., None], out=values)
    return np.log(np.exp(spread, out=spread).sum(axis=-1)) + highest


def _convolved(relative: np.ndarray, pmf: np.ndarray, scaled: np.ndarray) -> np.ndarray | None:
    """Sums exp(relative) over the D starts before each end, weighted by the duration's pmf.

    Args:
        relative: float[B, K, N + D - 1], of all starts of N ends.
        pmf: float[K, 1, D], of durations of D to 1 steps.
        scaled: float[B, K, at least N + D - 1], overwritten.

    Returns:
        float[B, K, N], logarithms; None if a sum underflows float64.
    """
    highest = relative.max(axis=-1, keepdims=True)
    scaled = scaled[..., :relative.shape[-1]]
    np.exp(np.subtract(relative, highest, out=scaled), out=scaled)
    size, table = relative.shape[-1] - pmf.shape[2] + 1, pmf.shape[2]
    *rows, item = scaled.strides
    windows = as_strided(scaled, (*scaled.shape[:2], size, table), (*rows, item, item))
    sums = np.vecdot(windows, pmf)
    if sums.min() < 1e-250:
        return None
    return np.log(sums) + highest


def _changed(ended: np.ndarray, change: np.ndarray, add: np.ufunc) -> np.ndarray:
    """Reduces `ended` float[B, N, K] plus the transition to each class, over those before.

    `change` is, for maxima, the transition to (row) from (column); for sums, the exponential of
    the transition from (row) to (column).
    """
    if add is np.maximum:
        return (ended[:, :, None, :] + change[:, None]).max(axis=-1)
    highest = ended.max(axis=-1, keepdims=True)
    sums = np.exp(ended - highest) @ change
    return np.log(np.maximum(sums, _SMALLEST)) + highest


def _geometric(values: np.ndarray, log_tail: np.ndarray, add: np.ufunc) -> np.ndarray:
    """Accumulates float[B, N, K] over N; each step adds `log_tail` to the previous ones."""
    decay = np.arange(values.shape[1])[:, None] * log_tail
    return add.accumulate(values - decay, axis=1) + decay


def _start_weights(model: Model, enter, sums, end: int, label: int) -> np.ndarray:
    """Returns the log weight of a segment of a class that ends at `end`, for each start."""
    starts = np.arange(end)
    weights = enter[:end, label] - sums[:end, label] + sums[end, label]
    weights = weights + model.durations.mass(end - starts, label)
    weights[0] = enter[0, label] + sums[end, label] + model.first_duration(np.array(end), label)
    return weights

