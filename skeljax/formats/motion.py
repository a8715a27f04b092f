"""What every reader of a raw format returns."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Motion:
    """One recording as its file tells it.

    Attributes:
        joints: absolute positions in metres, float32[T, M, V, 3].
        fps: frames a second.
        layout: name of the joint layout (`skeljax.skeleton`).
        valid: which person was seen in which frame, bool[T, M].
        source: where it came from.
        subject: who moved.
    """

    joints: np.ndarray
    fps: float
    layout: str
    valid: np.ndarray
    source: str = ''
    subject: str = ''
