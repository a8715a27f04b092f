"""What every reader of a raw format returns."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Motion:
    """One recording as its file tells it.

    Attributes:
        joints: absolute positions in metres, float32[T, M, V, 3].
        fps: frames a second.
        layout: the joint layout, by name or described (`skeljax.skeleton.get`).
        valid: which person was seen in which frame, bool[T, M].
        source: where it came from.
        subject: who moved.
        joint_valid: which joints were measured, bool[T, M, V]; None for all. The
            others hold a reader's best guess (interpolated, never 0 for want of one).
        notes: what the reader guessed or left out, a line each.
    """

    joints: np.ndarray
    fps: float
    layout: str
    valid: np.ndarray
    source: str = ''
    subject: str = ''
    joint_valid: np.ndarray | None = None
    notes: tuple[str, ...] = ()
