"""Decodes frame probabilities as they come by the sequence decoder, with a fixed lag."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from skeljax.errors import InputError
from skeljax.localize import durations, semi_markov
from skeljax.localize.segments import Segments
from skeljax.localize.sequence import Path, SequenceDecoder, refined

_SHORTEST, _LONGEST = 2.0, 15.0  # seconds, of the default lag
_DECODINGS = 10  # within a lag


def default_lag(decoder: SequenceDecoder) -> float:
    """Returns three mean durations of a movement, 2 to 15 seconds.

    Which class a segment has, and where it ends, depends on the segments that follow. After so
    many the best path hardly changes: docs/streaming.md has figures.
    """
    mean, std = (
        durations.default(1) if not decoder.log_mean else
        durations.LogNormal(np.asarray(decoder.log_mean), np.asarray(decoder.log_std))
    )
    typical = float(np.exp(mean + std**2 / 2)[:-1].mean())
    return min(max(3 * typical, _SHORTEST), _LONGEST)


class FixedLag:
    """Finds the segments of a stream of frame probabilities; a segment is final once returned.

    The frames since the last change that became final are kept. Ten times within a lag they are
    decoded by Viterbi, given the class before that change. Each segment on the best path that
    ended at least a lag before the newest frame becomes final. With a lag as long as the
    recording, the result is that of the decoder. It depends on the frames and the lag, and not
    on how many frames come at once.

    Where one segment lasts for long, its oldest frames become final too and are dropped, so that
    memory and time are bounded: of the last segment the lag and two tables of durations are kept
    at most. The duration that was dropped still counts.

    The score is that of the decoder, but for the posterior: it is computed when the segment
    becomes final, from a change at least a lag before the segment to the newest frame.
    """

    def __init__(self, decoder: SequenceDecoder, lag: float | None = None):
        """Begins a stream.

        Args:
            decoder: at whose frame rate frames come.
            lag: seconds after a change until it is final; by default `default_lag`. 0 stands for
                one step of the decoder.

        Raises:
            InputError: a lag that is negative or no number.
        """
        lag = default_lag(decoder) if lag is None else lag
        if not 0 <= lag < math.inf:
            raise InputError(f'lag is {lag:g} seconds, expected a finite number from 0')
        self._decoder, self._stride = decoder, decoder.stride
        # A change is moved by less than a step, so the step after it has to be complete.
        self._lag = max(1, math.ceil(lag * decoder.fps / self._stride - 1e-9))  # steps
        self._every = max(1, self._lag // _DECODINGS)  # steps
        self._next = self._every  # number of steps at which to decode
        self._durations: semi_markov.Durations | None = None  # of as many classes as come
        # Segments that are final, which posteriors need, and last the one that is not.
        self._begun = [_Begun(0, 0, np.zeros(0))]
        self._logs = self._probabilities = np.zeros((0, 0))  # from `_begun[0].frame` on

    @property
    def delay(self) -> float:
        """Seconds after a change until it is final, at most, if the best path then has it."""
        return (self._lag + self._every) * self._stride / self._decoder.fps

    def push(self, probabilities: np.ndarray) -> Segments:
        """Takes the next frames, float[n, L + 1], background last.

        Returns:
            The segments that became final, in temporal order.

        Raises:
            InputError: as the decoder, or another number of classes than before.
        """
        logs = self._decoder.logarithms(probabilities)
        if self._durations is None:
            self._durations = self._decoder.durations(logs.shape[1])
            self._logs = self._probabilities = np.zeros((0, logs.shape[1]))
            self._begun = [_Begun(0, 0, np.zeros(logs.shape[1]))]
        if logs.shape[1] != self._logs.shape[1]:
            raise InputError(
                f'frame probabilities of {logs.shape[1] - 1} classes, expected '
                f'{self._logs.shape[1] - 1} as before'
            )
        self._logs = np.concatenate([self._logs, logs])
        self._probabilities = np.concatenate([self._probabilities, probabilities])
        found = []
        while self._next * self._stride <= self._begun[0].frame + len(self._logs):
            found.append(self._decode(self._next - self._begun[-1].frame // self._stride))
            self._next += self._every
        return _joined(found)

    def finish(self) -> Segments:
        """Ends the stream; returns the segments that are left."""
        frames = len(self._logs) - (self._begun[-1].frame - self._begun[0].frame)
        if not frames:
            return _joined([])
        path = self._path(frames)
        found = self._final(path, len(path.steps))
        self._keep(len(self._begun) - 1)
        self._logs = self._logs[:0]
        return found

    def _decode(self, steps: int) -> Segments:
        """Decodes so many steps from the open segment on; returns what became final."""
        if steps <= self._lag:
            return _joined([])
        path = self._path(steps * self._stride)
        count = sum(end <= steps - self._lag for _, end, _ in path.steps)
        found = self._final(path, count)
        if count:
            self._begin(path, count)
            steps -= path.steps[count - 1][1]
        table = len(path.model.durations.log_pmf)
        if steps > self._lag + 2 * table:
            self._shorten(int(path.label[count]), steps - self._lag - table)
        return found

    def _path(self, frames: int) -> Path:
        """Finds the best path of so many frames from the open segment's first step on."""
        begun = self._begun[-1]
        skipped = begun.frame - self._begun[0].frame
        logs = self._logs[skipped:skipped + frames]
        model = self._model(begun, logs)
        steps = semi_markov.viterbi(model)
        first, _, label = (np.array(column, np.int64) for column in zip(*steps, strict=True))
        start = first * self._stride
        start[0] = begun.start - begun.frame
        start = refined(logs, label, start, self._stride)
        return Path(start, np.append(start[1:], frames), label, model, steps)

    def _model(self, begun: _Begun, logs: np.ndarray) -> semi_markov.Model:
        assert self._durations is not None
        return self._decoder.model(logs, self._durations)._replace(
            initial=begun.initial, exact_start=begun.exact, age=begun.age
        )

    def _final(self, path: Path, count: int) -> Segments:
        """Returns the first segments of a path, in frames of the stream."""
        start, end, label = path.start[:count], path.end[:count], path.label[:count]
        kept = (label != self._logs.shape[1] - 1) & (end > start)
        if not kept.any():
            return _joined([])
        earliest, begun = self._begun[0], self._begun[-1]
        skipped = begun.frame - earliest.frame
        shift = skipped // self._stride
        steps = [(first + shift, last + shift, name) for first, last, name in path.steps[:count]]
        frames = len(path.model.emission) * self._stride + skipped
        score = self._decoder.scores(
            Path(start, end, label, self._model(earliest, self._logs[:frames]), steps),
            self._probabilities[skipped:], begun.sums,
        )
        kept &= score >= self._decoder.reject
        found = start + begun.frame, end + begun.frame, label, score
        return Segments(*(column[kept] for column in found))

    def _begin(self, path: Path, count: int):
        """Begins the segment that follows the first ones of a path, which are final."""
        before = self._begun[-1].frame
        for start, label, (_, last, _) in zip(path.end, path.label, path.steps[:count]):
            frame = last * self._stride
            skipped = before - self._begun[0].frame
            between = slice(skipped + min(start, frame), skipped + max(start, frame))
            sums = self._probabilities[between].sum(axis=0)
            self._begun.append(_Begun(
                before + frame, before + int(start), sums if start < frame else -sums,
                path.model.transition[label], exact=True,
            ))
        since = self._begun[-1].frame - self._lag * self._stride
        self._keep(max(
            (place for place, begun in enumerate(self._begun) if begun.frame <= since), default=0
        ))

    def _shorten(self, label: int, steps: int):
        """Drops the first steps of the open segment, and what is before it."""
        self._keep(len(self._begun) - 1)
        begun, frames = self._begun[0], steps * self._stride
        initial = np.full(self._logs.shape[1], -np.inf)
        initial[label] = 0
        sums = begun.sums + self._probabilities[:frames].sum(axis=0)
        self._logs, self._probabilities = self._logs[frames:], self._probabilities[frames:]
        self._begun = [begun._replace(
            frame=begun.frame + frames, sums=sums, initial=initial, age=begun.age + steps
        )]

    def _keep(self, place: int):
        """Drops the segments before a place, with their frames."""
        frames = self._begun[place].frame - self._begun[0].frame
        self._logs, self._probabilities = self._logs[frames:], self._probabilities[frames:]
        self._begun = self._begun[place:]


class _Begun(NamedTuple):
    """What is known of a segment when the one before it is final.

    Attributes:
        frame: on the grid of steps, from which on its frames are kept.
        start: its first frame, which may lie before or after.
        sums: float64[L + 1], of the probabilities from `start` until `frame`.
        initial, exact, age: from `frame` on, see `semi_markov.Model`.
    """

    frame: int
    start: int
    sums: np.ndarray
    initial: np.ndarray | None = None
    exact: bool = False
    age: int = 0


def _joined(parts: list[Segments]) -> Segments:
    """Puts segments one after the other."""
    fields = ('start', 'end', 'label', 'score')
    return Segments(*(
        np.concatenate([np.zeros(0, np.int64), *(getattr(part, name) for part in parts)])
        for name in fields
    ))
