"""Streams of a skeleton: joints, their motion, the bones between them (2s-AGCN, arXiv 1805.07694)."""

import jax.numpy as jnp
import numpy as np

from skeljax.errors import InputError
from skeljax.skeletons import skeleton

STREAMS = ('joint', 'motion', 'bone')


def check(stream: str, layout: str):
    """Raises InputError where there is no such stream, or a layout has no bones for it."""
    if stream not in STREAMS:
        raise InputError(f'unknown stream {stream!r}, known: {", ".join(STREAMS)}')
    if stream == 'bone' and not skeleton.get(layout).bones:
        raise InputError(f'stream {stream!r}: layout {skeleton.get(layout).name} has no bones')


def derive(joints, mask, stream: str, layout: str):
    """Makes a stream of joints.

    Args:
        joints: float[B, T, M, V, 3].
        mask: who is there in which frame, bool[B, T, M].
        stream: 'joint' (as they are), 'motion' (the way to the next frame; 0 where
            either frame does not show the person) or 'bone' (joint minus parent; 0 for
            the root).
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
