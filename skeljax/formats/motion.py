"""The recordings that readers of raw formats return."""

import dataclasses
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Motion:
    """One recording.

    Attributes:
        joints: absolute positions in meters, float32[T, M, V, 3].
        fps: frames per second.
        layout: joint layout, a name or a description (`skeljax.skeletons.skeleton.get`).
        valid: persons present in each frame, bool[T, M].
        source: origin, e.g. a file name.
        subject: name of the person.
        joint_valid: which joints were measured, bool[T, M, V]; None for all. The
            others are interpolated or otherwise estimated by the reader.
        notes: what the reader estimated or left out, one line each.
    """

    joints: np.ndarray
    fps: float
    layout: str
    valid: np.ndarray
    source: str = ''
    subject: str = ''
    joint_valid: np.ndarray | None = None
    notes: tuple[str, ...] = ()


def bodies(joints: np.ndarray) -> np.ndarray:
    """Returns the bodies that are not padding, bool[T, M]: those with a joint that is not 0.

    Args:
        joints: float[T, M, V, 3].
    """
    return (joints != 0).any((2, 3))


def without_padding(motion: Motion) -> Motion:
    """Returns a motion in which a body whose joints are all exactly 0 is absent.

    Slots that are empty in all frames are removed, unless all are.
    """
    valid = motion.valid & bodies(motion.joints)
    seen = valid.any(0)
    if (valid == motion.valid).all() and (seen.all() or not seen.any()):
        return motion
    seen |= not seen.any()
    known = motion.joint_valid
    return dataclasses.replace(
        motion,
        joints=motion.joints[:, seen],
        valid=valid[:, seen],
        joint_valid=None if known is None else known[:, seen],
    )
