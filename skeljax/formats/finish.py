"""What is done to the motion of every reader, whatever the format."""

import dataclasses

import numpy as np

from skeljax import skeleton
from skeljax.errors import FormatError
from skeljax.formats import vertical
from skeljax.formats.motion import Motion, without_padding

# Modules of formats that do not tell the vertical: their readers take y for it.
_UPLESS = ('bvh', 'amc', 'trc', 'arrays', 'table')


def finish(path, motion: Motion, module: str, *, up: str | None = None) -> Motion:
    """Returns a motion without bodies that are padding, upright.

    Args:
        path: of the file, for messages.
        motion: as its reader returned it.
        module: of the reader.
        up: axis that points up, where the format does not tell; None guesses it.

    Raises:
        FormatError: nobody is in any frame.
    """
    motion = without_padding(motion)
    if not motion.valid.any():
        raise FormatError(f'{path}: nobody in {len(motion.joints)} frames: all joints are 0')
    return _upright(motion, up) if module in _UPLESS else motion


def _upright(motion: Motion, up: str | None) -> Motion:
    """Turns a motion so that the axis that points up becomes y."""
    notes = motion.notes
    if up is None:
        known = motion.joint_valid
        measured = np.ones(motion.joints.shape[:3], bool) if known is None else known
        layout = skeleton.get(motion.layout)
        up = vertical.guess(motion.joints[motion.valid], measured[motion.valid], layout) or 'y'
        notes = notes if up == 'y' else (*notes, vertical.note(up))
    if up == 'y':
        return motion
    joints = vertical.turn(motion.joints, up).astype(np.float32)
    return dataclasses.replace(motion, joints=joints, notes=notes)
