"""Estimates the orientation of recorded bodies: vertical axis, floor and facing direction."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skeljax.data.records import Recording
from skeljax.skeletons import skeleton

_HEADS = ('head', 'head top', 'neck', 'chest', 'nose')
_FEET = (('left ankle', 'right ankle'), ('left toe', 'right toe'), ('left knee', 'right knee'))
# Rows are the new x, y and z; all are rotations, so that left stays left.
_UPRIGHT = {
    (0, 1): ((0, -1, 0), (1, 0, 0), (0, 0, 1)),
    (0, -1): ((0, 1, 0), (-1, 0, 0), (0, 0, 1)),
    (1, 1): ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    (1, -1): ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),
    (2, 1): ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    (2, -1): ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
}


class Orientation(NamedTuple):
    """A recording rotated so that y points up.

    Attributes:
        joints: float32[T, M, V, 3].
        floor: height of the floor, meters.
        height: of a body, meters.
        facing: direction of the first body in its first frames, as an angle about y in radians;
            0 is along z, pi / 2 along x.
        body: joints that belong to the body, bool[V].
    """

    joints: np.ndarray
    floor: float
    height: float
    facing: float
    body: np.ndarray


def find(recording: Recording) -> Orientation:
    """Rotates a recording so that y points up; approximate if its layout lacks head or feet."""
    layout = skeleton.get(recording.layout)
    there = recording.person_valid & recording.frame_valid[:, None]
    body = body_of(recording.joints[there], layout)
    turn = np.array(_UPRIGHT[_up(recording.joints[there], layout, body)], np.float32)
    joints = recording.joints @ turn.T
    heights = joints[there][:, body, 1]
    if not len(heights):
        return Orientation(joints, 0.0, 1.7, 0.0, body)
    tall = float(np.quantile(np.ptp(heights, axis=1), 0.9))
    floor = float(np.quantile(heights.min(1), 0.02))
    facing = _facing(joints[there[:, 0], 0] if there[:, 0].any() else joints[there], layout)
    return Orientation(joints, floor, max(tall, 1e-6), facing, body)


def body_of(joints: np.ndarray, layout: skeleton.Layout) -> np.ndarray:
    """Returns which joints are part of the body: all except a root that does not move with it.

    Args:
        joints: of present persons, float[N, V, 3].
        layout: of the joints.

    Returns:
        bool[V].
    """
    body = np.ones(layout.num_joints, bool)
    seen = joints.astype(np.float64)
    root = layout.parents.index(-1)
    children = [child for parent, child in layout.bones if parent == root]
    if len(seen) and children:
        rest = np.delete(seen, root, axis=1)
        size = np.median(np.linalg.norm(np.ptp(rest, axis=1), axis=-1))
        away = np.linalg.norm(seen[:, children] - seen[:, [root]], axis=-1).min(1)
        body[root] = away.max() <= 0.5 * size
    return body


def _up(joints: np.ndarray, layout: skeleton.Layout, body: np.ndarray) -> tuple[int, int]:
    """Returns the axis (1 is y, 2 is z) and sign of the direction from feet to head."""
    points = {point: joint for joint, point in enumerate(layout.points) if point}
    head = next((points[name] for name in _HEADS if name in points), None)
    feet = next(([points[n] for n in pair] for pair in _FEET if set(pair) <= points.keys()), None)
    if not len(joints):
        return 1, 1
    if head is not None and feet is not None:
        rise = np.median(joints[:, head] - joints[:, feet].mean(1), axis=0)
        axis = int(np.abs(rise).argmax())
        return axis, 1 if rise[axis] > 0 else -1
    extents = np.median(np.ptp(joints[:, body], axis=1), axis=0)
    return (2 if extents[2] > 1.2 * extents[1] else 1), 1


def _facing(joints: np.ndarray, layout: skeleton.Layout) -> float:
    """Returns the facing angle of joints float[N, V, 3], y up, in the first frames."""
    right, left = (skeleton.middle(joints[:10], ends) for ends in layout.shoulders)
    x, _, z = (left - right).mean(0)
    # Forward is (left - right) x up.
    return float(np.arctan2(-z, x)) if np.hypot(x, z) > 1e-6 else 0.0
