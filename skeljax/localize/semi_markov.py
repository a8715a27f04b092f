"""Exact inference in a hidden semi-Markov model: Viterbi, forward-backward, segment posteriors.

A recording of T steps is a sequence of segments. Each segment has a class and a duration. The log
weight of a segmentation is the sum over its segments of

    the emissions of its class in its steps + the log-probability of its duration,

and over its changes of the log-transition from one class to the next. The first segment may have
begun before the recording and the last one may go on after it, so both weigh the probability of
lasting at least as long as they are seen (Guedon 2003, doi 10.1198/1061860032030).

All cost is O(T D K) time and O(T K) memory for K classes and durations tabulated up to D steps;
longer durations have a geometric tail, so no duration is impossible. Source of the recursions:
Yu, Hidden semi-Markov models, Artificial Intelligence 174 (2010).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

_LOWEST = -1e30  # stands for -inf, with which differences are not defined
_SMALLEST = 1e-300  # of sums in linear scale: what is as unlikely does not change a posterior


class Durations(NamedTuple):
    """Log-probabilities of durations in steps, of K classes.

    Attributes:
        log_pmf: float64[D, K], of 1 to D steps; `-inf` where impossible.
        log_survival: float64[D, K], of at least 1 to D steps.
        log_tail: float64[K], added for each step beyond D, below 0.
    """

    log_pmf: np.ndarray
    log_survival: np.ndarray
    log_tail: np.ndarray

    @property
    def shortest(self) -> int:
        """The shortest possible duration of any class, in steps."""
        return int(np.argmax((self.log_pmf > _LOWEST).any(axis=1))) + 1

    def survival(self, steps: np.ndarray, label) -> np.ndarray:
        """Returns log P(duration >= steps) of a class, or of all (`...`), for steps from 1."""
        table = len(self.log_survival)
        beyond = np.multiply.outer(np.maximum(steps - table, 0), self.log_tail[label])
        return self.log_survival[np.minimum(steps, table) - 1, label] + beyond

    def mass(self, steps: np.ndarray, label) -> np.ndarray:
        """Returns log P(duration = steps) of a class, or of all (`...`), for steps from 1."""
        table = len(self.log_pmf)
        beyond = np.multiply.outer(np.maximum(steps - table, 0), self.log_tail[label])
        return self.log_pmf[np.minimum(steps, table) - 1, label] + beyond


class Model(NamedTuple):
    """What a recording of T steps is decoded by.

    Attributes:
        emission: float64[T, K], log weight of each class in each step.
        durations: of the K classes.
        transition: float64[K, K], log weight of a change from class i to class j; the diagonal
            holds that of two segments of one class that touch, `-inf` for never.
        initial: float64[K], log weight of each class as the first one; None: all alike.
        exact_start: the first segment begins at step 0, less `age`; otherwise it may have begun
            earlier.
        age: steps that the first segment is known to have lasted before step 0.
    """

    emission: np.ndarray
    durations: Durations
    transition: np.ndarray
    initial: np.ndarray | None = None
    exact_start: bool = False
    age: int = 0

    def first_duration(self, ends: np.ndarray, label) -> np.ndarray:
        """Returns log weights of the first segment's duration, if it ends before steps `ends`."""
        known = self.durations.mass if self.exact_start else self.durations.survival
        return known(self.age + ends, label)

    def last_duration(self) -> np.ndarray:
        """Returns log weights of the last segment's duration by its start, float64[T, K]."""
        lasted = len(self.emission) - np.arange(len(self.emission))
        lasted[:1] += self.age
        return self.durations.survival(lasted, ...)


class Messages(NamedTuple):
    """What one direction of a recursion computes.

    Attributes:
        enter: float64[T + 1, K], of all segmentations of the first t steps after which a segment
            of class k begins at t; row T is not used.
        ended: float64[T + 1, K], of those whose last segment is of class k and ends at t; row 0
            is not used.
        total: log weight of all segmentations (the best one, for Viterbi).
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
    # The last segment may go on after the recording.
    last = enter[:-1] - sums[:-1] + sums[-1] + model.last_duration()
    start, label = np.unravel_index(np.argmax(last), last.shape)
    path = [(int(start), num_steps, int(label))]
    while start > 0:
        label = int(np.argmax(ended[start] + model.transition[:, label]))
        weights = _beginnings(model, enter, sums, int(start), label)
        end, start = start, int(np.argmax(weights))
        path.append((start, int(end), label))
    return path[::-1]


def forward_backward(model: Model) -> tuple[Messages, Messages]:
    """Sums over segmentations from the first step on, and from the last one back.

    The second messages are of the steps in reverse: row t of `enter` sums over all segmentations
    of the last t steps, before which a segment of class k ends.
    """
    reverse = Model(model.emission[::-1], model.durations, model.transition.T)
    return tuple(_recursion([model, reverse], np.logaddexp))


def posterior(
    model: Model, segment: tuple[int, int, int], before: Messages, after: Messages, tiou: float
) -> float:
    """Returns the probability of a segment of this class that overlaps this one by over `tiou`.

    Two segments of one segmentation cannot both overlap a third by more than half, so for
    `tiou` from 0.5 the events add up.

    Args:
        model: of the recording.
        segment: (start, end, class) in steps.
        before, after: what `forward_backward` returns.
        tiou: temporal intersection over union, from 0.5 to 1.
    """
    start, end, label = segment
    start -= model.age * (start == 0)
    num_steps, length = len(model.emission), end - start
    slack, longest = int(length * (1 - tiou)), int(length / tiou)
    # Beyond these bounds no segment reaches the overlap.
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
    whole = np.maximum(steps, 1)
    duration = np.where(
        lasting,
        model.durations.survival(whole, label),
        model.durations.mass(whole, label),
    )
    weight = np.where(counts, weight + duration - before.total, -np.inf)
    return float(np.minimum(np.exp(weight).sum(), 1.0))


def _cumulative(emission: np.ndarray) -> np.ndarray:
    """Returns sums of emissions before each step, float64[T + 1, ...]."""
    return np.concatenate([np.zeros((1, *emission.shape[1:])), np.cumsum(emission, axis=0)])


def _recursion(models: list[Model], add: np.ufunc) -> list[Messages]:
    """Runs the recursion of models of the same steps and durations; `add` is np.maximum or
    np.logaddexp.

    The shortest duration of any class is the number of steps that depend only on earlier
    blocks, so that many are computed at once. Arrays have the models first, below B.
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
    # A first segment that begins at step 0 is one of those in `relative`.
    plain = np.array([model.exact_start and not model.age for model in models])
    lasted = np.arange(1, num_steps + 1)
    first = np.stack([model.first_duration(lasted, ...) for model in models])
    first += np.where(plain[:, None, None], _LOWEST, enter[:, :1])
    ended = np.full_like(enter, _LOWEST)
    # `enter` less the emissions before, from D + 1 steps before the recording: [B, K, steps].
    relative = np.full((len(models), num_classes, table + 1 + num_steps + 1), _LOWEST)
    relative[plain, :, table + 1] = enter[plain, 0]
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
            # Row i: the starts from D before to 1 before the i-th end.
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
        going = enter[:, ends] - sums[:, ends]
        relative[..., table + 1 + ends.start:table + 1 + ends.stop] = going.swapaxes(1, 2)
    lasting = np.stack([model.last_duration() for model in models])
    last = enter[:, :-1] - sums[:, :-1] + sums[:, -1:] + lasting
    totals = [float(add.reduce(each, axis=None)) for each in last]
    return [Messages(*parts) for parts in zip(enter, ended, totals, strict=True)]


def _reduce(values: np.ndarray, add: np.ufunc) -> np.ndarray:
    """Reduces the last axis by a maximum, or by the logarithm of a sum; overwrites `values`."""
    highest = values.max(axis=-1)
    if add is np.maximum:
        return highest
    spread = np.subtract(values, highest[..., None], out=values)
    return np.log(np.exp(spread, out=spread).sum(axis=-1)) + highest


def _convolved(relative: np.ndarray, pmf: np.ndarray, scaled: np.ndarray) -> np.ndarray | None:
    """Sums exp(relative) over the D starts before each end, weighed by the duration's pmf.

    Args:
        relative: float[B, K, N + D - 1], of all starts of N ends.
        pmf: float[K, 1, D], of durations of D to 1 steps.
        scaled: float[B, K, at least N + D - 1], overwritten.

    Returns:
        float[B, K, N], logarithms; None where a sum leaves the range of float64.
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

    `change` is the transition to (row) from (column) for maxima; for sums its exponential, from
    (row) to (column).
    """
    if add is np.maximum:
        return (ended[:, :, None, :] + change[:, None]).max(axis=-1)
    highest = ended.max(axis=-1, keepdims=True)
    sums = np.exp(ended - highest) @ change
    return np.log(np.maximum(sums, _SMALLEST)) + highest


def _geometric(values: np.ndarray, log_tail: np.ndarray, add: np.ufunc) -> np.ndarray:
    """Accumulates float[B, N, K] over N; each step adds `log_tail` to the ones before."""
    decay = np.arange(values.shape[1])[:, None] * log_tail
    return add.accumulate(values - decay, axis=1) + decay


def _beginnings(model: Model, enter, sums, end: int, label: int) -> np.ndarray:
    """Returns the weight of a segment of a class that ends at `end`, for each start before."""
    starts = np.arange(end)
    weights = enter[:end, label] - sums[:end, label] + sums[end, label]
    weights = weights + model.durations.mass(end - starts, label)
    weights[0] = enter[0, label] + sums[end, label] + model.first_duration(np.array(end), label)
    return weights

