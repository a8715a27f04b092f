"""Negatives that pass round the devices and are nowhere held together.

Each device keeps its queries; blocks of keys go from device to device, and what is kept of
those that were met is a running log-sum-exp. Inside a block, queries and keys meet in tiles,
as in FlashAttention (arXiv 2205.14135) and Inf-CL (arXiv 2410.17243). The backward pass goes
round once more and computes the same tiles again. So memory grows with the number of keys
and not with its square; only what needs no single logit can be made of it.
"""

import dataclasses
import functools
from typing import NamedTuple

import jax
from jax import lax
import jax.numpy as jnp

from skeljax.contrast.loss import NONE
from skeljax.train import parallel

TILE = 1024  # queries, and keys, whose logits are held at a time


class Rows(NamedTuple):
    """Unit vectors and who meets whom: those of one group and of another owner.

    Attributes:
        vectors: float[N, D].
        owner: number of the video in the global batch, int32[N]; -1 for none of them.
        group: int32[N], 0 or more.
    """

    vectors: jax.Array
    owner: jax.Array
    group: jax.Array


@dataclasses.dataclass(frozen=True)
class Ring:
    """What the videos of a batch are contrasted with, in the place of `loss.Negatives`.

    Attributes:
        keys: this device's.
        owner: of each of its videos, int32[B].
        group: of each, int32[B].
        older: unit vectors that every video meets too, the same on every device,
            float[Q, D]; None for none.
        tile: see `TILE`.
    """

    keys: Rows
    owner: jax.Array
    group: jax.Array
    older: jax.Array | None = None
    tile: int = TILE

    def log_sum(self, query, *, temperature: float):
        """Computes the log-sum-exp of each query's negatives, see `loss.Negatives`.

        Every device must call it.

        Args:
            query: unit vectors, float[B, ..., D].
            temperature: that cosines are divided by.

        Returns:
            float32[B, ...].
        """
        vectors = query.reshape(-1, query.shape[-1])
        each = len(vectors) // len(self.owner)
        rows = Rows(vectors, jnp.repeat(self.owner, each), jnp.repeat(self.group, each))
        how = _How(lax.axis_size(parallel.AXIS), temperature, self.tile)
        total = _log_sum(how, rows, lax.stop_gradient(self.keys))
        if self.older is not None:
            none = jnp.zeros(len(self.older), jnp.int32)
            older = Rows(lax.stop_gradient(self.older), none - 1, none)
            rows = rows._replace(group=jnp.zeros_like(rows.group))
            total = jnp.logaddexp(total, _log_sum(how._replace(devices=1), rows, older))
        return total.reshape(query.shape[:-1])


class _How(NamedTuple):
    """What is fixed while compiling."""

    devices: int  # that the keys pass
    temperature: float
    tile: int


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _log_sum(how: _How, query: Rows, keys: Rows):
    """Computes float32[N]; differentiable by the vectors of the queries alone."""
    return _forward(how, query, keys)[0]


def _forward(how, query, keys):
    def add(total, rows, tile):
        most, rest = total
        logits, _ = _logits(how, rows, tile)
        higher = jnp.maximum(most, logits.max(-1))
        rest = rest * jnp.exp(most - higher)
        return higher, rest + jnp.exp(logits - higher[:, None]).sum(-1)

    rows = _tiles(how, query)
    shape = rows.owner.shape
    start = jnp.full(shape, NONE, jnp.float32), jnp.zeros(shape, jnp.float32)
    most, rest = _round(how, add, start, rows, keys)
    total = (most + jnp.log(rest)).reshape(-1)[: len(query.owner)]
    return total, (query, keys, total)


def _backward(how, kept, slope):
    query, keys, total = kept

    def add(gradient, rows, tile):
        logits, counts = _logits(how, rows[0], tile)
        share = jnp.where(counts, jnp.exp(logits - rows[1][:, None]), 0)
        return gradient + share @ tile.vectors.astype(jnp.float32)

    rows = _tiles(how, query), _tiles(how, total)
    start = jnp.zeros(rows[0].vectors.shape, jnp.float32)
    gradient = _round(how, add, start, rows, keys)
    gradient = gradient.reshape(-1, gradient.shape[-1])[: len(slope)]
    gradient = gradient * (slope / how.temperature)[:, None]
    return Rows(gradient.astype(query.vectors.dtype), None, None), None


_log_sum.defvjp(_forward, _backward)


def _round(how, add, total, rows, keys):
    """Adds up `add(total, rows, keys)` over all tiles of rows, here, and of keys, of all devices."""

    def visit(total, block):
        def one(pair):
            return lax.scan(lambda so_far, tile: (add(so_far, pair[1], tile), None), pair[0], block)[0]

        return lax.map(one, (total, rows))

    def turn(carry, _):
        total, block = carry
        following = parallel.pass_on(block)  # while this one is visited
        return (visit(total, block), following), None

    carry = total, _tiles(how, keys)
    if how.devices > 1:
        carry, _ = lax.scan(turn, carry, None, length=how.devices - 1)
    return visit(*carry)


def _logits(how, rows: Rows, keys: Rows):
    """Compares a tile of queries with one of keys: logits, and which of them count."""
    cosine = jnp.einsum(
        'qd,kd->qk', rows.vectors, keys.vectors, preferred_element_type=jnp.float32
    )
    met = (rows.owner[:, None] != keys.owner) & (rows.group[:, None] == keys.group)
    counts = met & (keys.group >= 0)
    return jnp.where(counts, cosine / how.temperature, NONE), counts


def _tiles(how, tree):
    """Splits rows into tiles of one size, (N, ...) to (tiles, rows, ...), filled up by -1."""
    rows = len(jax.tree.leaves(tree)[0])
    count = -(-rows // how.tile)
    size = -(-rows // count)
    missing = count * size - rows

    def split(x):
        filled = jnp.pad(x, [(0, missing)] + [(0, 0)] * (x.ndim - 1), constant_values=-1)
        return filled.reshape(count, size, *x.shape[1:])

    return jax.tree.map(split, tree)
