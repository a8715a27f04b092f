"""Detects mirrored recordings by the direction in which knees, feet and noses point.

With the left hip to the left and the head up, forward is `left x up` in right-handed axes. Knees
bend forward, toes and noses point forward, and the elbows of hanging arms point backward. If the
coordinates are mirrored, or the joints of the two sides exchanged, all of them are reversed. A
body that is both mirrored and exchanged cannot be detected.
"""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses

import numpy as np

from skeljax.data.records import Recording
from skeljax.skeletons import skeleton

_UP = (('neck', 'pelvis'), ('chest', 'pelvis'), ('head', 'pelvis'), ('neck', 'spine'))
_FEET = (('toe', 'heel'), ('toe', 'ankle'), ('toe tip', 'ankle'), ('small toe', 'ankle'))
_FACES = (('nose', 'head'), ('nose', 'neck'))
_LEAST = 3.0  # least evidence, in frames with one point a limb length off
_SOME = 20  # recordings measured per corpus
_SURE = 0.4  # least |forward| / total


@dataclasses.dataclass(frozen=True)
class Handedness:
    """Evidence of the orientation of left and right in a recording.

    Attributes:
        forward: sum over frames and points of each point's distance forward, in limb lengths;
            backward distances are negative.
        total: the sum of the absolute distances.
    """

    forward: float = 0.0
    total: float = 0.0

    def __add__(self, other: Handedness) -> Handedness:
        return Handedness(self.forward + other.forward, self.total + other.total)

    @property
    def mirrored(self) -> bool | None:
        """Returns True if most points lie backward, False if forward, None if undecided."""
        if self.total < _LEAST or abs(self.forward) < _SURE * self.total:
            return None
        return self.forward < 0


def find(recording: Recording) -> Handedness:
    """Measures a recording by the measured joints whose points its layout names."""
    body = _Body(recording)
    left, up = body.between('left hip', 'right hip'), body.first(_UP)
    if left is None or up is None:
        return Handedness()
    forward = np.cross(left, up)
    with np.errstate(invalid='ignore', divide='ignore'):
        forward = forward / np.linalg.norm(forward, axis=-1, keepdims=True)
        down = -up / np.linalg.norm(up, axis=-1, keepdims=True)
        parts = [body.foot(side) for side in ('left', 'right')]
        parts += [body.bend(side, 'hip', 'knee', 'ankle') for side in ('left', 'right')]
        parts += [body.elbow(side, down) for side in ('left', 'right')]
        parts.append(body.first(_FACES, unit=True))
        shares = [(part * forward).sum(-1) for part in parts if part is not None]
    signed = np.nan_to_num(np.array(shares), posinf=0, neginf=0)
    return Handedness(float(signed.sum()), float(np.abs(signed).sum()))


def of_corpus(recordings: Sequence[Recording]) -> bool | None:
    """Returns `Handedness.mirrored` of the sum over up to `_SOME` evenly spaced recordings."""
    chosen = np.unique(np.linspace(0, len(recordings) - 1, min(len(recordings), _SOME)).astype(int))
    return sum((find(recordings[int(index)]) for index in chosen), Handedness()).mirrored


def contradiction(recording: Recording, expected: bool | None) -> str:
    """Returns a line if the handedness of a recording differs from the training data, else ''.

    Args:
        recording: before normalization.
        expected: `mirrored` of the training data; None counts as not mirrored.
    """
    found = find(recording).mirrored
    if found is None or found == bool(expected):
        return ''
    if expected:
        return (
            f'{recording.name}: its left and right agree with its layout, but the model was '
            'trained on mirrored ones; labels of one side may be wrong'
        )
    return (
        f'{recording.name}: its left and right contradict its layout (knees and feet point '
        'backward): mirrored coordinates or exchanged sides; labels may be wrong'
    )


class _Body:
    """Gives points of the bodies in a recording by name, float64[N, 3] over frames and persons."""

    def __init__(self, recording: Recording):
        there = recording.person_valid & recording.frame_valid[:, None]
        self._joints = recording.joints[there].astype(np.float64)
        self._joints[~recording.joint_valid[there]] = np.nan
        points = skeleton.get(recording.layout).points
        self._place = {name: index for index, name in enumerate(points) if name}

    def _point(self, name: str) -> np.ndarray | None:
        if name in self._place:
            return self._joints[:, self._place[name]]
        pair = {'pelvis': 'hip', 'chest': 'shoulder', 'neck': 'shoulder', 'head': 'ear'}.get(name)
        sides = [f'{side} {pair}' for side in ('left', 'right')]
        if not all(side in self._place for side in sides):
            return None
        return sum(self._joints[:, self._place[side]] for side in sides) / 2

    def between(self, end: str, start: str) -> np.ndarray | None:
        """Returns the vector from `start` to `end`, float64[N, 3]; None if one is missing."""
        points = self._point(end), self._point(start)
        return None if points[0] is None or points[1] is None else points[0] - points[1]

    def first(self, pairs, *, unit: bool = False) -> np.ndarray | None:
        """Returns the vector between the first available pair of points."""
        found = (self.between(*pair) for pair in pairs)
        vector = next((v for v in found if v is not None), None)
        if vector is None or not unit:
            return vector
        return vector / np.linalg.norm(vector, axis=-1, keepdims=True)

    def foot(self, side: str) -> np.ndarray | None:
        """Returns the direction of a foot."""
        return self.first([(f'{side} {toe}', f'{side} {heel}') for toe, heel in _FEET], unit=True)

    def bend(self, side: str, top: str, middle: str, end: str) -> np.ndarray | None:
        """Returns the offset of the middle joint from the line of a limb, in half limb lengths."""
        top, middle, end = (f'{side} {name}' for name in (top, middle, end))
        upper, lower = self.between(middle, top), self.between(end, middle)
        if upper is None or lower is None:
            return None
        length = np.linalg.norm(upper, axis=-1) + np.linalg.norm(lower, axis=-1)
        along = self.between(end, top)
        along = along / np.linalg.norm(along, axis=-1, keepdims=True)
        off = upper - (upper * along).sum(-1, keepdims=True) * along
        return 2 * off / length[:, None]

    def elbow(self, side: str, down: np.ndarray) -> np.ndarray | None:
        """Returns the negative `bend` of an arm, 0 if raised: such arms bend either way."""
        off = self.bend(side, 'shoulder', 'elbow', 'wrist')
        if off is None:
            return None
        upper = self.between(f'{side} elbow', f'{side} shoulder')
        hangs = (upper * down).sum(-1) > 0.7 * np.linalg.norm(upper, axis=-1)
        return np.where(hangs[:, None], -off, 0.0)
