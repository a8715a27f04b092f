"""Scores recordings of any layout, frame rate and length with a trained network."""

import numpy as np

from skeljax.data import handedness, normalize, timing
from skeljax.data.records import Recording
from skeljax.errors import InputError
from skeljax.inference import run_loader, scoring
from skeljax.skeletons import remap, skeleton


def frame_scores(
    ready: run_loader.Trained, recording: Recording, note=lambda _: None
) -> np.ndarray:
    """Scores every frame of a recording, float32[T, L + 1].

    It is brought to the layout and frame rate of the run; each of its frames gets the
    scores of the nearest one then. A long one is scored in windows, so that memory stays
    bounded; see `score.probabilities`.

    Args:
        ready: a trained network.
        recording: as recorded, not normalised.
        note: told, in a line each, what was done to the recording to fit the run.

    Raises:
        InputError: its layout cannot be mapped to the run's.
    """
    warn(ready, recording, note)
    normalised = prepare(ready, recording, note)
    scores = scoring.probabilities(ready.model, ready.variables, normalised)
    return own_frames(scores, recording, normalised.fps)


def warn(ready: run_loader.Trained, recording: Recording, note):
    """Notes where left and right of a recording contradict what the network was trained on."""
    if contradiction := handedness.contradiction(recording, ready.mirrored):
        note(contradiction)


def own_frames(scores: np.ndarray, recording: Recording, fps: float) -> np.ndarray:
    """Gives each frame of a recording the scores [T', L + 1], at `fps`, of the nearest one."""
    frames = np.arange(len(recording.joints)) * (fps / recording.fps)
    return scores[np.minimum(np.round(frames).astype(int), len(scores) - 1)]


def prepare(ready: run_loader.Trained, recording: Recording, note=lambda _: None) -> Recording:
    """Brings a recording to what the network takes: layout, frame rate, normalisation."""
    fitted = fit(recording, ready.layout, ready.fps, note)
    return normalize.compose(tuple(ready.config.data.normalization))(fitted)


def fit(recording: Recording, layout: str, fps: float, note=lambda _: None) -> Recording:
    """Brings a recording to a layout and frame rate.

    Raises:
        InputError: its layout cannot be mapped to this one.
    """
    if recording.layout != layout:
        names = [skeleton.get(text).name for text in (recording.layout, layout)]
        try:
            guessed = remap.estimated(recording.layout, layout)
            recording = normalize.in_layout(recording, layout)
        except InputError as error:
            raise InputError(f'{recording.name}: {error}') from None
        told = f'guessed {", ".join(guessed)}' if guessed else 'every joint is known'
        note(f'{recording.name}: mapped from {names[0]} to {names[1]}; {told}')
    resampled = timing.resample(recording, fps)
    if resampled is not recording:
        note(f'{recording.name}: resampled from {recording.fps:g} to {fps:g} frames a second')
    return resampled
