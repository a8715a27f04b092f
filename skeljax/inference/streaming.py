"""Scores frames as they come, in windows, and finds segments when they close.

What a frame is scored by is fixed by a window (`tiles.Window`) alone: `frame_scores` gives
for a recording what `Scores` gives for the same frames one by one, up to rounding.

A normaliser wants a whole recording, of which a stream has seen a part. What it is given
are the `BEGINNING` first frames that show anyone, followed by those that the window sees:
so the body is turned as it first stood (`align`), as in a whole recording, and its size is
the median over these frames.
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
from skeljax.inference.stream_rate import SAME, Rate
from skeljax.localize import decoders
from skeljax.localize.fixed_lag import FixedLag
from skeljax.localize.segments import Segments, concatenate
from skeljax.localize.sequence import SequenceDecoder
from skeljax.skeletons import skeleton

WINDOW = windowing.WINDOW
BEGINNING = 64  # frames
_ROOM = 10_000_000  # joints in a window, over all frames and persons


def frame_scores(
    ready: run_loader.Trained, recording: Recording, window: windowing.Window, note=lambda _: None
) -> np.ndarray:
    """Scores every frame of a recording as a stream of it is scored, float32[T, L + 1].

    As `fitted.frame_scores`, but for the normalisation and that no frame is scored by what
    its window does not see.

    Raises:
        InputError: its layout cannot be mapped to the run's, or the normalisation moves frames.
    """
    adapt.warn(ready, recording, note)
    whole = adapt.fit(recording, ready.layout, ready.fps, note)
    frames, normalise = len(whole.joints), normaliser(ready)
    shown = np.flatnonzero(whole.frame_valid)

    def examples():
        for done in range(0, frames, window.hop):
            first, end = window.span(done, frames)
            before = shown[: np.searchsorted(shown, first)][:BEGINNING]
            seen = windowing.taken(whole, np.concatenate([before, np.arange(first, end)]))
            given = slice(done - first, min(done + window.hop, frames) - first)
            yield normalised(normalise, seen, len(before), window.length), given

    count = -(-frames // window.hop)
    scores = scoring.windows(ready.model, ready.variables, examples(), count, window.length)
    return adapt.own_frames(scores, recording, whole.fps)


def normaliser(ready: run_loader.Trained):
    """Makes the normalisation of a run."""
    return normalize.compose(tuple(ready.config.data.normalization))


def normalised(normalise, seen: Recording, before: int, length: int) -> dict:
    """Normalises a window with the beginning before it, and pads it.

    Args:
        normalise: a function of recordings.
        seen: `before` frames of the beginning, then those of the window.
        before: how many these are.
        length: of the window, in frames.

    Returns:
        joints float32[length, M, V, 3], mask bool[length, M].

    Raises:
        InputError: the normalisation changes the number of frames.
    """
    made = normalise(seen)
    if len(made.joints) != len(seen.joints):
        raise InputError(
            f'the normalisation makes {len(made.joints)} frames of {len(seen.joints)}: '
            'a model for clips cannot score a stream'
        )
    return batches.window(made, before, length)


class Scores:
    """Scores frames as they come; memory does not grow, and nothing is compiled later.

    Args:
        ready: a trained network, at whose frame rate frames come.
        window: what is seen, and how often.
        layout: of the joints, by name or described; mapped to the network's.
        persons: M.
        note: told what is done to frames to fit the network.

    Raises:
        InputError: an unmappable layout, a normalisation that moves frames, too many persons.
    """

    def __init__(
        self, ready: run_loader.Trained, window: windowing.Window, layout: str, persons: int = 1,
        note=lambda _: None,
    ):
        windowing.check(window)
        most = _ROOM // (window.length * skeleton.get(layout).num_joints)
        if not 1 <= persons <= most:
            windows = f'windows of {window.length} frames'
            raise InputError(f'{persons} persons in a frame, expected 1 to {most} with {windows}')
        self._ready, self._window = ready, window
        self._layout, self._persons, self._note = layout, persons, note
        self._joints = skeleton.get(layout).num_joints
        self._normalise = normaliser(ready)
        self._seen: deque[np.ndarray] = deque(maxlen=window.length)
        self._beginning: list[tuple[int, np.ndarray]] = []
        self._frames = self._done = 0
        stand_in = np.zeros((window.length, persons, self._joints, 3), np.float32)
        stand_in += np.arange(self._joints)[:, None]
        adapt.fit(self._recording(stand_in), ready.layout, ready.fps, note)
        self._score(self._example(stand_in, 0))  # compiles, and sees that all fits

    def push(self, joints: np.ndarray) -> np.ndarray:
        """Takes the next frame, float32[M, V, 3], nan where not measured.

        A joint that was not measured is filled in within the window; a person of whom none
        was is not there.

        Returns:
            The scores that became final, of frames after those returned before,
            float32[n, L + 1]; n is 0 or the window's hop.
        """
        if len(self._beginning) < BEGINNING and not np.isnan(joints).any(-1).all():
            self._beginning.append((self._frames, joints))
            if len(self._beginning) == BEGINNING:
                seen = np.stack([joints for _, joints in self._beginning])
                adapt.warn(self._ready, self._recording(seen), self._note)
        self._seen.append(joints)
        self._frames += 1
        if self._frames < self._done + self._window.hop + self._window.ahead:
            return self._none()
        return self._next()

    def finish(self) -> np.ndarray:
        """Scores the frames that are left, as nothing follows, float32[n, L + 1]."""
        parts = [self._none()]
        while self._done < self._frames:
            parts.append(self._next())
        return np.concatenate(parts)

    def _none(self) -> np.ndarray:
        return np.zeros((0, len(self._ready.classes) + 1), np.float32)

    def _next(self) -> np.ndarray:
        first, end = self._window.span(self._done, self._frames)
        assert end == self._frames
        window = [self._seen[place] for place in range(len(self._seen) - (end - first), len(self._seen))]
        before = [joints for frame, joints in self._beginning if frame < first]
        example = self._example(np.stack(before + window), len(before))
        done, self._done = self._done, min(self._done + self._window.hop, end)
        return self._score(example)[done - first : self._done - first]

    def _example(self, joints: np.ndarray, before: int) -> dict:
        seen = adapt.fit(self._recording(joints), self._ready.layout, self._ready.fps)
        return normalised(self._normalise, seen, before, self._window.length)

    def _recording(self, joints: np.ndarray) -> Recording:
        measured = ~np.isnan(joints).any(-1)
        fps, layout = self._ready.fps, self._layout
        if measured.any():
            motion = filling.motion('stream', joints, measured, fps=fps, layout=layout)
        else:
            motion = Motion(np.zeros_like(joints), fps, layout, valid=measured.any(-1))
        return records.from_motion(motion, name='stream')

    def _score(self, example: dict) -> np.ndarray:
        given = (example[name][None] for name in ('joints', 'mask'))
        found = scoring.clip_probabilities(self._ready.model, self._ready.variables, *given)
        return np.asarray(found[0])


class Stream:
    """Finds the segments of a stream of frames; memory does not grow.

    A segment that the sequence decoder finds is returned `hop + ahead` frames of the window and
    the lag after its end, see `FixedLag`. One that `decoders.HysteresisDecoder` finds is returned once the
    scores of the frame that ends it are final, at most `hop + ahead` frames after it came.

    Args:
        model: a trained network with its decoder, see `decoder`, or a network alone.
        window: of frames at the network's rate.
        fps: frames a second that come.
        layout: of the joints.
        persons: M.
        runs: how scores become segments, instead of the model's decoder.
        lag: of the sequence decoder, in seconds; by default `fixed_lag.default_lag`.
        min_score: segments of a lower score are left out; by default as the model has it for
            its sequence decoder, otherwise none.
        note: told what is done to frames to fit the network.

    Raises:
        InputError: no such rate or lag; see `Scores`.
    """

    def __init__(
        self, model: Model | run_loader.Trained, window: windowing.Window = WINDOW, *, fps: float,
        layout: str, persons: int = 1, runs: decoders.HysteresisDecoder | None = None, lag: float | None = None,
        min_score: float | None = None, note=lambda _: None,
    ):
        if not 0 < fps < math.inf:
            raise InputError(f'frame rate is {fps:g}, expected a positive number')
        ready = model.trained if isinstance(model, Model) else model
        self._decoder = dataclasses.replace(runs) if runs else decoder(model, lag)
        if min_score is None:
            min_score = 0.0
            if isinstance(model, Model) and isinstance(self._decoder, FixedLag):
                min_score = model.decoding.min_score
        if not math.isfinite(min_score):
            raise InputError(f'min_score is {min_score:g}, expected a number')
        self._rate = Rate(fps, ready.fps)
        if abs(fps / ready.fps - 1) >= SAME:
            note(f'stream: resampled from {fps:g} to {ready.fps:g} frames a second')
        self._scores = Scores(ready, window, layout, persons, note)
        self._shape = (persons, skeleton.get(layout).num_joints, 3)
        self._classes, self._min_score = ready.classes, min_score
        self._late = (window.hop + window.ahead) / ready.fps

    @property
    def delay(self) -> float:
        """Seconds from the end of a segment until it is returned."""
        return self._late + (self._decoder.delay if isinstance(self._decoder, FixedLag) else 0)

    def push(self, joints: np.ndarray) -> Segments:
        """Takes the next frame, float32[M, V, 3], nan where not measured.

        Returns:
            The segments that closed, in frames as they came.

        Raises:
            InputError: another shape.
        """
        if np.shape(joints) != self._shape:
            raise InputError(f'a frame is {np.shape(joints)}, expected {self._shape}')
        parts = [self._scores.push(frame) for frame in self._rate.push(joints)]
        return self._found([self._decoder.push(part) for part in parts if len(part)])

    def finish(self) -> Segments:
        """Returns the segments that are left, as nothing follows."""
        parts = [self._scores.push(frame) for frame in self._rate.finish()]
        parts.append(self._scores.finish())
        found = [self._decoder.push(part) for part in parts if len(part)]
        return self._found([*found, self._decoder.finish()])

    def _found(self, parts: list[Segments]) -> Segments:
        if not parts:
            return Segments(*(np.zeros(0, np.int64),) * 3, classes=self._classes)
        found = concatenate(parts)
        start, end = (
            np.array([self._rate.source(frame) for frame in side], np.int64)
            for side in (found.start.tolist(), found.end.tolist())
        )
        kept = (found.score >= self._min_score) & (end > start)
        return Segments(start, end, found.label, found.score, self._classes)[kept]


def decoder(model: Model | run_loader.Trained, lag: float | None = None) -> FixedLag | decoders.HysteresisDecoder:
    """Makes what finds segments in the scores of a stream.

    Args:
        model: its sequence decoder is taken, or `hysteresis` if it has that one; of a network alone
            the sequence decoder with default durations. Other decoders need a whole recording:
            `hysteresis` takes their place.
        lag: of the sequence decoder, in seconds.

    Raises:
        InputError: no such lag, or a lag for another decoder.
    """
    if not isinstance(model, Model):
        return FixedLag(SequenceDecoder(fps=model.fps), lag)
    if (sequence := model.decoding.sequence) is not None:
        return FixedLag(dataclasses.replace(sequence, fps=model.fps), lag)
    if lag is not None:
        raise InputError(f'a lag of {lag:g} seconds: the model has no sequence decoder')
    own: dict = model.decoding.options if model.decoding.steps == 'hysteresis' else {}
    return dataclasses.replace(decoders.HysteresisDecoder(), **own)
