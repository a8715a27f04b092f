"""Adaptive graph convolutional backbone (2s-AGCN, arXiv 1805.07694) of the release.

Ten blocks; every convolution over joints mixes by a fixed graph, a learned one
and one that depends on the data. Unlike 2s-AGCN itself, time is halved already
at block 2 (as in arXiv 2302.06354's code, which the release of arXiv 2512.16504
follows).
"""

import functools
import math

from flax import linen as nn
import jax
import jax.numpy as jnp

from skeljax import graph, skeleton
from skeljax.models import layers

# Width multiple and temporal stride of each block of the release.
BLOCKS = ((1, 1), (1, 2), (1, 1), (1, 1), (2, 2), (2, 1), (2, 1), (4, 2), (4, 1), (4, 1))


class GraphConv(nn.Module):
    """Adaptive graph convolution, normalised, with a residual and ReLU."""

    features: int
    partitions: tuple
    norm: functools.partial
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x, mask, *, train: bool):
        """Convolves float[N, V, T, C] -> float[N, V, T, features]."""
        fixed = jnp.array(self.partitions, jnp.float32)
        learned = self.param('learned', nn.initializers.constant(1e-6), fixed.shape)
        count = len(fixed)
        inner = self.features // 4
        linear = functools.partial(layers.Linear, dtype=self.dtype)
        embed = functools.partial(
            linear, count * inner, kernel_init=nn.initializers.normal(math.sqrt(2 / inner))
        )
        theta, phi = (
            jnp.split(embed(name=name)(x), count, axis=-1) for name in ('theta', 'phi')
        )
        branch = nn.initializers.normal(math.sqrt(2 / (self.features * count)))
        y = 0
        for k in range(count):
            adjacency = fixed[k] + learned[k] + _attention(theta[k], phi[k], mask)
            mixed = layers.mix_joints(x, adjacency.astype(x.dtype))
            y = y + linear(self.features, kernel_init=branch, name=f'value{k}')(mixed)
        y = self.norm(scale_init=nn.initializers.constant(1e-6), name='norm')(y, mask, train=train)
        if x.shape[-1] != self.features:
            x = linear(self.features, name='down')(x)
            x = self.norm(name='down_norm')(x, mask, train=train)
        return nn.relu(y + x)


def _attention(theta, phi, mask):
    """Relates source to target joints over the valid frames, float32[N, V, V]."""
    inner = theta.shape[-1]
    theta = jnp.where(mask, theta, 0)
    related = jnp.einsum('nvtc,nwtc->nvw', theta, phi, preferred_element_type=jnp.float32)
    frames = jnp.maximum(mask.sum((1, 2, 3), dtype=jnp.float32), 1)
    return jax.nn.softmax(related / (inner * frames[:, None, None]), axis=1)


class Block(nn.Module):
    """Graph convolution, temporal convolution, residual."""

    features: int
    stride: int
    residual: bool
    partitions: tuple
    norm: functools.partial
    dropout: float
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x, mask, *, train: bool):
        """Takes float[N, V, T, C] and bool[N, 1, T, 1]; returns both at the new resolution."""
        y = GraphConv(self.features, self.partitions, self.norm, self.dtype, name='graph')(
            x, mask, train=train
        )
        # Padding must be zero where the temporal convolution looks at it.
        y = layers.stored(jnp.where(mask, y, 0))
        y = layers.TemporalConv(
            self.features, stride=self.stride, dtype=self.dtype, name='temporal'
        )(y)
        shorter = mask[:, :, :: self.stride]
        y = self.norm(name='norm')(y, shorter, train=train)
        y = nn.Dropout(self.dropout, deterministic=not train)(y)
        if self.residual:
            x = x[:, :, :: self.stride]
            if self.stride != 1 or x.shape[-1] != self.features:
                x = layers.Linear(self.features, dtype=self.dtype, name='residual')(x)
                x = self.norm(name='residual_norm')(x, shorter, train=train)
            y = y + x
        return layers.stored(jnp.where(shorter, nn.relu(y), 0)), shorter


class Backbone(nn.Module):
    """The encoder.

    Attributes:
        layout: name of the joint layout.
        width: channels that the multiples in `blocks` refer to.
        blocks: width multiple and temporal stride of each block.
        input_norm: normalises every coordinate of every joint first; the release
            has the parameters but leaves the call out.
        dropout: after every temporal convolution; the release has none.
        axis_name: mapped axis that batch statistics are taken over, or None.
        dtype: of the computation; parameters and statistics are float32.
    """

    layout: str = 'ntu25'
    width: int = 64
    blocks: tuple[tuple[int, int], ...] = BLOCKS
    input_norm: bool = True
    dropout: float = 0.0
    axis_name: str | None = None
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x, mask, *, train: bool) -> layers.Features:
        """Encodes joints float[B, T, M, V, 3] with mask bool[B, T, M]."""
        b, t, m, v, c = x.shape
        norm = functools.partial(layers.MaskedBatchNorm, axis_name=self.axis_name)
        partitions = tuple(map(tuple, graph.partitions(skeleton.get(self.layout)).tolist()))
        x = x.transpose(0, 2, 1, 3, 4).reshape(b * m, t, v * c).astype(self.dtype)
        seen = mask.transpose(0, 2, 1).reshape(b * m, t, 1)
        if self.input_norm:
            x = norm(name='input_norm')(x, seen, train=train)
        x = jnp.where(seen, x, 0).reshape(b * m, t, v, c).transpose(0, 2, 1, 3)
        seen, taps, stride = seen[:, None], {}, 1
        for number, (multiple, step) in enumerate(self.blocks, 1):
            x, seen = Block(
                multiple * self.width,
                step,
                number > 1,
                partitions,
                norm,
                self.dropout,
                self.dtype,
                name=f'block{number}',
            )(x, seen, train=train)
            stride *= step
            taps[stride] = _tap(x, seen, m)
        last = x.reshape(b, m, v, *x.shape[2:]).transpose(0, 1, 3, 2, 4)
        return layers.Features(last, taps)


def _tap(x, mask, persons: int):
    """Averages over joints and present persons: float[B, T, C], bool[B, T]."""
    n, _, t, c = x.shape
    mean = x.mean(1).reshape(n // persons, persons, t, c)
    mask = mask.reshape(n // persons, persons, t)
    return layers.masked_mean(mean, mask[..., None], 1), mask.any(1)
