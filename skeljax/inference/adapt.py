"""Adapts recordings of any layout, frame rate and length to a network, and scores them."""

import numpy as np

from skeljax.data import handedness, normalize, timing
from skeljax.data.records import Recording
from skeljax.errors import InputError
from skeljax.inference import run_loader, scoring
from skeljax.skeletons import remap, skeleton


def frame_scores(
    run: run_loader.Run, recording: Recording, note=lambda _: None
) -> np.ndarray:
    """Computes the probabilities of every frame of a recording, float32[T, L + 1].

    The recording is converted to the layout and frame rate of the run. Each original frame gets
    the scores of the nearest converted frame. See `scoring.probabilities` for long recordings.

    Args:
        run: a trained network.
        recording: not normalized.
        note: called with one line for each change made to fit the run.

    Raises:
        InputError: the layout cannot be mapped to that of the run.
    """
    check_handedness(run, recording, note)
    prepared = prepare(run, recording, note)
    scores = scoring.probabilities(run.model, run.variables, prepared)
    return at_source_frames(scores, recording, prepared.fps)


def check_handedness(run: run_loader.Run, recording: Recording, note):
    """Notes if left and right of a recording contradict those of the training corpus."""
    if contradiction := handedness.contradiction(recording, run.mirrored):
        note(contradiction)


def at_source_frames(scores: np.ndarray, recording: Recording, fps: float) -> np.ndarray:
    """Returns scores float[T', L + 1] at `fps` for the frames of a recording, by the nearest."""
    frames = np.arange(len(recording.joints)) * (fps / recording.fps)
    return scores[np.minimum(np.round(frames).astype(int), len(scores) - 1)]


def prepare(run: run_loader.Run, recording: Recording, note=lambda _: None) -> Recording:
    """Converts a recording to the layout and frame rate of the run, and normalizes it."""
    converted = convert(recording, run.layout, run.fps, note)
    return normalize.compose(tuple(run.config.data.normalization))(converted)


def convert(recording: Recording, layout: str, fps: float, note=lambda _: None) -> Recording:
    """Converts a recording to a layout and frame rate.

    Raises:
        InputError: the layout of the recording cannot be mapped to this one.
    """
    if recording.layout != layout:
        names = [skeleton.get(text).name for text in (recording.layout, layout)]
        try:
            guessed = remap.estimated(recording.layout, layout)
            recording = normalize.in_layout(recording, layout)
        except InputError as error:
            raise InputError(f'{recording.name}: {error}') from None
        source = f'guessed {", ".join(guessed)}' if guessed else 'every joint is known'
        note(f'{recording.name}: mapped from {names[0]} to {names[1]}; {source}')
    resampled = timing.resample(recording, fps)
    if resampled is not recording:
        note(f'{recording.name}: resampled from {recording.fps:g} to {fps:g} frames per second')
    return resampled
