"""The one record schema of all corpora."""

from dataclasses import dataclass

import numpy as np
import tensorflow_datasets as tfds

from skeljax.errors import InputError
from skeljax.formats.motion import Motion, bodies
from skeljax.skeletons import skeleton

GRID = 2.0**-12  # metres: 0.24 mm, finer than what any of the corpora's sensors resolves


@dataclass(frozen=True)
class Recording:
    """One recording with its labelled segments.

    Attributes:
        name: unique in its corpus.
        joints: metres, as recorded, float32[T, M, V, 3].
        frame_valid: bool[T].
        person_valid: bool[T, M].
        joint_valid: measured, not guessed, bool[T, M, V].
        fps: frames a second.
        layout: the joint layout, by name or described (`skeljax.skeletons.skeleton.get`).
        segment_start, segment_end: frames, half-open, int32[N].
        segment_label: class, int32[N].
        source: where it came from.
        subject: who moved.
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
    """Describes a record to TFDS."""
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
    """Joins a motion and its segments, and checks both.

    Args:
        motion: as read.
        name: unique in the corpus.
        segments: (start, end, label) in frames, half-open.
        num_classes: labels are below this.

    Raises:
        InputError: naming the recording and what is wrong with it.
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
        # Any number of axes, so that a wrong shape is found by `check`.
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
    """Turns a recording into what a TFDS builder yields.

    Coordinates go to the nearest multiple of `GRID`: the digits below it are
    noise that does not compress.
    """
    return {name: getattr(recording, name) for name in Recording.__dataclass_fields__} | {
        'joints': np.round(recording.joints / GRID) * GRID,
        'fps': np.float32(recording.fps),
    }


def decode(example: dict) -> Recording:
    """Turns what a TFDS data source returns into a recording."""
    text = {
        name: value.decode() if isinstance(value, bytes) else str(value)
        for name, value in example.items()
        if name in ('name', 'layout', 'source', 'subject')
    }
    return Recording(**{**example, **text, 'fps': float(example['fps'])})


def check(recording: Recording, num_classes: int):
    """Raises InputError where a recording is none, naming it and what is wrong with it."""
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
