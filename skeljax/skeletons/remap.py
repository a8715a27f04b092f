"""Maps between joint layouts: a network made for one can be fed another.

A joint of the target that marks a point of the body which the source marks too is
copied; any other is guessed as a weighted sum of joints of the source (as
`skeljax.skeletons.anatomy` tells) and flagged as not measured.
"""

import functools
from typing import NamedTuple

import numpy as np

from skeljax.errors import InputError
from skeljax.skeletons import anatomy, naming, skeleton
from skeljax.skeletons.skeleton import Layout

_ENOUGH = 3  # joints in common; of fewer no pose can be told


class Plan(NamedTuple):
    """How to get from one layout to another.

    Attributes:
        weights: of the source's joints in the target's; rows sum to 1, float32[W, V].
        source: the joint that is copied, -1 for a guess, int[W].
    """

    weights: np.ndarray
    source: np.ndarray


def remap(joints, source: str, target: str, joint_valid=None) -> tuple[np.ndarray, np.ndarray]:
    """Turns joints of one layout into those of another.

    Args:
        joints: float32[..., V, 3] in any unit and pose.
        source: their layout, by name or described.
        target: the layout wanted, by name or described.
        joint_valid: which joints were measured, bool[..., V]; None for all.

    Returns:
        joints float32[..., W, 3], joint_valid bool[..., W]: false for guesses, and for
        copies of what was not measured.

    Raises:
        InputError: an unknown layout, or the two have too little in common.
    """
    joints = np.asarray(joints, np.float32)
    if joint_valid is None:
        joint_valid = np.ones(joints.shape[:-1], bool)
    made = plan(source, target)
    measured = np.asarray(joint_valid)[..., made.source] & (made.source >= 0)
    return made.weights @ joints, measured


def guessed(source: str, target: str) -> tuple[str, ...]:
    """Names the joints of the target that a map from the source guesses."""
    joints, made = skeleton.get(target).joints, plan(source, target)
    return tuple(name for name, copied in zip(joints, made.source, strict=True) if copied < 0)


@functools.lru_cache(maxsize=256)
def plan(source: str, target: str) -> Plan:
    """Finds how each joint of the target is got from the source.

    Raises:
        InputError: an unknown layout, or the two have too little in common.
    """
    have, want = skeleton.get(source), skeleton.get(target)
    if (have.joints, have.parents) == (want.joints, want.parents):  # names may be there twice
        return Plan(np.eye(have.num_joints, dtype=np.float32), np.arange(have.num_joints))
    marks: dict[str, int] = {}
    for joint, mark in enumerate(_marks(have)):
        marks.setdefault(mark, joint)
    copied = np.array([marks.get(mark, -1) for mark in _marks(want)])
    common = int((copied >= 0).sum())
    if common < min(_ENOUGH, want.num_joints):
        raise InputError(
            f'layout {have.name} cannot be mapped to {want.name}: {common} joints in common, '
            f'expected at least {_ENOUGH}'
        )
    sums = [_sum(mark, marks, frozenset()) for mark in _marks(want)]
    weights = np.zeros((want.num_joints, have.num_joints), np.float32)
    for joint in range(want.num_joints):
        for other, weight in sums[_nearest(want, joint, sums)].items():
            weights[joint, other] = weight
    return Plan(weights, copied)


def _marks(layout: Layout) -> list[str]:
    """Tells what each joint marks: a point of the body or, for want of one, its own name."""
    pairs = zip(layout.points, layout.joints, strict=True)
    return [point or f'joint {name}' for point, name in pairs]


def _sum(mark: str, marks: dict[str, int], asked: frozenset) -> dict[int, float]:
    """Makes a point of the joints there are: joint -> weight, {} where it cannot be made.

    Args:
        mark: the point.
        marks: joint of each point of the source.
        asked: points that this one is to help make, and cannot be made of.
    """
    if mark in marks:
        return {marks[mark]: 1.0}
    for others in anatomy.guesses(mark):
        if asked & others.keys():
            continue
        terms = [(w, _sum(other, marks, asked | {mark})) for other, w in others.items()]
        if all(made for _, made in terms):
            total: dict[int, float] = {}
            for weight, made in terms:
                for joint, share in made.items():
                    total[joint] = total.get(joint, 0.0) + weight * share
            return total
    return {}


def _nearest(layout: Layout, joint: int, sums) -> int:
    """Finds the joint nearest in the tree, itself first, that can be made."""
    away = naming.distances(layout.parents, joint)
    return min((j for j in range(layout.num_joints) if sums[j]), key=lambda j: (away[j], j))
