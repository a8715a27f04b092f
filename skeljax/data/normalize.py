"""Normalizes whole recordings, in the same way for training and prediction.

Each step is a pure function `(recording) -> recording`, chosen by name; some take a number, as in
'resample:30'. The default is to center and align (`pre_normalization` of 2s-AGCN with one person)
and to divide by the torso length. Absent persons are masked and remain at zero.
"""

from collections.abc import Callable
import dataclasses

import numpy as np

from skeljax.data import persons, timing
from skeljax.data.records import Recording
from skeljax.errors import InputError
from skeljax.skeletons import remap, skeleton


def centre(recording: Recording) -> Recording:
    """Moves the center of the first person to the origin in every frame.

    This removes the path through the room and the position of the camera. While the first person
    is absent, the last known position is used (before the first appearance, that of the first).
    """
    layout = skeleton.get(recording.layout)
    seen = np.flatnonzero(recording.person_valid[:, 0])
    if not len(seen):
        return recording
    origin = skeleton.middle(recording.joints[:, 0], layout.center)
    last = np.searchsorted(seen, np.arange(len(origin)), side='right') - 1
    return _moved(recording, recording.joints - origin[seen[np.maximum(last, 0)], None, None])


def centre_first(recording: Recording) -> Recording:
    """Moves the center of the first person, in their first frame, to the origin.

    This keeps the path through the room and the relative positions of persons.
    """
    layout = skeleton.get(recording.layout)
    seen = np.flatnonzero(recording.person_valid[:, 0])
    if not len(seen):
        return recording
    origin = skeleton.middle(recording.joints[seen[0], 0], layout.center)
    return _moved(recording, recording.joints - origin)


def centre_each(recording: Recording) -> Recording:
    """Moves each person's chest (or the midpoint of the shoulders) to the origin in every frame.

    This removes the path through the room and the relative positions of persons.
    """
    layout = skeleton.get(recording.layout)
    chest = layout.points.index('chest') if 'chest' in layout.points else None
    joints = sum(layout.shoulders, ()) if chest is None else (chest,)
    origin = skeleton.middle(recording.joints, joints)
    return _moved(recording, recording.joints - origin[..., None, :])


def align(recording: Recording) -> Recording:
    """Rotates the whole recording so that the first person is upright in the first valid frame.

    The spine then points along z, and the horizontal part of the line from the right to the left
    shoulder along x.
    """
    low, high, right, left = _axes(recording)
    up, across = _unit(high - low), left - right
    across = _unit(across - (across @ up) * up)
    if not (up.any() and across.any()):
        return recording
    return _rotated(recording, np.stack([across, np.cross(up, across), up]))


def align_axes(recording: Recording) -> Recording:
    """Rotates the whole recording as the release of 2s-AGCN rotates the first frame.

    First the spine is rotated to z, then the line from the left to the right shoulder to x, each
    about the axis normal to both: the spine is not exactly upright afterward, and the body faces
    in the direction opposite to that of `align`.
    """
    low, high, right, left = _axes(recording)
    upright = _onto(high - low, np.array([0.0, 0.0, 1.0]))
    return _rotated(recording, _onto(upright @ (right - left), np.array([1.0, 0.0, 0.0])) @ upright)


def turn_each(recording: Recording) -> Recording:
    """Rotates each person in each frame about y until the shoulders lie along x (CrosSCLR).

    The horizontal part of the line from the left to the right shoulder then points along x. As in
    the release, the sense of rotation is decided once per clip: a person who turns around is
    rotated in the wrong sense in some of the frames.
    """
    layout = skeleton.get(recording.layout)
    right, left = (skeleton.middle(recording.joints, joints) for joints in layout.shoulders)
    across = np.where(recording.person_valid[..., None], right - left, 0).astype(np.float64)
    x, z = across[..., 0], across[..., 2]
    cos = x / (np.hypot(x, z) + 1e-4)
    sin = np.sqrt(1 - cos**2) * np.where(z.sum(0) >= 0, 1, -1)
    nought, one = np.zeros_like(cos), np.ones_like(cos)
    rows = [[cos, nought, sin], [nought, one, nought], [-sin, nought, cos]]
    turns = np.stack([np.stack(row, -1) for row in rows], -2)
    return _moved(recording, np.einsum('tmij,tmvj->tmvi', turns, recording.joints))


def size(recording: Recording) -> Recording:
    """Divides coordinates by the median torso length of the first person."""
    layout = skeleton.get(recording.layout)
    low, high = (skeleton.middle(recording.joints[:, 0], joints) for joints in layout.spine)
    torso = np.linalg.norm(high - low, axis=-1)
    seen = _measured(recording, sum(layout.spine, ()))
    length = np.median(torso[seen]) if len(seen) else 0.0
    return _moved(recording, recording.joints / np.float32(length)) if length > 0 else recording


# Name -> step, and the type of its number or None.
STEPS: dict[str, tuple[Callable, type | None]] = {
    'center': (centre, None),
    'center_first': (centre_first, None),
    'center_each': (centre_each, None),
    'align': (align, None),
    'align_axes': (align_axes, None),
    'turn_each': (turn_each, None),
    'size': (size, None),
    'resample': (timing.resample, float),
    'stretch': (timing.stretch, int),
    'first_persons': (persons.first_persons, int),
    'order_persons': (persons.order_persons, int),
    'order_variance': (persons.order_variance, None),
    'denoise': (persons.denoise, None),
    'slots': (persons.slots, int),
    'front': (persons.front, None),
    'loop': (persons.loop, None),
}
# Pipelines of three releases for clips of NTU RGB+D. They differ where the releases treat zeros as
# a body: in frames with the second person but not the first, and next to frames in which a person
# is absent.
PIPELINES = {
    # github.com/LinguoLi/CrosSCLR, also AimCLR, ActCLR, SkeleMixCLR
    'crossclr': ('first_persons:2', 'center_each', 'stretch:50', 'turn_each'),
    # github.com/lshiwjx/2s-AGCN, also skeleton-contrast, CMD, PCM3; not padded to 300 frames
    '2s-agcn': ('order_persons:2', 'front', 'loop', 'center', 'align_axes'),
    # github.com/Uason-Chen/CTR-GCN, also MacDiff
    'ctr-gcn': ('denoise', 'order_variance', 'slots:2', 'center_first'),
}


def compose(names: tuple[str, ...]) -> Callable[[Recording], Recording]:
    """Composes steps and pipelines given by name.

    Raises:
        InputError: an unknown name; a missing, invalid or unexpected number.
    """
    each = [step for name in names for step in PIPELINES.get(name, (name,))]
    steps = [_step(name) for name in each]

    def normalize(recording):
        for step in steps:
            recording = step(recording)
        return recording

    return normalize


def _step(text: str) -> Callable[[Recording], Recording]:
    """Returns the step for 'name' or 'name:number'."""
    name, colon, number = text.partition(':')
    if name not in STEPS:
        known = ', '.join([*STEPS, *PIPELINES])
        raise InputError(f'unknown normalization {name!r}, known: {known}')
    step, kind = STEPS[name]
    if kind is None and not colon:
        return step
    try:
        value = kind(number)
    except (TypeError, ValueError):
        value = 0
    if not 0 < value < np.inf:
        expected = f'{name}:NUMBER with a positive number' if kind else f'{name} without a number'
        raise InputError(f'normalization {text!r}, expected {expected}')
    return lambda recording: step(recording, value)


def in_layout(recording: Recording, layout: str) -> Recording:
    """Maps a recording to another joint layout.

    Raises:
        InputError: the layouts have too few points in common.
    """
    joints, measured = remap.remap(
        recording.joints, recording.layout, layout, recording.joint_valid
    )
    return dataclasses.replace(recording, joints=joints, joint_valid=measured, layout=layout)


def _axes(recording) -> list[np.ndarray]:
    """Returns low and high end of the spine, right and left shoulder, of one pose, float64[3] each.

    The pose is that of the first person in the first frame in which these were measured, or the
    first valid frame if there is none.
    """
    layout = skeleton.get(recording.layout)
    ends = (*layout.spine, *layout.shoulders)
    frames = _measured(recording, sum(ends, ()))
    pose = recording.joints[frames[0] if len(frames) else 0, 0].astype(np.float64)
    return [skeleton.middle(pose, joints) for joints in ends]


def _measured(recording, joints) -> np.ndarray:
    """Returns the frames with measured joints of the first person; if none, with the person."""
    seen = recording.person_valid[:, 0] & recording.frame_valid
    measured = seen & recording.joint_valid[:, 0, list(joints)].all(-1)
    return np.flatnonzero(measured if measured.any() else seen)


def _onto(vector, axis) -> np.ndarray:
    """Returns the smallest rotation from a vector's direction to an axis, float64[3, 3].

    The identity, as in the release, if the vector is zero or parallel to the axis.
    """
    normal = np.cross(vector, axis)
    if np.abs(normal).sum() < 1e-6:
        return np.eye(3)
    x, y, z = normal / np.linalg.norm(normal)
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    length = np.linalg.norm(vector)
    sin, cos = np.linalg.norm(normal) / length, vector @ axis / length
    return np.eye(3) + sin * skew + (1 - cos) * skew @ skew


def _rotated(recording, rotation) -> Recording:
    return _moved(recording, recording.joints @ rotation.T.astype(np.float32))


def _moved(recording, joints) -> Recording:
    present = recording.person_valid[..., None, None]
    return dataclasses.replace(recording, joints=np.where(present, joints, 0).astype(np.float32))


def _unit(vector):
    length = np.linalg.norm(vector)
    return vector / length if length > 1e-6 else np.zeros_like(vector)
