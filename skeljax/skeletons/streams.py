"""Computes the joint, motion and bone streams (2s-AGCN, arXiv 1805.07694)."""

import jax.numpy as jnp
import numpy as np

from skeljax.errors import InputError
from skeljax.skeletons import skeleton

STREAMS = ('joint', 'motion', 'bone')


def check(stream: str, layout: str):
    """Raises InputError if there is no such stream, or the layout has no bones for it."""
    if stream not in STREAMS:
        raise InputError(f'unknown stream {stream!r}, known: {", ".join(STREAMS)}')
    if stream == 'bone' and not skeleton.get(layout).bones:
        raise InputError(f'stream {stream!r}: layout {skeleton.get(layout).name} has no bones')


def derive(joints, mask, stream: str, layout: str):
    """Returns a stream computed from joints.

    Args:
        joints: float[B, T, M, V, 3].
        mask: persons present in each frame, bool[B, T, M].
        stream: 'joint' (unchanged), 'motion' (difference to the next frame; 0 if the person is
            absent in one of the two) or 'bone' (joint minus parent; 0 for the root).
        layout: name of the joint layout.

    Returns:
        float[B, T, M, V, 3].
    """
    if stream == 'motion':
        both = (mask[:, :-1] & mask[:, 1:])[..., None, None]
        moved = jnp.where(both, joints[:, 1:] - joints[:, :-1], 0)
        return jnp.pad(moved, [(0, 0), (0, 1), (0, 0), (0, 0), (0, 0)])
    if stream == 'bone':
        parents = np.array(skeleton.get(layout).parents)
        own = np.arange(len(parents))
        return joints - joints[..., np.where(parents < 0, own, parents), :]
    return joints
