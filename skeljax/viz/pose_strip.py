"""Selects poses of a segment and projects them to the view from the front."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skeljax.data import orientation, posture
from skeljax.data.posture import Posture
from skeljax.data.records import Recording
from skeljax.skeletons import skeleton

POSES = 8  # per strip
_TURN = np.deg2rad(25)  # from the front view, so that depth is visible


@dataclass(frozen=True)
class Strip:
    """P poses of one segment, or of a whole recording.

    Attributes:
        recording: name of the recording.
        label: class, -1 for none.
        seconds: time of each pose, float[P].
        joints: float32[P, M, V, 3].
        persons: which persons are present, bool[P, M].
        measured: which joints were measured, bool[P, M, V].
        layout: specification of the joint layout.
        posture: of the whole recording.
    """

    recording: str
    label: int
    seconds: np.ndarray
    joints: np.ndarray
    persons: np.ndarray
    measured: np.ndarray
    layout: str
    posture: Posture


def cut(
    recording: Recording, start: int, end: int, label: int, body: Posture | None = None
) -> Strip:
    """Returns up to `POSES` evenly spaced poses of the frames [start, end).

    Args:
        recording: the recording.
        start, end: frames, half-open.
        label: class of the segment, -1 for none.
        body: posture of the recording; measured if not given.
    """
    frames = np.unique(np.round(np.linspace(start, end - 1, POSES)).astype(int))
    return Strip(
        recording=recording.name,
        label=label,
        seconds=frames / recording.fps,
        joints=recording.joints[frames],
        persons=recording.person_valid[frames],
        measured=recording.joint_valid[frames],
        layout=recording.layout,
        posture=posture.of(recording) if body is None else body,
    )


def body_joints(strip: Strip) -> np.ndarray:
    """Returns which joints belong to the body, bool[V]."""
    return orientation.body_of(strip.joints[strip.persons], skeleton.get(strip.layout))


def heights(strip: Strip, body: np.ndarray) -> np.ndarray:
    """Returns the y coordinates of the body joints of all persons present, at least one value."""
    values = strip.joints[strip.persons][:, body, 1]
    return values if values.size else np.zeros(1)


def project(strip: Strip, body: np.ndarray) -> np.ndarray:
    """Projects a strip to the view from the front.

    Args:
        strip: the poses.
        body: joints that define position and direction, bool[V], see `body_joints`.

    Returns:
        float[P, M, V, 2], y upward: the lowest body joint of the strip is at y = 0, and the mean
        of the persons of a pose is at x = 0.
    """
    joints = strip.joints.astype(np.float64)
    if not strip.persons.any():
        return np.zeros((*joints.shape[:3], 2))
    ground = joints[..., [0, 2]]
    flat = np.stack([ground @ _image_x_axis(strip, ground), joints[..., 1]], -1)
    for pose, present in zip(flat, strip.persons, strict=True):
        pose[..., 0] -= pose[present][:, body, 0].mean() if present.any() else 0
    flat[..., 1] -= flat[strip.persons][:, body, 1].min()
    return flat


def _image_x_axis(strip: Strip, ground: np.ndarray) -> np.ndarray:
    """Returns the direction on the ground that becomes the x axis of the image, float[2]."""
    pairs = np.array(skeleton.get(strip.layout).mirror)
    if not len(pairs) or not strip.persons.any() or np.ptp(ground[..., 1]) == 0:
        return np.array([1.0, 0.0])
    # From right to left joints: in the view from the front, a body's left is on the right.
    sideways = ground[..., pairs[:, 0], :] - ground[..., pairs[:, 1], :]
    direction = sideways[strip.persons].mean((0, 1))
    length = np.linalg.norm(direction)
    if length < 1e-6:
        return np.array([1.0, 0.0])
    (x, y), (cos, sin) = direction / length, (np.cos(_TURN), np.sin(_TURN))
    return np.array([cos * x - sin * y, sin * x + cos * y])
