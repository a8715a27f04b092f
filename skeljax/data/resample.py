"""Another frame rate for a motion."""

import dataclasses

import numpy as np

from skeljax.formats.motion import Motion


def resample(motion: Motion, fps: float) -> Motion:
    """Brings a motion to a frame rate; frame i shows what was at i / fps seconds.

    Joints go in a straight line between the two frames around; where a person is in
    only one of them, they are as there. Who was there, and what was measured, is as in
    the nearest frame. Nothing is smoothed beforehand: people move slowly against the
    frame rates of this field.

    Args:
        motion: at any frame rate.
        fps: frames a second.

    Returns:
        The motion itself where that is its rate already.
    """
    if motion.fps == fps:
        return motion
    length = len(motion.joints)
    count = max(1, round(length * fps / motion.fps))
    place = np.minimum(np.arange(count) * (motion.fps / fps), length - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, length - 1)
    near = np.floor(place + 0.5).astype(int)
    both = (motion.valid[low] & motion.valid[high])[..., None, None]
    share = (place - low).astype(np.float32)[:, None, None, None]
    between = motion.joints[low] + share * (motion.joints[high] - motion.joints[low])
    measured = motion.joint_valid
    return dataclasses.replace(
        motion,
        joints=np.where(both, between, motion.joints[near]),
        fps=fps,
        valid=motion.valid[near],
        joint_valid=None if measured is None else measured[near],
    )
