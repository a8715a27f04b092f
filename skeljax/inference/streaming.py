"""Scores a stream of frames in windows, and returns segments when they end.

The scores depend only on the frames and the window (`windowing.Window`): `frame_scores` of a
recording equals `StreamScorer` on the same frames one by one, up to rounding.

Normalization is defined on whole recordings. In a stream it is applied to the first
`REFERENCE_FRAMES` frames with a person, followed by the frames of the window. So orientation is
that of the first frames (`align`), as in a whole recording, and body size is the median over
these frames.
"""

from __future__ import annotations

from collections import deque
import dataclasses
import math

import numpy as np

from skeljax.data import batches, normalize, records
from skeljax.data.records import Recording
from skeljax.errors import InputError
from skeljax.formats import filling
from skeljax.formats.motion import Motion
from skeljax.inference import adapt, run_loader, scoring, windowing
from skeljax.inference.predictor import Model
from skeljax.inference.stream_rate import SAME, StreamResampler
from skeljax.localize import decoders
from skeljax.localize.fixed_lag import FixedLag
from skeljax.localize.segments import Segments, concatenate
from skeljax.localize.sequence import SequenceDecoder
from skeljax.skeletons import skeleton

WINDOW = windowing.WINDOW
REFERENCE_FRAMES = 64
_MAX_JOINTS = 10_000_000  # of a window, over all frames and persons


def frame_scores(
    run: run_loader.Run, recording: Recording, window: windowing.Window, note=lambda _: None
) -> np.ndarray:
    """Computes the probabilities of a recording as `StreamScorer` does, float32[T, L + 1].

    Unlike in `adapt.frame_scores`, normalization and scores depend only on past frames and the
    window.

    Raises:
        InputError: the layout cannot be mapped to that of the run, or normalization changes the
            number of frames.
    """
    adapt.check_handedness(run, recording, note)
    converted = adapt.convert(recording, run.layout, run.fps, note)
    frames, normalize_frames = len(converted.joints), normalizer(run)
    valid = np.flatnonzero(converted.frame_valid)

    def examples():
        for done in range(0, frames, window.hop):
            first, end = window.context(done, frames)
            before = valid[: np.searchsorted(valid, first)][:REFERENCE_FRAMES]
            selected = np.concatenate([before, np.arange(first, end)])
            part = windowing.select_frames(converted, selected)
            core = slice(done - first, min(done + window.hop, frames) - first)
            yield normalize_window(normalize_frames, part, len(before), window.length), core

    count = -(-frames // window.hop)
    scores = scoring.score_windows(run.model, run.variables, examples(), count, window.length)
    return adapt.at_source_frames(scores, recording, converted.fps)


def normalizer(run: run_loader.Run):
    """Returns the normalization of a run: a function of recordings."""
    return normalize.compose(tuple(run.config.data.normalization))


def normalize_window(normalize_frames, frames: Recording, before: int, length: int) -> dict:
    """Normalizes the frames of a window together with reference frames, and pads the window.

    Args:
        normalize_frames: see `normalizer`.
        frames: `before` reference frames, then those of the window.
        before: number of reference frames.
        length: of the window, in frames.

    Returns:
        joints float32[length, M, V, 3], mask bool[length, M].

    Raises:
        InputError: the normalization changes the number of frames.
    """
    result = normalize_frames(frames)
    if len(result.joints) != len(frames.joints):
        raise InputError(
            f'the normalization makes {len(result.joints)} frames of {len(frames.joints)}: '
            'a model for clips cannot score a stream'
        )
    return batches.window(result, before, length)


class StreamScorer:
    """Scores a stream of frames; memory is bounded, and compilation happens at construction.

    Args:
        run: a trained network; frames have its rate.
        window: see `windowing.Window`.
        layout: of the joints, mapped to that of the network.
        persons: M.
        note: called with one line for each change made to fit the network.

    Raises:
        InputError: an unmappable layout, a normalization that changes the number of frames, or
            too many persons.
    """

    def __init__(
        self, run: run_loader.Run, window: windowing.Window, layout: str, persons: int = 1,
        note=lambda _: None,
    ):
        windowing.check(window)
        limit = _MAX_JOINTS // (window.length * skeleton.get(layout).num_joints)
        if not 1 <= persons <= limit:
            windows = f'windows of {window.length} frames'
            raise InputError(f'{persons} persons in a frame, expected 1 to {limit} with {windows}')
        self._run, self._window = run, window
        self._layout, self._persons, self._note = layout, persons, note
        self._joints = skeleton.get(layout).num_joints
        self._normalize = normalizer(run)
        self._recent: deque[np.ndarray] = deque(maxlen=window.length)
        self._reference: list[tuple[int, np.ndarray]] = []
        self._frames = self._done = 0
        dummy = np.zeros((window.length, persons, self._joints, 3), np.float32)
        dummy += np.arange(self._joints)[:, None]
        adapt.convert(self._recording(dummy), run.layout, run.fps, note)
        self._score(self._example(dummy, 0))  # compiles, and checks that all shapes fit

    def push(self, joints: np.ndarray) -> np.ndarray:
        """Processes the next frame, float32[M, V, 3], nan where not measured.

        Missing joints are interpolated within the window. A person without any measured joint
        is absent.

        Returns:
            The scores of the next frames that became final, float32[n, L + 1]; n is 0 or the hop
            of the window.
        """
        if len(self._reference) < REFERENCE_FRAMES and not np.isnan(joints).any(-1).all():
            self._reference.append((self._frames, joints))
            if len(self._reference) == REFERENCE_FRAMES:
                reference = self._recording(np.stack([joints for _, joints in self._reference]))
                adapt.check_handedness(self._run, reference, self._note)
        self._recent.append(joints)
        self._frames += 1
        if self._frames < self._done + self._window.hop + self._window.ahead:
            return self._no_scores()
        return self._next()

    def finish(self) -> np.ndarray:
        """Ends the stream; returns the scores of the remaining frames, float32[n, L + 1]."""
        parts = [self._no_scores()]
        while self._done < self._frames:
            parts.append(self._next())
        return np.concatenate(parts)

    def _no_scores(self) -> np.ndarray:
        return np.zeros((0, len(self._run.classes) + 1), np.float32)

    def _next(self) -> np.ndarray:
        first, end = self._window.context(self._done, self._frames)
        assert end == self._frames
        stored = len(self._recent)
        window = [self._recent[index] for index in range(stored - (end - first), stored)]
        before = [joints for frame, joints in self._reference if frame < first]
        example = self._example(np.stack(before + window), len(before))
        done, self._done = self._done, min(self._done + self._window.hop, end)
        return self._score(example)[done - first : self._done - first]

    def _example(self, joints: np.ndarray, before: int) -> dict:
        converted = adapt.convert(self._recording(joints), self._run.layout, self._run.fps)
        return normalize_window(self._normalize, converted, before, self._window.length)

    def _recording(self, joints: np.ndarray) -> Recording:
        measured = ~np.isnan(joints).any(-1)
        fps, layout = self._run.fps, self._layout
        if measured.any():
            motion = filling.motion('stream', joints, measured, fps=fps, layout=layout)
        else:
            motion = Motion(np.zeros_like(joints), fps, layout, valid=measured.any(-1))
        return records.from_motion(motion, name='stream')

    def _score(self, example: dict) -> np.ndarray:
        arrays = (example[name][None] for name in ('joints', 'mask'))
        scores = scoring.clip_probabilities(self._run.model, self._run.variables, *arrays)
        return np.asarray(scores[0])


class Stream:
    """Finds segments in a stream of frames; memory is bounded.

    The sequence decoder returns a segment `hop + ahead` frames of the window plus the lag after
    its end, see `FixedLag`. `decoders.HysteresisDecoder` returns a segment at most `hop + ahead`
    frames after the frame that ends it.

    Args:
        model: a model with its decoder, see `stream_decoder`, or a network alone.
        window: in frames at the rate of the network.
        fps: frames per second of the stream.
        layout: of the joints.
        persons: M.
        runs: replaces the decoder of the model.
        lag: of the sequence decoder, in seconds; by default `fixed_lag.default_lag`.
        min_score: segments of a lower score are dropped; by default that of the model if its
            sequence decoder is used, otherwise 0.
        note: called with one line for each change made to fit the network.

    Raises:
        InputError: an invalid rate or lag; see `StreamScorer`.
    """

    def __init__(
        self, model: Model | run_loader.Run, window: windowing.Window = WINDOW, *, fps: float,
        layout: str, persons: int = 1, runs: decoders.HysteresisDecoder | None = None,
        lag: float | None = None, min_score: float | None = None, note=lambda _: None,
    ):
        if not 0 < fps < math.inf:
            raise InputError(f'frame rate is {fps:g}, expected a positive number')
        run = model.run if isinstance(model, Model) else model
        self._decoder = dataclasses.replace(runs) if runs else stream_decoder(model, lag)
        if min_score is None:
            min_score = 0.0
            if isinstance(model, Model) and isinstance(self._decoder, FixedLag):
                min_score = model.decoding.min_score
        if not math.isfinite(min_score):
            raise InputError(f'min_score is {min_score:g}, expected a number')
        self._resampler = StreamResampler(fps, run.fps)
        if abs(fps / run.fps - 1) >= SAME:
            note(f'stream: resampled from {fps:g} to {run.fps:g} frames per second')
        self._scorer = StreamScorer(run, window, layout, persons, note)
        self._shape = (persons, skeleton.get(layout).num_joints, 3)
        self._classes, self._min_score = run.classes, min_score
        self._window_delay = (window.hop + window.ahead) / run.fps

    @property
    def delay(self) -> float:
        """Returns the seconds from the end of a segment until it is returned."""
        lag = self._decoder.delay if isinstance(self._decoder, FixedLag) else 0
        return self._window_delay + lag

    def push(self, joints: np.ndarray) -> Segments:
        """Processes the next frame, float32[M, V, 3], nan where not measured.

        Returns:
            The segments that became final, in frames of the stream.

        Raises:
            InputError: another shape.
        """
        if np.shape(joints) != self._shape:
            raise InputError(f'a frame is {np.shape(joints)}, expected {self._shape}')
        parts = [self._scorer.push(frame) for frame in self._resampler.push(joints)]
        return self._in_stream_frames([self._decoder.push(part) for part in parts if len(part)])

    def finish(self) -> Segments:
        """Ends the stream; returns the remaining segments."""
        parts = [self._scorer.push(frame) for frame in self._resampler.finish()]
        parts.append(self._scorer.finish())
        segments = [self._decoder.push(part) for part in parts if len(part)]
        return self._in_stream_frames([*segments, self._decoder.finish()])

    def _in_stream_frames(self, parts: list[Segments]) -> Segments:
        if not parts:
            return Segments(*(np.zeros(0, np.int64),) * 3, classes=self._classes)
        segments = concatenate(parts)
        start, end = (
            np.array([self._resampler.source(frame) for frame in side], np.int64)
            for side in (segments.start.tolist(), segments.end.tolist())
        )
        kept = (segments.score >= self._min_score) & (end > start)
        return Segments(start, end, segments.label, segments.score, self._classes)[kept]


def stream_decoder(
    model: Model | run_loader.Run, lag: float | None = None
) -> FixedLag | decoders.HysteresisDecoder:
    """Returns the decoder for the scores of a stream.

    Args:
        model: its decoder is used if it is `sequence` or `hysteresis`. Other decoders need whole
            recordings and are replaced by `hysteresis`. For a network alone, the sequence
            decoder with default durations.
        lag: of the sequence decoder, in seconds.

    Raises:
        InputError: an invalid lag, or a lag for another decoder.
    """
    if not isinstance(model, Model):
        return FixedLag(SequenceDecoder(fps=model.fps), lag)
    if (sequence := model.decoding.sequence) is not None:
        return FixedLag(dataclasses.replace(sequence, fps=model.fps), lag)
    if lag is not None:
        raise InputError(f'a lag of {lag:g} seconds: the model has no sequence decoder')
    own: dict = model.decoding.options if model.decoding.steps == 'hysteresis' else {}
    return dataclasses.replace(decoders.HysteresisDecoder(), **own)
