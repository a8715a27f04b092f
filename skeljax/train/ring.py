"""Negatives that pass round the devices and are nowhere held together.

Each device keeps its queries; blocks of keys go from device to device, and what is kept of
those that were met is a running softmax (`contrast.softmax`). Inside a block, queries and keys
meet in tiles, as in FlashAttention (arXiv 2205.14135) and Inf-CL (arXiv 2410.17243). So memory
grows with the number of keys and not with its square; only what needs no single logit can be
made of it.
"""

import dataclasses
import functools
from typing import NamedTuple

import jax
from jax import lax
import jax.numpy as jnp

from skeljax.contrast import softmax
from skeljax.train import parallel


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
        tile: queries, and keys, whose logits are held at a time.
    """

    keys: Rows
    owner: jax.Array
    group: jax.Array
    older: jax.Array | None = None
    tile: int = softmax.TILE

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
    rows = _tiles(how, query._replace(vectors=query.vectors / how.temperature))
    met = _round(how, softmax.nobody(rows.vectors), rows, keys)
    untiled = lambda x: x.reshape(-1, *x.shape[2:])[: len(query.owner)]
    total, mean = map(untiled, softmax.ended(met))
    return total, (mean / how.temperature).astype(query.vectors.dtype)


def _backward(how, mean, slope):
    return Rows(slope[:, None].astype(mean.dtype) * mean, None, None), None


_log_sum.defvjp(_forward, _backward)


def _round(how, met, rows, keys):
    """Lets all tiles of rows, here, meet those of the keys of all devices."""

    def visit(met, block):
        def one(pair):
            add = lambda met, tile: (_meet(met, pair[1], tile), None)
            return lax.scan(add, pair[0], block)[0]

        return lax.map(one, (met, rows))

    def turn(carry, _):
        met, block = carry
        following = parallel.pass_on(block)  # while this one is visited
        return (visit(met, block), following), None

    carry = met, _tiles(how, keys)
    if how.devices > 1:
        carry, _ = lax.scan(turn, carry, None, length=how.devices - 1)
    return visit(*carry)


def _meet(met, rows: Rows, keys: Rows):
    counts = (rows.owner[:, None] != keys.owner) & (rows.group[:, None] == keys.group)
    return softmax.meet(met, rows.vectors, keys.vectors, counts & (keys.group >= 0))


def _tiles(how, rows: Rows) -> Rows:
    """Splits rows, (N, ...) to (tiles, rows, ...), the last filled up by some of no group."""
    return softmax.tiles(rows, how.tile)
