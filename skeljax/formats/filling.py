"""Builds a motion of joints of which some were not measured."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats.motion import Motion, bodies
from skeljax.skeletons import skeleton

_LIMIT = 1e6  # meters, or pixels; beyond it float32 loses the joints of a body


def fill(joints: np.ndarray, measured: np.ndarray, parents: Sequence[int] = ()) -> np.ndarray:
    """Estimates the positions of one person's joints where they were not measured.

    A joint goes in a straight line from where it was measured last to where it is
    measured next, and rests before the first time and after the last. One that was
    never measured goes with the nearest along the tree (its parent before its
    children) that was; without a tree, with the middle of all that were.

    Args:
        joints: float[T, V, 3]; anything where not measured.
        measured: bool[T, V].
        parents: of each joint, -1 for the root.

    Returns:
        float[T, V, 3]; zeros where nothing was measured at all.
    """
    filled = np.where(measured[..., None], joints, 0)
    times = np.arange(len(joints))
    for joint in np.flatnonzero(measured.any(0) & ~measured.all(0)):
        seen = measured[:, joint]
        for axis in range(joints.shape[-1]):
            values = joints[seen, joint, axis]
            filled[~seen, joint, axis] = np.interp(times[~seen], times[seen], values)
    known = measured.any(0)
    if known.any():
        middle = filled[:, known].mean(1)
        for joint in np.flatnonzero(~known):
            near = _nearest(joint, known, parents)
            filled[:, joint] = middle if near is None else filled[:, near]
    return filled


def motion(
    path,
    joints: np.ndarray,
    measured: np.ndarray,
    *,
    fps: float,
    layout: str,
    valid: np.ndarray | None = None,
    subject: str = '',
    notes: tuple[str, ...] = (),
) -> Motion:
    """Returns a motion, and fills in what was not measured while a person was there.

    Each stay of a person is filled from itself: who leaves and comes back may be
    another. A body whose joints are all exactly 0 was not measured.

    Args:
        path: the file it comes from.
        joints: float[T, M, V, 3], meters; anything where not measured.
        measured: bool[T, M, V].
        fps: frames per second.
        layout: as text.
        valid: which person was there, bool[T, M]; by default whoever had a joint
            measured.
        subject: who moved.
        notes: what was estimated or left out, one line each.

    Raises:
        FormatError: a measured coordinate is not finite or beyond reason, or
            no person who was there was ever measured.
    """
    measured = measured & bodies(joints)[..., None]
    if not measured.any():
        raise FormatError(f'{path}: no joint was measured in {len(joints)} frames')
    with np.errstate(invalid='ignore'):
        wrong = measured & ~(np.abs(joints) < _LIMIT).all(-1)
    if wrong.any():
        frame, person, joint = np.argwhere(wrong)[0]
        found = ', '.join(f'{value:g}' for value in joints[frame, person, joint])
        raise FormatError(
            f'{path}: frame {frame}: joint {joint} is at ({found}), expected meters'
        )
    present = measured.any(2) if valid is None else valid & measured.any((0, 2))
    for person, stay in _stays(present):
        present[stay, person] &= measured[stay, person].any()
    if not present.any():
        raise FormatError(f'{path}: no person with a measured joint is present')
    filled = fill_stays(joints, measured, present, skeleton.get(layout).parents)
    known = measured & present[..., None]
    return Motion(
        joints=filled,
        fps=fps,
        layout=layout,
        valid=present,
        source=Path(path).name,
        subject=subject,
        joint_valid=None if known[present].all() else known,
        notes=notes,
    )


def fill_stays(
    joints: np.ndarray, measured: np.ndarray, present: np.ndarray, parents: Sequence[int]
) -> np.ndarray:
    """Fills in each stay of each person from itself; see `fill`.

    Args:
        joints: float[T, M, V, 3]; anything where not measured.
        measured: bool[T, M, V].
        present: which person was there, bool[T, M].
        parents: of each joint, -1 for the root.

    Returns:
        float32[T, M, V, 3]; zeros of who is not there.
    """
    filled = np.zeros(joints.shape, np.float32)
    for person, stay in _stays(present):
        filled[stay, person] = fill(joints[stay, person], measured[stay, person], parents)
    return filled


def _stays(present: np.ndarray) -> list[tuple[int, slice]]:
    """Returns the runs of True in bool[T, M], as (person, frames)."""
    found = []
    for person, there in enumerate(present.T):
        edges = np.flatnonzero(np.diff(there.astype(np.int8), prepend=0, append=0))
        found += [(person, slice(*run)) for run in edges.reshape(-1, 2).tolist()]
    return found


def _nearest(joint: int, known: np.ndarray, parents: Sequence[int]) -> int | None:
    """Returns the nearest known joint along the tree, parents before children."""
    waiting, seen = [joint], {joint}
    for at in waiting:
        if at < len(parents) and known[at]:
            return at
        beside = [parents[at]] if at < len(parents) and parents[at] >= 0 else []
        beside += [child for child, parent in enumerate(parents) if parent == at]
        waiting += [other for other in beside if other not in seen]
        seen.update(beside)
    return None
