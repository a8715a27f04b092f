"""Normalisation of whole recordings, the same for training and prediction.

Each step is a pure function `(recording) -> recording`, chosen by name. The
usual pipeline of the field is centre, align (2s-AGCN's `pre_normalization` with
one person) and here also a size in torso lengths.
"""

from collections.abc import Callable
import dataclasses

import numpy as np

from skeljax import skeleton
from skeljax.data.records import Recording
from skeljax.errors import InputError


def centre(recording: Recording) -> Recording:
    """Puts the first person's centre joint at the origin in every frame.

    The path through the room is lost, and so is where a camera stood.
    """
    layout = skeleton.get(recording.layout)
    origin = skeleton.middle(recording.joints[:, :1], layout.centre)
    return _moved(recording, recording.joints - origin[..., None, :])


def align(recording: Recording) -> Recording:
    """Turns the whole recording so that its first valid frame stands upright.

    The first person's spine then points along z and the line from the right to
    the left shoulder, made horizontal, along x.
    """
    layout = skeleton.get(recording.layout)
    seen = np.flatnonzero(recording.person_valid[:, 0] & recording.frame_valid)
    pose = recording.joints[seen[0] if len(seen) else 0, 0].astype(np.float64)
    low, high, right, left = (
        skeleton.middle(pose, joints) for joints in (*layout.spine, *layout.shoulders)
    )
    up, across = _unit(high - low), left - right
    across = _unit(across - (across @ up) * up)
    if not (up.any() and across.any()):
        return recording
    rotation = np.stack([across, np.cross(up, across), up])
    return _moved(recording, recording.joints @ rotation.T.astype(np.float32))


def size(recording: Recording) -> Recording:
    """Divides by the first person's median torso length."""
    layout = skeleton.get(recording.layout)
    seen = recording.person_valid[:, 0] & recording.frame_valid
    low, high = (skeleton.middle(recording.joints[:, 0], joints) for joints in layout.spine)
    torso = np.linalg.norm(high - low, axis=-1)
    length = np.median(torso[seen]) if seen.any() else 0.0
    return _moved(recording, recording.joints / np.float32(length)) if length > 0 else recording


STEPS = {'centre': centre, 'align': align, 'size': size}


def compose(names: tuple[str, ...]) -> Callable[[Recording], Recording]:
    """Chains steps by name; absent persons stay at zero.

    Raises:
        InputError: an unknown name.
    """
    for name in names:
        if name not in STEPS:
            raise InputError(f'unknown normalisation {name!r}, known: {", ".join(STEPS)}')

    def normalise(recording):
        for name in names:
            recording = STEPS[name](recording)
        return recording

    return normalise


def _moved(recording, joints):
    present = recording.person_valid[..., None, None]
    return dataclasses.replace(recording, joints=np.where(present, joints, 0).astype(np.float32))


def _unit(vector):
    length = np.linalg.norm(vector)
    return vector / length if length > 1e-6 else np.zeros_like(vector)
