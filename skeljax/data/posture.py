"""Measures the height and the vertical axis of recorded bodies, and lists implausible values."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skeljax.data import orientation
from skeljax.data.records import Recording
from skeljax.formats import vertical
from skeljax.skeletons import skeleton

PEOPLE = (0.4, 2.6)  # meters: range of the size of a whole body
_ENOUGH = 2000  # largest number of bodies measured


class Posture(NamedTuple):
    """Size and vertical axis of the bodies in a recording.

    Attributes:
        height: along y, in the unit of the recording (meters unless it is flat).
        size: along the axis of its largest extent, in the same unit.
        up: axis of `vertical.AXES` along which it stands, '' if undecided.
        flat: whether its points lie in a plane, as in an image.
    """

    height: float
    size: float
    up: str
    flat: bool

    def odd(self) -> list[str]:
        """Returns implausible values for a recording in meters with y up, as texts."""
        found = []
        if not self.flat and self.size and not PEOPLE[0] <= self.size <= PEOPLE[1]:
            found.append(f'a body of {_shown(self.size)} m')
        if self.up not in ('', 'y'):
            found.append(f'{self.up} is up')
        return found

    def tall(self) -> str:
        """Returns the height as text."""
        return f'{_shown(self.height)} tall' if self.flat else f'{_shown(self.height)} m tall'


def _shown(length: float) -> str:
    return f'{length:,.0f}' if length >= 100 else f'{length:.3g}'


def of(recording: Recording) -> Posture:
    """Measures the bodies of a recording."""
    there = recording.person_valid
    known = recording.joint_valid[there]
    return measure(recording.joints[there], known, skeleton.get(recording.layout))


def measure(joints: np.ndarray, measured: np.ndarray, layout: skeleton.Layout) -> Posture:
    """Measures bodies: the 95 % quantiles of their extents, and their vertical axis.

    Args:
        joints: of present persons, float[N, V, 3].
        measured: bool[N, V].
        layout: of the joints.
    """
    flat = not joints[..., 2].any()
    if not len(joints):
        return Posture(0.0, 0.0, '', flat)
    chosen = np.unique(np.linspace(0, len(joints) - 1, _ENOUGH).astype(int))
    joints, measured = joints[chosen].astype(np.float64), measured[chosen]
    body = orientation.body_of(joints, layout)
    body |= body.sum() < 2  # of two joints, both are kept
    extents = np.ptp(joints[:, body], axis=1)
    size = float(np.quantile(extents.max(1), 0.95))
    height = float(np.quantile(extents[:, 1], 0.95))
    return Posture(height, size, vertical.guess(joints, measured, layout) or '', flat)
