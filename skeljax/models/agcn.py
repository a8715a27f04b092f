"""Adaptive graph convolutional backbone (2s-AGCN, arXiv 1805.07694).

Ten blocks; every graph convolution mixes joints by the sum of a fixed graph, a learned one and one
that depends on the data. By default the temporal resolution is halved at block 2 already, as in
the code of arXiv 2302.06354 and the release of arXiv 2512.16504, unlike in 2s-AGCN itself.
"""

import functools
import math

from flax import linen as nn
import jax
import jax.numpy as jnp

from skeljax.models import implementation as implementations, layers, norms, pooling, stack
from skeljax.skeletons import graph, skeleton


class GraphConv(nn.Module):
    """Adaptive graph convolution, batch normalization, residual connection and ReLU."""

    features: int
    partitions: tuple
    norm: functools.partial
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x, mask, *, train: bool):
        """Maps float[N, V, T, C], 0 where the mask is false, to float[N, V, T, features]."""
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
        y, bias = 0, 0
        for k in range(count):
            adjacency = (fixed[k] + learned[k])[None] + _attention(theta[k], phi[k], mask)
            mixed = layers.mix_joints(x, adjacency.astype(x.dtype))
            value = linear(self.features, kernel_init=branch, name=f'value{k}')
            y, bias = jax.tree.map(jnp.add, (y, bias), value.split_bias(mixed))
        norm = self.norm(scale_init=nn.initializers.constant(1e-6), name='norm')
        y = norm(y, mask, bias, train=train, is_masked=True)
        if x.shape[-1] != self.features:
            x, bias = linear(self.features, name='down').split_bias(x)
            x = self.norm(name='down_norm')(x, mask, bias, train=train, is_masked=True)
        return nn.relu(y + x)


def _attention(theta, phi, mask):
    """Returns the attention of target to source joints over the valid frames, float32[N, V, V]."""
    inner = theta.shape[-1]
    theta = jnp.where(mask, theta, 0)
    similarity = jnp.einsum('nvtc,nwtc->nvw', theta, phi, preferred_element_type=jnp.float32)
    frames = jnp.maximum(mask.sum((1, 2, 3), dtype=jnp.float32), 1)
    return jax.nn.softmax(similarity / (inner * frames[:, None, None]), axis=1)


class Backbone(nn.Module):
    """The adaptive graph convolutional encoder.

    Attributes:
        layout: name of the joint layout.
        base_channels: channels of the first block.
        channel_multipliers: channels of each block, as multiples of these.
        down_stages: numbers of the blocks that halve the temporal resolution, the first block
            being 1; (5, 8) in 2s-AGCN itself.
        faithful: 'input_norm' omits the normalization of every coordinate of every joint: the
            release has its parameters but does not call it.
        dropout: rate after every temporal convolution; the release has none.
        axis_name: mapped axis that batch statistics are computed over, or None.
        dtype: of the computation; parameters and statistics are float32.
        remat: which intermediates of a block are stored, one of `remat.POLICIES`.
        implementation: 'plain' or 'cpu', see `models.implementation`.
    """

    layout: str = 'ntu25'
    base_channels: int = 64
    channel_multipliers: tuple[int, ...] = stack.CHANNEL_MULTIPLIERS
    down_stages: tuple[int, ...] = (2, 5, 8)
    faithful: tuple[str, ...] = ()
    dropout: float = 0.0
    axis_name: str | None = None
    dtype: jnp.dtype = jnp.float32
    remat: str = 'none'
    implementation: str = implementations.field()

    @nn.compact
    def __call__(self, x, mask, *, train: bool) -> pooling.Features:
        """Encodes joints float[B, T, M, V, 3], meters, with mask bool[B, T, M]."""
        norm = functools.partial(
            norms.MaskedBatchNorm, axis_name=self.axis_name, implementation=self.implementation
        )
        partitions = tuple(map(tuple, graph.partitions(skeleton.get(self.layout)).tolist()))
        convolve = functools.partial(GraphConv, partitions=partitions, norm=norm, dtype=self.dtype)
        blocks = [
            stack.Block(
                multiplier * self.base_channels,
                2 if number in self.down_stages else 1,
                number > 1,
                convolve,
                norm,
                self.dropout,
                self.axis_name,
                dtype=self.dtype,
                implementation=self.implementation,
                name=f'block{number}',
            )
            for number, multiplier in enumerate(self.channel_multipliers, 1)
        ]
        first = None if 'input_norm' in self.faithful else norm(two_pass=True, name='input_norm')
        return stack.encode(
            x.astype(self.dtype), mask, first, blocks, train=train, policy=self.remat
        )
