"""The softmax of each query over many keys, which are met a tile at a time.

What is kept of the keys that were met is a running log-sum-exp and, beside it, their sum under
the softmax so far, as in FlashAttention (arXiv 2205.14135). That sum is all that the gradient by
the query needs, so no logit outlives its tile and the backward pass computes none again.
"""

import functools
from typing import NamedTuple

import jax
from jax import lax
import jax.numpy as jnp

# In the place of a negative that does not count: its exponential is 0, its product with 0 too.
NONE = -1e9

TILE = 1024  # keys whose logits are held at a time, at most


class Met(NamedTuple):
    """What N queries keep of the keys that they met.

    Attributes:
        most: the greatest logit, float32[N].
        rest: sum of the exponentials of all logits less that one, float32[N].
        pull: sum of the keys that count, each times its exponential, float32[N, D].
    """

    most: jax.Array
    rest: jax.Array
    pull: jax.Array


def nobody(query) -> Met:
    """Starts: the queries, float[..., D], met no key yet."""
    shape = query.shape[:-1]
    most = jnp.full(shape, NONE, jnp.float32)
    return Met(most, jnp.zeros(shape, jnp.float32), jnp.zeros(query.shape, jnp.float32))


def meet(met: Met, query, keys, counts=None) -> Met:
    """Goes on to more keys.

    Args:
        met: so far.
        query: unit vectors over the temperature, float[N, D].
        keys: unit vectors, float[K, D].
        counts: which pairs count, bool[N, K]; None for all.
    """
    logits = jnp.einsum('qd,kd->qk', query, keys, preferred_element_type=jnp.float32)
    if counts is not None:
        logits = jnp.where(counts, logits, NONE)
    most = jnp.maximum(met.most, logits.max(-1))
    share = jnp.exp(logits - most[:, None])
    rest = share.sum(-1)
    if counts is not None:
        share = jnp.where(counts, share, 0)  # where none counts, all shares are 1
    less = jnp.exp(met.most - most)
    pull = jnp.einsum('qk,kd->qd', share.astype(keys.dtype), keys, preferred_element_type=jnp.float32)
    return Met(most, met.rest * less + rest, met.pull * less[:, None] + pull)


def ended(met: Met):
    """Returns the log-sum-exp of all logits, float32[...], and the keys' mean, float32[..., D].

    The mean is the gradient by the query over the temperature.
    """
    return met.most + jnp.log(met.rest), met.pull / met.rest[..., None]


def tiles(tree, largest: int, fill=-1):
    """Splits rows into tiles of one size, (N, ...) to (tiles, rows, ...), filled up by `fill`."""
    rows = len(jax.tree.leaves(tree)[0])
    count = -(-rows // largest)
    missing = count * -(-rows // count) - rows

    def split(x):
        filled = jnp.pad(x, [(0, missing)] + [(0, 0)] * (x.ndim - 1), constant_values=fill)
        return filled.reshape(count, -1, *x.shape[1:])

    return jax.tree.map(split, tree)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def log_sum(temperature: float, query, keys, counts=None):
    """Computes the log-sum-exp of each query's cosines over the temperature.

    Args:
        temperature: that cosines are divided by.
        query: unit vectors, float[N, D]; what it is differentiable by.
        keys: unit vectors, float[K, D].
        counts: which keys each query meets, bool[B, K], for N / B queries next to each
            other; None for all.

    Returns:
        float32[N].
    """
    return _forward(temperature, query, keys, counts)[0]


def _forward(temperature, query, keys, counts):
    scaled = query / temperature
    if counts is None and len(keys) % -(-len(keys) // TILE):
        counts = jnp.ones((1, len(keys)), bool)  # tiles are filled up by some that do not

    def add(met, tile):
        vectors, shown = tile
        if shown is not None:
            shown = jnp.repeat(shown.T, len(query) // shown.shape[1], axis=0)
        return meet(met, scaled, vectors, shown), None

    split = tiles((keys, None if counts is None else counts.T), TILE, fill=0)
    met, _ = lax.scan(add, nobody(query), split)
    total, mean = ended(met)
    return total, (mean / temperature).astype(query.dtype)


def _backward(temperature, mean, slope):
    return slope[:, None].astype(mean.dtype) * mean, None, None


log_sum.defvjp(_forward, _backward)
