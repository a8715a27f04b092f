"""What every reader of a raw format returns."""

import dataclasses
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Motion:
    """One recording as its file tells it.

    Attributes:
        joints: absolute positions in meters, float32[T, M, V, 3].
        fps: frames per second.
        layout: the joint layout, by name or described (`skeljax.skeletons.skeleton.get`).
        valid: which person was seen in which frame, bool[T, M].
        source: where it came from.
        subject: who moved.
        joint_valid: which joints were measured, bool[T, M, V]; None for all. The
            others hold a reader's best guess (interpolated, never 0 for want of one).
        notes: what the reader guessed or left out, one line each.
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
    """Finds the bodies that are not padding, bool[T, M]: a joint of theirs is not exactly 0.

    Args:
        joints: float[T, M, V, 3].
    """
    return (joints != 0).any((2, 3))


def without_padding(motion: Motion) -> Motion:
    """Returns a motion in which a body whose joints are all exactly 0 is absent.

    A slot in which nobody ever is does not stay, unless nobody is in any.
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
