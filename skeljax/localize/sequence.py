"""Decodes frame probabilities into one sequence of segments that never overlap."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import NamedTuple

import numpy as np

from skeljax.errors import InputError
from skeljax.localize import durations as lengths, semi_markov
from skeljax.localize.decode import checked
from skeljax.localize.metrics.calibration import calibrate
from skeljax.localize.segments import Segments

TIOU = 0.5  # overlap from which a segment counts as found, for its score


@dataclass(frozen=True)
class SequenceDecoder:
    """Finds the most probable sequence of segments under a hidden semi-Markov model.

    The log weight of a sequence is the sum over its segments, background segments included, of
    `weight` x seconds x mean log(probability + floor) of the class, plus the log-probability of
    the duration, plus the log-probability of the change that follows, less `penalty`. A movement
    is followed by background with probability `gap`, by its own class with `repeat` and else by
    another class; which one costs nothing. Viterbi finds the best sequence exactly among
    those that change at multiples of `resolution`; each change is then moved to the frame that
    fits the probabilities best.

    What is background: frames where the background state wins in this sum, which includes gaps
    and stillness, and segments of a score below `reject`, which includes movements that the
    network does not know.

    The score of a segment is the probability that the truth has a segment of its class that
    overlaps it by more than `TIOU`. Two estimates are averaged, as a geometric mean: the
    posterior under the model, by forward-backward, and the mean probability of the class over
    its frames. Slope and offset then calibrate it.

    Attributes:
        fps: frames a second.
        log_mean, log_std: of durations in log-seconds, of L classes and background; see
            `durations.fit`. Empty: `durations.default`.
        weight: independent observations in a second of frames.
        floor: added to probabilities, so that one frame cannot forbid a class.
        penalty: for each change.
        gap: probability that background follows a movement.
        repeat: probability that a movement of the same class follows without a gap.
        log_transitions: (L + 1)^2 log-probabilities of a class after another, row by row, in
            the place of `gap` and `repeat`.
        resolution: seconds between possible changes, before they are moved to frames.
        temperature: divides `weight` for posteriors.
        slope, offset: of the logit of a segment's score, which calibrate it.
        reject: segments of a lower score become background.

    Raises:
        InputError: an option that is no possible number.
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
                f'sequence decoder: log_mean and log_std: expected as many numbers, the second '
                f'ones above 0, found {len(mean)} and {len(std)}'
            )

    def __call__(self, probabilities: np.ndarray) -> Segments:
        """Decodes float[T, L + 1] of one recording, background last, padding cut off.

        Returns:
            Segments in temporal order.

        Raises:
            InputError: not two-dimensional, no class beside background, not probabilities,
                rows that do not sum to one, or durations of another number of classes.
        """
        best = self.decode(probabilities)
        score = self.scores(best, probabilities)
        background = probabilities.shape[1] - 1
        kept = (best.label != background) & (best.end > best.start) & (score >= self.reject)
        return Segments(best.start[kept], best.end[kept], best.label[kept], score[kept])

    def sequence(self, probabilities: np.ndarray) -> Segments:
        """Decodes as `__call__` does, without posteriors: scores are 1, and none is rejected."""
        best = self.decode(probabilities)
        kept = (best.label != probabilities.shape[1] - 1) & (best.end > best.start)
        return Segments(best.start[kept], best.end[kept], best.label[kept])

    @property
    def stride(self) -> int:
        """Frames of a step."""
        return max(1, round(self.resolution * self.fps))

    def model(self, logs: np.ndarray, durations: semi_markov.Durations) -> semi_markov.Model:
        """Makes the model of a recording of log-probabilities float64[T, L + 1]."""
        steps = np.add.reduceat(logs, np.arange(0, len(logs), self.stride), axis=0)
        emission = steps * (self.weight / self.fps)
        return semi_markov.Model(emission, durations, self._transitions(logs.shape[1]))

    def durations(self, num_states: int) -> semi_markov.Durations:
        """Tabulates durations in steps, of so many classes, background included."""
        if not len(self.log_mean):
            return lengths.tabulate(lengths.default(num_states - 1), self.stride / self.fps)
        if len(self.log_mean) != num_states:
            raise InputError(
                f'sequence decoder: durations of {len(self.log_mean) - 1} classes, '
                f'probabilities of {num_states - 1}'
            )
        fitted = lengths.LogNormal(np.asarray(self.log_mean), np.asarray(self.log_std))
        return lengths.tabulate(fitted, self.stride / self.fps)

    def logarithms(self, probabilities: np.ndarray) -> np.ndarray:
        """Checks probabilities float[T, L + 1]; returns float64 logarithms as they are summed."""
        return np.log(_distributions(probabilities) + self.floor)

    def decode(self, probabilities: np.ndarray) -> Path:
        """Finds the best sequence of a recording, background included; see `__call__`."""
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
            path: the first segment may start at another frame than the first one that is given.
            probabilities: float[T, L + 1], until the end of the path.
            before: float[L + 1], sums of probabilities from that start until the first frame.
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
        """Returns the log weight of each change, float64[L + 1, L + 1]; `-inf` for never."""
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
    """The best sequence of a recording, background segments included, in temporal order.

    Attributes:
        start, end: int64[N], half-open, in frames.
        label: int64[N], background is L.
        model: of the steps of the recording.
        steps: (start, end, class), in steps.
    """

    start: np.ndarray
    end: np.ndarray
    label: np.ndarray
    model: semi_markov.Model
    steps: list[tuple[int, int, int]]


def refined(logs: np.ndarray, label: np.ndarray, start: np.ndarray, stride: int) -> np.ndarray:
    """Moves each start, but the first, to the frame that fits the log-probabilities best.

    A start moves by less than a step, and every segment keeps a frame.

    Args:
        logs: float64[T, L + 1].
        label, start: int64[N], of segments that fill the recording.
        stride: frames of a step.
    """
    moved = start.copy()
    for index in range(1, len(start)):
        low = max(start[index] - stride + 1, moved[index - 1] + 1)
        after = start[index + 1] if index + 1 < len(start) else len(logs)
        high = min(start[index] + stride - 1, after - 1)
        if high <= low:
            continue
        # What is won by every frame from `low` on that is given to the class before.
        gain = logs[low:high, label[index - 1]] - logs[low:high, label[index]]
        moved[index] = low + int(np.argmax(np.concatenate([[0.0], np.cumsum(gain)])))
    return moved


def _distributions(probabilities: np.ndarray) -> np.ndarray:
    scores = np.clip(checked(probabilities), 0, 1)
    total = scores.sum(axis=1)
    bad = np.abs(total - 1) > 0.01
    if bad.any():
        frame = int(np.argmax(bad))
        raise InputError(
            f'frame probabilities: expected rows that sum to 1, found {total[frame]:g} at '
            f'frame {frame}'
        )
    return scores / total[:, None]
