"""Decodes a stream of frame probabilities with the sequence decoder, with a fixed lag."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from skeljax.errors import InputError
from skeljax.localize import durations, semi_markov
from skeljax.localize.segments import Segments, concatenate
from skeljax.localize.sequence import Path, SequenceDecoder, refined

_MIN_LAG, _MAX_LAG = 2.0, 15.0  # seconds, of the default lag
_DECODINGS = 10  # per lag


def default_lag(decoder: SequenceDecoder) -> float:
    """Returns the default lag, three mean durations of an action, within 2 to 15 seconds.

    The class and the end of a segment depend on the following segments. After this lag the best
    path rarely changes; docs/streaming.md has measurements.
    """
    mean, std = (
        durations.default(1) if not decoder.log_mean else
        durations.LogNormal(np.asarray(decoder.log_mean), np.asarray(decoder.log_std))
    )
    typical = float(np.exp(mean + std**2 / 2)[:-1].mean())
    return min(max(3 * typical, _MIN_LAG), _MAX_LAG)


class FixedLag:
    """Finds segments in a stream of frame probabilities; returned segments are final.

    The frames since the last final change are stored. Ten times per lag they are decoded by
    Viterbi, given the class before that change. Every segment of the best path that ended at
    least a lag before the newest frame becomes final. If the lag is as long as the recording,
    the result is that of the decoder. The result does not depend on how frames are grouped into
    calls of `push`.

    The oldest frames of a long open segment are dropped, so memory and time are bounded: at most
    the lag and two duration tables of the open segment are stored. The number of dropped steps
    still counts in its duration.

    The score is that of the decoder, except that the posterior is computed when the segment
    becomes final, from a change at least a lag before the segment up to the newest frame.
    """

    def __init__(self, decoder: SequenceDecoder, lag: float | None = None):
        """Starts a stream.

        Args:
            decoder: its `fps` is the frame rate of the stream.
            lag: seconds from a change until it is final; by default `default_lag`; at least one
                step of the decoder.

        Raises:
            InputError: a lag that is negative or not finite.
        """
        lag = default_lag(decoder) if lag is None else lag
        if not 0 <= lag < math.inf:
            raise InputError(f'lag is {lag:g} seconds, expected a finite number from 0')
        self._decoder, self._stride = decoder, decoder.stride
        # Changes are refined by up to a step, so the step after a change must be complete.
        self._lag = max(1, math.ceil(lag * decoder.fps / self._stride - 1e-9))  # steps
        self._every = max(1, self._lag // _DECODINGS)  # steps
        self._next = self._every  # number of steps at which to decode
        self._durations: durations.Durations | None = None  # set by the first frames
        # Final segments, which posteriors need, and the open segment, which is last.
        self._starts = [_Start(0, 0, np.zeros(0))]
        self._logs = self._probabilities = np.zeros((0, 0))  # from `_starts[0].frame` on

    @property
    def delay(self) -> float:
        """Returns the seconds from a change until it is final, at most."""
        return (self._lag + self._every) * self._stride / self._decoder.fps

    def push(self, probabilities: np.ndarray) -> Segments:
        """Processes the next frames, float[n, L + 1], background last.

        Returns:
            The segments that became final, in temporal order.

        Raises:
            InputError: see `SequenceDecoder`; or the number of classes differs from before.
        """
        logs = self._decoder.logarithms(probabilities)
        if self._durations is None:
            self._durations = self._decoder.durations(logs.shape[1])
            self._logs = self._probabilities = np.zeros((0, logs.shape[1]))
            self._starts = [_Start(0, 0, np.zeros(logs.shape[1]))]
        if logs.shape[1] != self._logs.shape[1]:
            raise InputError(
                f'frame probabilities of {logs.shape[1] - 1} classes, expected '
                f'{self._logs.shape[1] - 1} as before'
            )
        self._logs = np.concatenate([self._logs, logs])
        self._probabilities = np.concatenate([self._probabilities, probabilities])
        segments = []
        while self._next * self._stride <= self._starts[0].frame + len(self._logs):
            segments.append(self._decode(self._next - self._starts[-1].frame // self._stride))
            self._next += self._every
        return concatenate(segments)

    def finish(self) -> Segments:
        """Ends the stream; returns the remaining segments."""
        frames = len(self._logs) - (self._starts[-1].frame - self._starts[0].frame)
        if not frames:
            return concatenate([])
        path = self._path(frames)
        segments = self._final(path, len(path.steps))
        self._drop_before(len(self._starts) - 1)
        self._logs = self._logs[:0]
        return segments

    def _decode(self, steps: int) -> Segments:
        """Decodes `steps` steps from the open segment on; returns segments that became final."""
        if steps <= self._lag:
            return concatenate([])
        path = self._path(steps * self._stride)
        count = sum(end <= steps - self._lag for _, end, _ in path.steps)
        segments = self._final(path, count)
        if count:
            self._begin(path, count)
            steps -= path.steps[count - 1][1]
        table = len(path.model.durations.log_pmf)
        if steps > self._lag + 2 * table:
            self._shorten(int(path.label[count]), steps - self._lag - table)
        return segments

    def _path(self, frames: int) -> Path:
        """Returns the best path of `frames` frames from the first step of the open segment on."""
        start_state = self._starts[-1]
        skipped = start_state.frame - self._starts[0].frame
        logs = self._logs[skipped:skipped + frames]
        model = self._model(start_state, logs)
        steps = semi_markov.viterbi(model)
        first, _, label = (np.array(column, np.int64) for column in zip(*steps, strict=True))
        start = first * self._stride
        start[0] = start_state.start - start_state.frame
        start = refined(logs, label, start, self._stride)
        return Path(start, np.append(start[1:], frames), label, model, steps)

    def _model(self, start_state: _Start, logs: np.ndarray) -> semi_markov.Model:
        assert self._durations is not None
        return self._decoder.model(logs, self._durations)._replace(
            initial=start_state.initial, exact_start=start_state.exact, age=start_state.age
        )

    def _final(self, path: Path, count: int) -> Segments:
        """Returns the first `count` segments of a path, in frames of the stream."""
        start, end, label = path.start[:count], path.end[:count], path.label[:count]
        kept = (label != self._logs.shape[1] - 1) & (end > start)
        if not kept.any():
            return concatenate([])
        earliest, start_state = self._starts[0], self._starts[-1]
        skipped = start_state.frame - earliest.frame
        shift = skipped // self._stride
        steps = [(first + shift, last + shift, name) for first, last, name in path.steps[:count]]
        frames = len(path.model.emission) * self._stride + skipped
        score = self._decoder.scores(
            Path(start, end, label, self._model(earliest, self._logs[:frames]), steps),
            self._probabilities[skipped:], start_state.sums,
        )
        kept &= score >= self._decoder.reject
        columns = start + start_state.frame, end + start_state.frame, label, score
        return Segments(*(column[kept] for column in columns))

    def _begin(self, path: Path, count: int):
        """Opens the segment after the first `count` segments of a path, which are final."""
        before = self._starts[-1].frame
        for start, label, (_, last, _) in zip(path.end, path.label, path.steps[:count]):
            frame = last * self._stride
            skipped = before - self._starts[0].frame
            between = slice(skipped + min(start, frame), skipped + max(start, frame))
            sums = self._probabilities[between].sum(axis=0)
            self._starts.append(_Start(
                before + frame, before + int(start), sums if start < frame else -sums,
                path.model.transition[label], exact=True,
            ))
        since = self._starts[-1].frame - self._lag * self._stride
        self._drop_before(max(
            (index for index, state in enumerate(self._starts) if state.frame <= since), default=0
        ))

    def _shorten(self, label: int, steps: int):
        """Drops the first steps of the open segment, and everything before it."""
        self._drop_before(len(self._starts) - 1)
        start_state, frames = self._starts[0], steps * self._stride
        initial = np.full(self._logs.shape[1], -np.inf)
        initial[label] = 0
        sums = start_state.sums + self._probabilities[:frames].sum(axis=0)
        self._logs, self._probabilities = self._logs[frames:], self._probabilities[frames:]
        self._starts = [start_state._replace(
            frame=start_state.frame + frames, sums=sums, initial=initial,
            age=start_state.age + steps,
        )]

    def _drop_before(self, index: int):
        """Drops the segments before an index, with their frames."""
        frames = self._starts[index].frame - self._starts[0].frame
        self._logs, self._probabilities = self._logs[frames:], self._probabilities[frames:]
        self._starts = self._starts[index:]


class _Start(NamedTuple):
    """State of a segment whose predecessor is final.

    Attributes:
        frame: multiple of the stride, from which its frames are stored.
        start: its first frame, before or after `frame`.
        sums: float64[L + 1], sum of probabilities from `start` to `frame`.
        initial, exact, age: from `frame` on, see `semi_markov.Model`.
    """

    frame: int
    start: int
    sums: np.ndarray
    initial: np.ndarray | None = None
    exact: bool = False
    age: int = 0
