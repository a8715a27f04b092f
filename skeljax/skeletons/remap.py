"""Maps joints between layouts, so that a network for one layout accepts another.

A joint of the target is copied if the source has the same point of the body; otherwise it is
estimated as a weighted sum of joints of the source (`skeljax.skeletons.anatomy.estimates`) and
marked as not measured.
"""

import functools
from typing import NamedTuple

import numpy as np

from skeljax.errors import InputError
from skeljax.skeletons import anatomy, naming, skeleton
from skeljax.skeletons.skeleton import Layout

_ENOUGH = 3  # smallest number of common joints that determine a pose


class Plan(NamedTuple):
    """A map from one layout to another.

    Attributes:
        weights: target joints as sums of source joints; rows sum to 1, float32[W, V].
        source: the joint that is copied, -1 if estimated, int[W].
    """

    weights: np.ndarray
    source: np.ndarray


def remap(joints, source: str, target: str, joint_valid=None) -> tuple[np.ndarray, np.ndarray]:
    """Maps joints from one layout to another.

    Args:
        joints: float32[..., V, 3] in any unit and pose.
        source: their layout, a name or a description.
        target: layout of the result, a name or a description.
        joint_valid: which joints were measured, bool[..., V]; None for all.

    Returns:
        joints float32[..., W, 3], joint_valid bool[..., W]: false for estimated joints and
        copies of joints that were not measured.

    Raises:
        InputError: an unknown layout, or the layouts have too few points in common.
    """
    joints = np.asarray(joints, np.float32)
    if joint_valid is None:
        joint_valid = np.ones(joints.shape[:-1], bool)
    made = plan(source, target)
    measured = np.asarray(joint_valid)[..., made.source] & (made.source >= 0)
    return made.weights @ joints, measured


def estimated(source: str, target: str) -> tuple[str, ...]:
    """Returns the names of the target joints that are estimated from the source."""
    joints, made = skeleton.get(target).joints, plan(source, target)
    return tuple(name for name, copied in zip(joints, made.source, strict=True) if copied < 0)


@functools.lru_cache(maxsize=256)
def plan(source: str, target: str) -> Plan:
    """Returns the map from a source layout to a target layout.

    Raises:
        InputError: an unknown layout, or the layouts have too few points in common.
    """
    have, want = skeleton.get(source), skeleton.get(target)
    if (have.joints, have.parents) == (want.joints, want.parents):  # names may be repeated
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
    """Returns the point of the body of each joint, or its own name if it has no point."""
    pairs = zip(layout.points, layout.joints, strict=True)
    return [point or f'joint {name}' for point, name in pairs]


def _sum(mark: str, marks: dict[str, int], asked: frozenset) -> dict[int, float]:
    """Returns a point as a sum of source joints, joint -> weight; {} if there is no estimate.

    Args:
        mark: the point.
        marks: joint of each point of the source.
        asked: points that are being estimated, which cannot be used.
    """
    if mark in marks:
        return {marks[mark]: 1.0}
    for others in anatomy.estimates(mark):
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
    """Returns the nearest joint in the tree, possibly itself, that has an estimate."""
    away = naming.distances(layout.parents, joint)
    return min((j for j in range(layout.num_joints) if sums[j]), key=lambda j: (away[j], j))
