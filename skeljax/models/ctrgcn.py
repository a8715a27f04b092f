"""Channel-wise topology refinement graph convolutional backbone (CTR-GCN, arXiv 2107.12213).

Every channel mixes the joints by a graph of its own: a learned graph that all channels share, plus
a refinement that depends on the data. Over time, each block has branches of four scales. The
published network normalizes the coordinates of both persons together; this one, as the other
backbones, normalizes those of each person alone.
"""

import functools
import math

from flax import linen as nn
import jax.numpy as jnp

from skeljax.errors import InputError
from skeljax.models import implementation as implementations, layers, norms, pooling, stack
from skeljax.skeletons import graph, skeleton


class GraphConv(nn.Module):
    """Convolution with one graph for each channel, normalization, residual connection and ReLU.

    The parameters `query` and `key` hold the published conv1 and conv2 of the three subsets, one
    subset's channels after the other's; `value0` and `relation0` hold conv3 and conv4 of the first
    subset; `partitions` is indexed [k, target, source], as published.
    """

    features: int
    partitions: tuple
    norm: functools.partial
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x, mask, *, train: bool):
        """Maps float[N, V, T, C] to float[N, V, T, features]."""
        fixed = jnp.array(self.partitions, jnp.float32)
        shared = self.param('partitions', lambda _: fixed)
        alpha = self.param('alpha', nn.initializers.zeros, (), jnp.float32)
        count, channels = len(fixed), x.shape[-1]
        inner = 8 if channels in (3, 9) else max(channels // 8, 1)
        linear = functools.partial(layers.Linear, dtype=self.dtype)
        embed = functools.partial(
            linear, count * inner, kernel_init=nn.initializers.normal(math.sqrt(2 / inner))
        )
        # The mean over time and a matrix product commute; after the mean the product is smaller.
        mean = pooling.masked_mean(x, mask, 2)
        query, key = (embed(name=name)(mean) for name in ('query', 'key'))
        differences = jnp.split(jnp.tanh(query[:, :, None] - key[:, None]), count, axis=-1)
        y = 0
        for k in range(count):
            refined = linear(self.features, name=f'relation{k}')(differences[k])
            of_all = shared[k, ..., None].astype(x.dtype)[None]
            topology = alpha.astype(x.dtype) * refined + of_all
            y = y + mix_joints(linear(self.features, name=f'value{k}')(x), topology)
        y = self.norm(scale_init=nn.initializers.constant(1e-6), name='norm')(y, mask, train=train)
        if channels != self.features:
            x, bias = linear(self.features, name='down').split_bias(x)
            x = self.norm(name='down_norm')(x, mask, bias, train=train, is_masked=True)
        return nn.relu(y + x)


def mix_joints(x, topology):
    """Returns the sum over source joints by a graph for each channel.

    `y[u, c] = sum_v A[u, v, c] x[v, c]`.

    Args:
        x: float[N, V, T, C].
        topology: float[N, V, V, C] (target, source).

    Returns:
        float[N, V, T, C].
    """
    return jnp.einsum('nuvc,nvtc->nutc', topology, x)


class Block(stack.Block):
    """Graph convolution, four temporal branches, residual connection."""

    def temporal_conv(self, x, mask, *, train: bool):
        """Convolves with dilations 1 and 2, pools and copies, each to a quarter of the channels.

        The parameters `reduce` and `reduce_norm` hold the published 1 x 1 convolutions and
        normalizations of the first three branches, `norm` the last normalizations of all four.
        """
        quarter = self.features // 4
        point = lambda count, name: layers.Linear(
            count * quarter,
            kernel_init=nn.initializers.normal(math.sqrt(2 / quarter)),
            dtype=self.dtype,
            name=name,
        )
        reduced = self.norm(name='reduce_norm')(point(3, 'reduce')(x), mask, train=train)
        reduced = implementations.materialize(
            jnp.where(mask, nn.relu(reduced), 0), self.implementation
        )
        *convolved, pooled = jnp.split(reduced, 3, axis=-1)
        branches = [
            layers.TemporalConv(
                quarter, 5, self.stride, dilation, dtype=self.dtype,
                implementation=self.implementation, name=f'dilated{dilation}',
            )(part)
            for dilation, part in enumerate(convolved, 1)
        ]
        subsample = functools.partial(layers.strided_slice, stride=self.stride, axis=2)
        branches += [max_pool(pooled, self.stride), point(1, 'point')(subsample(x))]
        return self.norm(name='norm')(jnp.concatenate(branches, -1), subsample(mask), train=train)


def max_pool(x, stride: int):
    """Returns the maximum over three frames, float[N, V, ceil(T / stride), C].

    x has no negative number, so that zeros at padding and both ends have no effect.
    """
    frames = x.shape[2]
    x = jnp.pad(x, [(0, 0), (0, 0), (1, 1), (0, 0)])
    return functools.reduce(jnp.maximum, (x[:, :, i : i + frames : stride] for i in range(3)))


class Backbone(nn.Module):
    """The channel-wise topology refinement encoder.

    Attributes:
        layout: name of the joint layout.
        base_channels: channels of the first block, a multiple of 4.
        channel_multipliers: channels of each block, as multiples of these.
        down_stages: numbers of the blocks that halve the temporal resolution, the first block
            being 1.
        faithful: ignored; no quirk of a release concerns this backbone.
        dropout: rate after the temporal branches; published without.
        axis_name: mapped axis that batch statistics are computed over, or None.
        dtype: of the computation; parameters and statistics are float32.
        remat: which intermediates of a block are stored, one of `remat.POLICIES`.
        implementation: 'plain' or 'cpu', see `models.implementation`.

    Raises:
        InputError: `base_channels` is no multiple of 4.
    """

    layout: str = 'ntu25'
    base_channels: int = 64
    channel_multipliers: tuple[int, ...] = stack.CHANNEL_MULTIPLIERS
    down_stages: tuple[int, ...] = (5, 8)
    faithful: tuple[str, ...] = ()
    dropout: float = 0.0
    axis_name: str | None = None
    dtype: jnp.dtype = jnp.float32
    remat: str = 'none'
    implementation: str = implementations.field()

    @nn.compact
    def __call__(self, x, mask, *, train: bool) -> pooling.Features:
        """Encodes joints float[B, T, M, V, 3], meters, with mask bool[B, T, M]."""
        if self.base_channels % 4:
            raise InputError(
                f'base_channels of ctrgcn is {self.base_channels}, expected a multiple of 4'
            )
        norm = functools.partial(
            norms.MaskedBatchNorm, axis_name=self.axis_name, implementation=self.implementation
        )
        partitions = tuple(map(tuple, graph.partitions(skeleton.get(self.layout)).tolist()))
        convolve = functools.partial(GraphConv, partitions=partitions, norm=norm, dtype=self.dtype)
        blocks = [
            Block(
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
        return stack.encode(
            x.astype(self.dtype), mask, norm(two_pass=True, name='input_norm'), blocks, train=train,
            policy=self.remat,
        )
