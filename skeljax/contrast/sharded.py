"""Log-sum-exp over negatives without holding all logits: in tiles, and in a ring of devices.

Both replace `info_nce.Negatives` and have its values and gradients. `TiledNegatives` computes the
logits of 1,024 keys at a time. `RingNegatives` moves blocks of keys from device to device (as
Inf-CL, arXiv 2410.17243), so that no device holds the keys of the whole batch; single logits are
not available there.

Queries accumulate a softmax over the keys (`SoftmaxState`), as in FlashAttention (arXiv
2205.14135): a running log-sum-exp, and the sum of the keys under that softmax. This sum is all
that the gradient by the query needs, so no logit is kept and the backward pass computes none again.
"""

import dataclasses
import functools
from typing import NamedTuple

import jax
from jax import lax
import jax.numpy as jnp

from skeljax.contrast.info_nce import MASK_VALUE

TILE = 1024  # largest number of keys, and in the ring of queries, whose logits exist at a time


class TiledNegatives(NamedTuple):
    """`info_nce.Negatives` in tiles of keys.

    Attributes:
        vectors: unit vectors, float[N, D].
        mask: which of them are negatives of which video, bool[B, N]; None for all.
    """

    vectors: jax.Array
    mask: jax.Array | None = None

    def log_sum_exp(self, query, *, temperature: float):
        """Computes float32[B, ...] of unit vectors float[B, ..., D]; see `info_nce.Negatives`."""
        rows = query.reshape(-1, query.shape[-1])
        keys = lax.stop_gradient(self.vectors)
        return log_sum_exp(temperature, rows, keys, self.mask).reshape(query.shape[:-1])


class SoftmaxState(NamedTuple):
    """The softmax of N queries over the keys so far.

    Attributes:
        max: largest logit, float32[N].
        sum_exp: sum of the exponentials of all logits minus `max`, float32[N].
        weighted_sum: sum of the keys, each times its exponential, float32[N, D].
    """

    max: jax.Array
    sum_exp: jax.Array
    weighted_sum: jax.Array


def init(query) -> SoftmaxState:
    """Returns the state of queries float[..., D] before any key."""
    shape = query.shape[:-1]
    return SoftmaxState(
        max=jnp.full(shape, MASK_VALUE, jnp.float32),
        sum_exp=jnp.zeros(shape, jnp.float32),
        weighted_sum=jnp.zeros(query.shape, jnp.float32),
    )


def update(state: SoftmaxState, query, keys, mask=None) -> SoftmaxState:
    """Adds keys to the softmax.

    Args:
        state: of the keys so far.
        query: unit vectors over the temperature, float[N, D].
        keys: unit vectors, float[K, D].
        mask: which keys are negatives of which query, bool[N, K]; None for all.
    """
    logits = jnp.einsum('qd,kd->qk', query, keys, preferred_element_type=jnp.float32)
    if mask is not None:
        logits = jnp.where(mask, logits, MASK_VALUE)
    largest = jnp.maximum(state.max, logits.max(-1))
    weights = jnp.exp(logits - largest[:, None])
    sum_exp = weights.sum(-1)
    if mask is not None:
        weights = jnp.where(mask, weights, 0)  # where all keys are masked, all weights are 1
    rescale = jnp.exp(state.max - largest)
    weighted_sum = jnp.einsum(
        'qk,kd->qd', weights.astype(keys.dtype), keys, preferred_element_type=jnp.float32
    )
    return SoftmaxState(
        max=largest,
        sum_exp=state.sum_exp * rescale + sum_exp,
        weighted_sum=state.weighted_sum * rescale[:, None] + weighted_sum,
    )


def finalize(state: SoftmaxState):
    """Returns the log-sum-exp of all logits, float32[...], and the mean key, float32[..., D].

    The mean key is the gradient of the log-sum-exp by the query over the temperature.
    """
    mean = state.weighted_sum / state.sum_exp[..., None]
    return state.max + jnp.log(state.sum_exp), mean


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def log_sum_exp(temperature: float, query, keys, mask=None):
    """Computes the log-sum-exp of each query's logits in tiles of keys.

    Args:
        temperature: divisor of the cosines.
        query: unit vectors, float[N, D]; gradients flow into them alone.
        keys: unit vectors, float[K, D].
        mask: which keys are negatives of which video, bool[B, K], for N / B adjacent queries
            each; None for all.

    Returns:
        float32[N].
    """
    return _tiled_forward(temperature, query, keys, mask)[0]


def _tiled_forward(temperature, query, keys, mask):
    scaled = query / temperature
    if mask is None and len(keys) % -(-len(keys) // TILE):
        mask = jnp.ones((1, len(keys)), bool)  # the padding of the last tile has to be masked

    def add(state, tile):
        vectors, of_tile = tile
        if of_tile is not None:
            of_tile = jnp.repeat(of_tile.T, len(query) // of_tile.shape[1], axis=0)
        return update(state, scaled, vectors, of_tile), None

    split = _tiles((keys, None if mask is None else mask.T), TILE, fill=0)
    state, _ = lax.scan(add, init(query), split)
    total, mean = finalize(state)
    return total, (mean / temperature).astype(query.dtype)


def _tiled_backward(temperature, mean, cotangent):
    return cotangent[:, None].astype(mean.dtype) * mean, None, None


log_sum_exp.defvjp(_tiled_forward, _tiled_backward)


def _tiles(tree, largest: int, fill):
    """Splits rows into equal tiles, (N, ...) to (tiles, rows, ...), padded by `fill`."""
    rows = len(jax.tree.leaves(tree)[0])
    count = -(-rows // largest)
    missing = count * -(-rows // count) - rows

    def split(x):
        padded = jnp.pad(x, [(0, missing)] + [(0, 0)] * (x.ndim - 1), constant_values=fill)
        return padded.reshape(count, -1, *x.shape[1:])

    return jax.tree.map(split, tree)


class Rows(NamedTuple):
    """Unit vectors with what their mask is computed from.

    A key is a negative of a query if both have the same group and different owners.

    Attributes:
        vectors: float[N, D].
        owner: index of the video in the global batch, int32[N]; -1 for vectors of the queue.
        group: int32[N], 0 or more; -1 for padding.
    """

    vectors: jax.Array
    owner: jax.Array
    group: jax.Array


@dataclasses.dataclass(frozen=True)
class RingNegatives:
    """Keys of all devices, of which each device holds one block at a time.

    Attributes:
        keys: of this device.
        owner: index of each of this device's videos in the global batch, int32[B].
        group: of each of them, int32[B].
        axis_name: mapped axis of the devices.
        queued: unit vectors that are negatives of every video, the same on every device,
            float[Q, D]; None for none.
        tile: number of queries, and of keys, whose logits exist at a time.
    """

    keys: Rows
    owner: jax.Array
    group: jax.Array
    axis_name: str
    queued: jax.Array | None = None
    tile: int = TILE

    def log_sum_exp(self, query, *, temperature: float):
        """Computes float32[B, ...] of unit vectors float[B, ..., D]; see `info_nce.Negatives`.

        It is a collective operation: every device of the axis must call it.
        """
        vectors = query.reshape(-1, query.shape[-1])
        each = len(vectors) // len(self.owner)
        rows = Rows(vectors, jnp.repeat(self.owner, each), jnp.repeat(self.group, each))
        ring = _Ring(self.axis_name, lax.axis_size(self.axis_name), temperature, self.tile)
        total = _ring_log_sum_exp(ring, rows, lax.stop_gradient(self.keys))
        if self.queued is not None:
            group = jnp.zeros(len(self.queued), jnp.int32)
            queued = Rows(lax.stop_gradient(self.queued), group - 1, group)
            rows = rows._replace(group=jnp.zeros_like(rows.group))
            here = _ring_log_sum_exp(ring._replace(num_devices=1), rows, queued)
            total = jnp.logaddexp(total, here)
        return total.reshape(query.shape[:-1])


class _Ring(NamedTuple):
    """Static arguments of the ring."""

    axis_name: str
    num_devices: int  # that each block of keys visits
    temperature: float
    tile: int


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _ring_log_sum_exp(ring: _Ring, query: Rows, keys: Rows):
    """Computes float32[N]; gradients flow into the vectors of the queries alone."""
    return _ring_forward(ring, query, keys)[0]


def _ring_forward(ring, query, keys):
    scaled = query._replace(vectors=query.vectors / ring.temperature)
    rows = _tiles(scaled, ring.tile, fill=-1)
    state = _visit_all(ring, init(rows.vectors), rows, _tiles(keys, ring.tile, fill=-1))
    untiled = lambda x: x.reshape(-1, *x.shape[2:])[: len(query.owner)]
    total, mean = map(untiled, finalize(state))
    return total, (mean / ring.temperature).astype(query.vectors.dtype)


def _ring_backward(ring, mean, cotangent):
    return Rows(cotangent[:, None].astype(mean.dtype) * mean, None, None), None


_ring_log_sum_exp.defvjp(_ring_forward, _ring_backward)


def _visit_all(ring: _Ring, state, rows: Rows, block: Rows):
    """Adds the blocks of keys of all devices to the softmax of this device's queries, in tiles."""

    def visit(state, block):
        def one(pair):
            add = lambda state, tile: (_update(state, pair[1], tile), None)
            return lax.scan(add, pair[0], block)[0]

        return lax.map(one, (state, rows))

    def turn(carry, _):
        state, block = carry
        following = shift(block, ring.axis_name)  # communicates while this block is computed
        return (visit(state, block), following), None

    carry = state, block
    if ring.num_devices > 1:
        carry, _ = lax.scan(turn, carry, None, length=ring.num_devices - 1)
    return visit(*carry)


def _update(state, rows: Rows, keys: Rows):
    owner, group = keys.owner[None], keys.group[None]
    mask = (rows.owner[:, None] != owner) & (rows.group[:, None] == group) & (group >= 0)
    return update(state, rows.vectors, keys.vectors, mask)


def shift(tree, axis_name: str):
    """Returns the arrays of the previous device of the axis; the first receives from the last."""
    count = lax.axis_size(axis_name)
    ring = [(index, (index + 1) % count) for index in range(count)]
    return jax.tree.map(lambda x: lax.ppermute(x, axis_name, ring), tree)
