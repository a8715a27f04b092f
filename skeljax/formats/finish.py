"""Checks and completes the motion that a reader returned, for all formats."""

import dataclasses

import numpy as np

from skeljax.errors import FormatError, InputError
from skeljax.formats import options, vertical, wanted
from skeljax.formats.motion import Motion, without_padding
from skeljax.skeletons import skeleton
from skeljax.skeletons.skeleton import Layout

# Modules of formats that do not state the vertical axis: their readers assume y.
_UPLESS = ('bvh', 'amc', 'trc', 'arrays', 'table')


def finish(path, motion: Motion, module: str, *, up: str | None = None, layout=None) -> Motion:
    """Returns a motion without padded bodies, with y pointing up, of the chosen joints.

    Its layout is a name of `LAYOUTS` or a description, which needs no other package.

    Args:
        path: of the file, for messages.
        motion: what its reader returned.
        module: of the reader.
        up: axis that points up, if the format does not state it; None estimates it.
        layout: chosen by the user, if the reader has no such option (see `wanted.parse`).

    Raises:
        FormatError: no person in any frame; no such layout; not a `Motion`.
    """
    if not isinstance(motion, Motion):
        raise FormatError(f'{path}: the reader {module} returned {motion!r:.40}, expected a Motion')
    try:
        known = skeleton.describe(skeleton.get(motion.layout))
    except InputError as error:
        raise FormatError(f'{path}: {error}') from None
    motion = dataclasses.replace(motion, layout=known)
    if layout is not None:
        motion = _joints(motion, options.layout(path, layout).layout)
    motion = without_padding(motion)
    if not motion.valid.any():
        raise FormatError(f'{path}: no person in {len(motion.joints)} frames: all joints are 0')
    return _upright(motion, up) if module in _UPLESS else motion


def _joints(motion: Motion, requested: Layout) -> Motion:
    """Selects the joints of a layout, by name, from a motion with a skeleton of its own."""
    own = skeleton.get(motion.layout)
    place = {wanted.plain(joint): n for n, joint in reversed(list(enumerate(own.joints)))}
    chosen = [place.get(wanted.plain(joint)) for joint in requested.joints]
    if own == requested:
        return motion
    if None in chosen:
        what = f'{requested.name} needs joints that it does not have'
        return dataclasses.replace(
            motion, notes=(*motion.notes, f'the file has a skeleton of its own: {what}')
        )
    if requested.name == 'named':  # as a list of names, which have the file's tree
        parents = wanted.subtree(own, requested.joints)
        requested = skeleton.infer('named', requested.joints, parents)
    known = motion.joint_valid
    return dataclasses.replace(
        motion,
        joints=motion.joints[:, :, chosen],
        layout=skeleton.describe(requested),
        joint_valid=None if known is None else known[:, :, chosen],
    )


def _upright(motion: Motion, up: str | None) -> Motion:
    """Rotates a motion so that the axis that points up becomes y."""
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
