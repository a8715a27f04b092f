"""Forward kinematics for formats with rotations, and the layout of a file's own tree."""

from collections.abc import Sequence
from dataclasses import dataclass
import functools

import numpy as np

from skeljax.skeletons import skeleton


@dataclass(frozen=True)
class Chain:
    """The rotations and offsets of a motion, input of forward kinematics.

    Attributes:
        root: the root joint in the room, meters, float64[T, 3], y up.
        offsets: joint from parent in the parent's frame, meters, float64[T, V, 3];
            the root's is 0.
        rotations: of each joint in its parent's frame, float64[T, V, 3, 3].
    """

    root: np.ndarray
    offsets: np.ndarray
    rotations: np.ndarray

    def __len__(self) -> int:
        return len(self.root)


def concatenate(chains: Sequence[Chain]) -> Chain:
    """Plays motions of one skeleton one after the other."""
    parts = zip(*((c.root, c.offsets, c.rotations) for c in chains), strict=True)
    return Chain(*(np.concatenate(part) for part in parts))


def from_positions(joints: np.ndarray, parents: Sequence[int]) -> Chain:
    """Returns joints of which no rotation is known as a chain without rotations.

    Args:
        joints: absolute positions in meters, float[T, V, 3], y up.
        parents: of each joint, -1 for the root.

    Returns:
        The chain with which `forward` returns `joints`. All rotations are the identity, so each
        offset is the difference between a joint and its parent in the axes of the room.
    """
    joints = np.asarray(joints, np.float64)
    root = list(parents).index(-1)
    offsets = joints - joints[:, list(parents)]
    offsets[:, root] = 0
    rotations = np.broadcast_to(np.eye(3), (*joints.shape, 3)).copy()
    return Chain(joints[:, root].copy(), offsets, rotations)


def forward(chain: Chain, parents: Sequence[int]) -> np.ndarray:
    """Computes absolute joints in meters, float64[T, V, 3].

    Args:
        chain: the motion.
        parents: of each joint, -1 for the root; a parent comes before its children.
    """
    return frames(chain, parents)[0]


def frames(chain: Chain, parents: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Computes absolute joints, float64[T, V, 3], and their rotations, float64[T, V, 3, 3]."""
    joints, turned = np.empty_like(chain.offsets), np.empty_like(chain.rotations)
    for joint, parent in enumerate(parents):
        if parent < 0:
            joints[:, joint], turned[:, joint] = chain.root, chain.rotations[:, joint]
            continue
        offset = chain.offsets[:, joint, :, None]
        joints[:, joint] = joints[:, parent] + (turned[:, parent] @ offset)[..., 0]
        turned[:, joint] = turned[:, parent] @ chain.rotations[:, joint]
    return joints, turned


def rotations(angles: np.ndarray, axes: str) -> np.ndarray:
    """Multiplies turns about axes of the frame: 'zxy' is Rz · Rx · Ry.

    Args:
        angles: radians, float64[..., N], one for each of `axes`.
        axes: N letters of x, y, z.

    Returns:
        float64[..., 3, 3], right-handed, of column vectors.
    """
    each = zip(axes, np.moveaxis(angles, -1, 0), strict=True)
    turns = [about(axis, angle) for axis, angle in each]
    if not turns:
        return np.broadcast_to(np.eye(3), (*angles.shape[:-1], 3, 3))
    return functools.reduce(np.matmul, turns)


def about(axis: str, angle) -> np.ndarray:
    """Turns by radians float64[...] about 'x', 'y' or 'z', float64[..., 3, 3], right-handed."""
    i, j = {'x': (1, 2), 'y': (2, 0), 'z': (0, 1)}[axis]
    angle = np.asarray(angle, np.float64)
    turn = np.broadcast_to(np.eye(3), (*angle.shape, 3, 3)).copy()
    turn[..., i, i] = turn[..., j, j] = np.cos(angle)
    turn[..., j, i] = np.sin(angle)
    turn[..., i, j] = -turn[..., j, i]
    return turn


def layout(name: str, joints: Sequence[str], parents: Sequence[int]) -> str:
    """Returns the known layout with these joints; else describes one of the file's own, `name`."""
    tree = tuple(joints), tuple(parents)
    for known in skeleton.LAYOUTS.values():
        if (known.joints, known.parents) == tree:
            return known.name
    return skeleton.describe(skeleton.infer(name, *tree))
