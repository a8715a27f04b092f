"""Decodes frame probabilities into one sequence of non-overlapping segments."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import NamedTuple

import numpy as np

from skeljax.errors import InputError
from skeljax.localize import durations as duration_models, semi_markov
from skeljax.localize.decoders import check_probabilities
from skeljax.localize.segments import Segments

TIOU = 0.5  # a segment is correct if its tIoU with a true one is above this
_MARGIN = 1e-6  # probabilities are clipped to this distance from 0 and 1 before the logit


@dataclass(frozen=True)
class SequenceDecoder:
    """Finds the most probable sequence of segments under a hidden semi-Markov model.

    The log weight of a sequence is a sum over its segments, background segments included:
    `weight` x seconds x mean log(probability + floor) of the class, plus the log-probability of
    the duration, plus the log-probability of the next change, minus `penalty`. An action is
    followed by background with probability `gap`, by its own class with probability `repeat`,
    and otherwise by any other class without further cost. Viterbi finds the exact optimum among
    sequences that change at multiples of `resolution`. Each change is then moved to the frame
    that fits the probabilities best.

    Background are the frames where the background state is optimal (gaps, stillness), and
    segments with a score below `reject` (actions of unknown classes).

    The score of a segment estimates the probability that the truth has a segment of its class
    with a tIoU above `TIOU`. It is the geometric mean of two estimates, the posterior under the
    model (forward-backward) and the mean probability of the class over the segment's frames,
    calibrated by `slope` and `offset`.

    Attributes:
        fps: frames per second.
        log_mean, log_std: of durations in log-seconds, for L classes and background; see
            `durations.fit`. Empty: `durations.default`.
        weight: number of independent observations per second of frames.
        floor: added to probabilities, so that one frame cannot exclude a class.
        penalty: of each change, subtracted from the log weight.
        gap: probability that background follows an action.
        repeat: probability that an action of the same class follows without a gap.
        log_transitions: (L + 1)^2 log-probabilities of the next class, row by row; replaces
            `gap` and `repeat`.
        resolution: seconds between possible changes, before these are moved to frames.
        temperature: divides `weight` for posteriors.
        slope, offset: of the logit of a segment's score (calibration).
        reject: segments with a lower score become background.

    Raises:
        InputError: an option out of range.
    """

    fps: float = 30.0
    log_mean: tuple[float, ...] = ()
    log_std: tuple[float, ...] = ()
    weight: float = 4.0
    floor: float = 0.1
    penalty: float = 0.0
    gap: float = 0.5
    repeat: float = 0.0
    log_transitions: tuple[float, ...] = ()
    resolution: float = 0.1
    temperature: float = 4.0
    slope: float = 1.0
    offset: float = 0.0
    reject: float = 0.0

    def __post_init__(self):
        positive = ('fps', 'weight', 'floor', 'resolution', 'temperature', 'slope')
        for name in (*positive, 'penalty', 'gap', 'repeat', 'offset', 'reject'):
            value = getattr(self, name)
            if not math.isfinite(value) or (name in positive and value <= 0):
                expected = 'a number above 0' if name in positive else 'a number'
                raise InputError(f'sequence decoder: {name} is {value:g}, expected {expected}')
        if min(self.gap, self.repeat) < 0 or self.gap + self.repeat > 1:
            raise InputError(
                f'sequence decoder: gap {self.gap:g} and repeat {self.repeat:g}: expected '
                f'probabilities that sum to at most 1'
            )
        mean, std = np.asarray(self.log_mean), np.asarray(self.log_std)
        if mean.shape != std.shape or not np.isfinite(mean).all() or not (std > 0).all():
            raise InputError(
                f'sequence decoder: log_mean and log_std: expected equally many numbers, '
                f'log_std above 0, found {len(mean)} and {len(std)}'
            )

    def __call__(self, probabilities: np.ndarray) -> Segments:
        """Decodes float[T, L + 1] of one recording, background last, padding cut off.

        Returns:
            Segments in temporal order.

        Raises:
            InputError: probabilities that are not two-dimensional, have no class beside background,
                are outside 0 to 1 or do not sum to 1, or durations of another number of classes.
        """
        best = self.decode(probabilities)
        score = self.scores(best, probabilities)
        background = probabilities.shape[1] - 1
        kept = (best.label != background) & (best.end > best.start) & (score >= self.reject)
        return Segments(best.start[kept], best.end[kept], best.label[kept], score[kept])

    def sequence(self, probabilities: np.ndarray) -> Segments:
        """Decodes as `__call__` does, without posteriors: scores are 1, no segment is rejected."""
        best = self.decode(probabilities)
        kept = (best.label != probabilities.shape[1] - 1) & (best.end > best.start)
        return Segments(best.start[kept], best.end[kept], best.label[kept])

    @property
    def stride(self) -> int:
        """Returns the number of frames per step."""
        return max(1, round(self.resolution * self.fps))

    def model(self, logs: np.ndarray, durations: semi_markov.Durations) -> semi_markov.Model:
        """Returns the model of a recording with log-probabilities float64[T, L + 1]."""
        steps = np.add.reduceat(logs, np.arange(0, len(logs), self.stride), axis=0)
        emission = steps * (self.weight / self.fps)
        return semi_markov.Model(emission, durations, self._transitions(logs.shape[1]))

    def durations(self, num_states: int) -> semi_markov.Durations:
        """Returns durations in steps for `num_states` classes, background included."""
        if not len(self.log_mean):
            wide = duration_models.default(num_states - 1)
            return duration_models.tabulate(wide, self.stride / self.fps)
        if len(self.log_mean) != num_states:
            raise InputError(
                f'sequence decoder: durations of {len(self.log_mean) - 1} classes, '
                f'probabilities of {num_states - 1}'
            )
        fitted = duration_models.LogNormal(np.asarray(self.log_mean), np.asarray(self.log_std))
        return duration_models.tabulate(fitted, self.stride / self.fps)

    def logarithms(self, probabilities: np.ndarray) -> np.ndarray:
        """Checks probabilities float[T, L + 1]; returns log(probability + floor), float64."""
        return np.log(_distributions(probabilities) + self.floor)

    def decode(self, probabilities: np.ndarray) -> Path:
        """Returns the best sequence of a recording, background included; see `__call__`."""
        logs = self.logarithms(probabilities)
        model = self.model(logs, self.durations(logs.shape[1]))
        steps = semi_markov.viterbi(model)
        columns = zip(*steps, strict=True) if steps else ((),) * 3
        first, _, label = (np.array(column, np.int64) for column in columns)
        start = refined(logs, label, first * self.stride, self.stride)
        return Path(start, np.append(start[1:], len(logs))[:len(start)], label, model, steps)

    def scores(
        self, path: Path, probabilities: np.ndarray, before: np.ndarray | float = 0.0
    ) -> np.ndarray:
        """Returns the calibrated score of each segment of a path, float64[N].

        Args:
            path: its first segment may start before the first frame of `probabilities`, or after.
            probabilities: float[T, L + 1], up to the end of the path.
            before: float[L + 1], sum of probabilities from the start of the path to the first
                frame; negative if it starts after.
        """
        total = np.concatenate([np.zeros((1, probabilities.shape[1])), probabilities])
        total = np.cumsum(total, axis=0, dtype=np.float64)
        total[0] -= before
        first = path.start.copy()
        first[:1] = 0
        inside = total[path.end, path.label] - total[first, path.label]
        mean = np.clip(inside / np.maximum(path.end - path.start, 1), 0, 1)
        return calibrate(np.sqrt(mean * self.posteriors(path)), self.slope, self.offset)

    def posteriors(self, path: Path) -> np.ndarray:
        """Returns the posterior of each segment of a path, float64[N]; see `TIOU`."""
        if not path.steps:
            return np.zeros(0)
        model = path.model._replace(emission=path.model.emission / self.temperature)
        before, after = semi_markov.forward_backward(model)
        background = model.emission.shape[1] - 1
        return np.array([
            0.0 if segment[2] == background
            else semi_markov.posterior(model, segment, before, after, TIOU)
            for segment in path.steps
        ])

    def _transitions(self, num_states: int) -> np.ndarray:
        """Returns the log weight of each change, float64[L + 1, L + 1]; `-inf` if impossible."""
        size = num_states**2
        if len(self.log_transitions) not in (0, size):
            raise InputError(
                f'sequence decoder: expected {size} numbers as log_transitions, found '
                f'{len(self.log_transitions)}'
            )
        if self.log_transitions:
            table = np.asarray(self.log_transitions, np.float64).reshape(num_states, num_states)
            return table - self.penalty
        table = np.full((num_states, num_states), 1 - self.gap - self.repeat)
        np.fill_diagonal(table, self.repeat)
        table[:, -1] = self.gap
        table[-1, :-1], table[-1, -1] = 1, 0
        with np.errstate(divide='ignore'):
            return np.log(table) - self.penalty


class Path(NamedTuple):
    """Best sequence of a recording, background segments included, in temporal order.

    Attributes:
        start, end: int64[N], half-open, in frames.
        label: int64[N], background is L.
        model: of the recording.
        steps: (start, end, class) of each segment, in steps.
    """

    start: np.ndarray
    end: np.ndarray
    label: np.ndarray
    model: semi_markov.Model
    steps: list[tuple[int, int, int]]


def refined(logs: np.ndarray, label: np.ndarray, start: np.ndarray, stride: int) -> np.ndarray:
    """Moves each start except the first to the frame that fits the log-probabilities best.

    A start moves by less than a step, and every segment keeps at least one frame.

    Args:
        logs: float64[T, L + 1].
        label, start: int64[N], of consecutive segments that cover the recording.
        stride: frames per step.
    """
    moved = start.copy()
    for index in range(1, len(start)):
        low = max(start[index] - stride + 1, moved[index - 1] + 1)
        after = start[index + 1] if index + 1 < len(start) else len(logs)
        high = min(start[index] + stride - 1, after - 1)
        if high <= low:
            continue
            # Gain of moving each frame from `low` on to the previous class.
        gain = logs[low:high, label[index - 1]] - logs[low:high, label[index]]
        moved[index] = low + int(np.argmax(np.concatenate([[0.0], np.cumsum(gain)])))
    return moved


def logit(probability: np.ndarray) -> np.ndarray:
    """Returns log(p / (1 - p)) of probabilities, clipped to [1e-6, 1 - 1e-6]."""
    inside = np.clip(probability, _MARGIN, 1 - _MARGIN)
    return np.log(inside) - np.log1p(-inside)


def calibrate(probability: np.ndarray, slope: float, offset: float) -> np.ndarray:
    """Returns the probabilities with the logits slope x logit + offset."""
    return 1 / (1 + np.exp(-(slope * logit(probability) + offset)))


def _distributions(probabilities: np.ndarray) -> np.ndarray:
    """Checks that rows sum to 1 within 0.01; returns them normalized, float64[T, L + 1]."""
    scores = np.clip(check_probabilities(probabilities), 0, 1)
    total = scores.sum(axis=1)
    bad = np.abs(total - 1) > 0.01
    if bad.any():
        frame = int(np.argmax(bad))
        raise InputError(
            f'frame probabilities: expected rows that sum to 1, found {total[frame]:g} at '
            f'frame {frame}'
        )
    return scores / total[:, None]
