"""A first-in, first-out queue of unit vectors, used as negatives (MoCo, arXiv 1911.05722)."""

import jax
from jax import lax
import jax.numpy as jnp

from skeljax.errors import InputError


def create(rng, size: int, embed_dim: int) -> dict:
    """Returns a queue of random unit vectors, as in MoCo.

    Returns:
        `vectors` float32[N, D] and `pointer` int32[], the index of the oldest.
    """
    vectors = jax.random.normal(rng, (size, embed_dim))
    vectors = vectors / jnp.linalg.norm(vectors, axis=-1, keepdims=True)
    return {'vectors': vectors, 'pointer': jnp.zeros((), jnp.int32)}


def push(queue: dict, vectors, *, advance: bool = True) -> dict:
    """Returns a queue in which `vectors` float[B, D] replace the oldest entries.

    Args:
        queue: as from `create`; its size is a multiple of B (`check_size`).
        vectors: keys of the global batch, the same on every device.
        advance: False repeats a defect of the release: the pointer of its second queue never
            moves, so that all but the first B entries stay random.
    """
    size, pointer = queue['vectors'].shape[0], queue['pointer']
    filled = lax.dynamic_update_slice(
        queue['vectors'], vectors.astype(jnp.float32), (pointer, jnp.zeros((), jnp.int32))
    )
    step = vectors.shape[0] if advance else 0
    return {'vectors': filled, 'pointer': (pointer + step) % size}


def check_size(size: int, batch: int):
    """Raises InputError unless the size is a multiple of the global batch."""
    if size % batch:
        raise InputError(f'queue of {size} entries is no multiple of the global batch of {batch}')
