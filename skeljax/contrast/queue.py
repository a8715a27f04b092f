"""A first-in, first-out queue of unit vectors: the negatives of a contrast."""

import jax
from jax import lax
import jax.numpy as jnp

from skeljax.errors import InputError


def create(rng, size: int, embed: int) -> dict:
    """Fills a queue with random unit vectors, as MoCo does.

    Returns:
        `vectors` float32[N, D] and `pointer` int32[], the slot of the oldest.
    """
    vectors = jax.random.normal(rng, (size, embed))
    vectors = vectors / jnp.linalg.norm(vectors, axis=-1, keepdims=True)
    return {'vectors': vectors, 'pointer': jnp.zeros((), jnp.int32)}


def push(queue: dict, vectors, *, advance: bool = True) -> dict:
    """Replaces the oldest entries by `vectors` float[B, D] of all devices.

    Args:
        queue: as from `create`; its size is a multiple of B (`check_size`).
        vectors: the keys of one global batch, the same on every device.
        advance: False repeats the release's defect: its second queue's pointer
            never moves, so that all but its first B entries stay random.
    """
    size, pointer = queue['vectors'].shape[0], queue['pointer']
    filled = lax.dynamic_update_slice(
        queue['vectors'], vectors.astype(jnp.float32), (pointer, jnp.zeros((), jnp.int32))
    )
    step = vectors.shape[0] if advance else 0
    return {'vectors': filled, 'pointer': (pointer + step) % size}


def check_size(size: int, batch: int):
    """Raises InputError where a queue does not hold whole global batches."""
    if size % batch:
        raise InputError(f'queue of {size} entries is no multiple of the global batch of {batch}')
