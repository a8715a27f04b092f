"""Gives joints that a sensor lost a best guess."""

import numpy as np


def fill(joints: np.ndarray, valid: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Interpolates what was not measured, over time and joint by joint.

    Before its first and after its last measurement a joint stays where it was then. One
    that a person never shows is put in the middle of those that the person does.

    Args:
        joints: metres, float[T, M, V, 3]; the values where not measured do not matter.
        valid: who was seen in which frame, bool[T, M].
        measured: bool[T, M, V].

    Returns:
        Joints, 0 where a person is absent, float32[T, M, V, 3].
    """
    joints = np.where(valid[..., None, None], joints, 0).astype(np.float32)
    lost = valid[..., None] & ~measured
    for person in np.flatnonzero(lost.any((0, 2))):
        known = measured[:, person] & valid[:, person, None]
        own = joints[:, person]  # a view: what is written to it is written to `joints`
        for joint in np.flatnonzero(lost[:, person].any(0)):
            own[:, joint] = _interpolated(own[:, joint], known[:, joint], valid[:, person])
        shown = known.any(0)
        if shown.any():
            own[:, ~shown] = own[:, shown].mean(1, keepdims=True)
    return joints


def _interpolated(path, known, valid):
    """Fills one joint's path, float[T, 3], where its person is seen and it is not known."""
    there, wanted = np.flatnonzero(known), np.flatnonzero(valid & ~known)
    if len(there):
        path[wanted] = np.stack(
            [np.interp(wanted, there, axis) for axis in path[there].T], axis=-1
        )
    return path
