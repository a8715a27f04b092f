"""The record schema of all corpora."""

from dataclasses import dataclass

import numpy as np
import tensorflow_datasets as tfds

from skeljax.errors import InputError
from skeljax.formats.motion import Motion, bodies
from skeljax.skeletons import skeleton

GRID = 2.0**-12  # meters: 0.24 mm, finer than the resolution of the sensors


@dataclass(frozen=True)
class Recording:
    """One recording with its labeled segments.

    Attributes:
        name: unique in its corpus.
        joints: positions in meters, float32[T, M, V, 3].
        frame_valid: bool[T].
        person_valid: bool[T, M].
        joint_valid: whether each joint was measured, bool[T, M, V].
        fps: frames per second.
        layout: joint layout, a name or a description (`skeljax.skeletons.skeleton.get`).
        segment_start, segment_end: frames, half-open, int32[N].
        segment_label: class, int32[N].
        source: origin, e.g. a file name.
        subject: name of the person.
    """

    name: str
    joints: np.ndarray
    frame_valid: np.ndarray
    person_valid: np.ndarray
    joint_valid: np.ndarray
    fps: float
    layout: str
    segment_start: np.ndarray
    segment_end: np.ndarray
    segment_label: np.ndarray
    source: str = ''
    subject: str = ''


def features(num_persons: int, num_joints: int) -> tfds.features.FeaturesDict:
    """Returns the TFDS schema of a record."""
    tensor = tfds.features.Tensor
    return tfds.features.FeaturesDict(
        {
            'name': tfds.features.Text(),
            'joints': tensor(
                shape=(None, num_persons, num_joints, 3),
                dtype=np.float32,
                encoding=tfds.features.Encoding.ZLIB,
            ),
            'frame_valid': tensor(shape=(None,), dtype=np.bool_),
            'person_valid': tensor(shape=(None, num_persons), dtype=np.bool_),
            'joint_valid': tensor(
                shape=(None, num_persons, num_joints),
                dtype=np.bool_,
                encoding=tfds.features.Encoding.ZLIB,
            ),
            'fps': tensor(shape=(), dtype=np.float32),
            'layout': tfds.features.Text(),
            'segment_start': tensor(shape=(None,), dtype=np.int32),
            'segment_end': tensor(shape=(None,), dtype=np.int32),
            'segment_label': tensor(shape=(None,), dtype=np.int32),
            'source': tfds.features.Text(),
            'subject': tfds.features.Text(),
        }
    )


def from_motion(motion: Motion, *, name: str, segments=(), num_classes: int = 0) -> Recording:
    """Combines a motion and its segments, and checks both.

    Args:
        motion: returned by a reader.
        name: unique in the corpus.
        segments: (start, end, label) in frames, half-open.
        num_classes: exclusive bound of the labels.

    Raises:
        InputError: the recording is invalid; names it and the reason.
    """
    columns = np.array(list(segments), np.int32).reshape(-1, 3).T
    valid = np.asarray(motion.valid, bool)
    joints = np.asarray(motion.joints, np.float32)
    if joints.ndim == 4 and valid.shape == joints.shape[:2]:
        valid = valid & bodies(joints)  # zeros are padding
    measured = motion.joint_valid
    recording = Recording(
        name=name,
        joints=joints,
        # Works for any number of axes; `check` reports a wrong shape.
        frame_valid=np.asarray(valid.any(tuple(range(1, valid.ndim)))),
        person_valid=valid,
        joint_valid=np.ones(joints.shape[:-1], bool) if measured is None else measured,
        fps=float(motion.fps),
        layout=motion.layout,
        segment_start=columns[0],
        segment_end=columns[1],
        segment_label=columns[2],
        source=motion.source,
        subject=motion.subject,
    )
    check(recording, num_classes)
    return recording


def example(recording: Recording) -> dict:
    """Converts a recording to the example that a TFDS builder yields.

    Coordinates are rounded to multiples of `GRID`: finer digits are noise that does not compress.
    """
    return {name: getattr(recording, name) for name in Recording.__dataclass_fields__} | {
        'joints': np.round(recording.joints / GRID) * GRID,
        'fps': np.float32(recording.fps),
    }


def decode(example: dict) -> Recording:
    """Converts an example of a TFDS data source to a recording."""
    text = {
        name: value.decode() if isinstance(value, bytes) else str(value)
        for name, value in example.items()
        if name in ('name', 'layout', 'source', 'subject')
    }
    return Recording(**{**example, **text, 'fps': float(example['fps'])})


def check(recording: Recording, num_classes: int):
    """Raises InputError if a recording is invalid; names it and the reason."""
    name, joints = recording.name, recording.joints
    layout = skeleton.get(recording.layout)
    if joints.ndim != 4 or joints.shape[2:] != (layout.num_joints, 3) or not joints.size:
        raise InputError(
            f'{name}: joints are {joints.shape}, expected (frames, persons, {layout.num_joints}, 3)'
        )
    if recording.person_valid.shape != joints.shape[:2]:
        raise InputError(
            f'{name}: validity is {recording.person_valid.shape}, expected {joints.shape[:2]}'
        )
    if recording.joint_valid.shape != joints.shape[:3]:
        raise InputError(
            f'{name}: validity of joints is {recording.joint_valid.shape}, '
            f'expected {joints.shape[:3]}'
        )
    if not np.isfinite(joints).all():
        frame = int(np.argwhere(~np.isfinite(joints))[0][0])
        raise InputError(f'{name}: frame {frame}: a coordinate is not finite')
    if not recording.fps > 0:
        raise InputError(f'{name}: frame rate is {recording.fps}')
    spans = (recording.segment_start, recording.segment_end, recording.segment_label)
    for start, end, label in zip(*spans, strict=True):
        if not 0 <= start < end <= len(joints):
            raise InputError(f'{name}: segment [{start}, {end}) is not inside 0..{len(joints)}')
        if not 0 <= label < num_classes:
            raise InputError(f'{name}: segment [{start}, {end}): label {label} of {num_classes}')
