"""Channel-wise topology refinement graph convolutional backbone (CTR-GCN, arXiv 2107.12213).

Every channel mixes the joints by a graph of its own: a learned one that all
channels share, refined by what the data say. Over time, each block looks at four
scales at once. The published network normalises the coordinates of both persons
together; this one, as the other backbones, normalises those of each alone.
"""

import functools
import math

from flax import linen as nn
import jax.numpy as jnp

from skeljax.errors import InputError
from skeljax.models import layers, norms, pooling, stack
from skeljax.skeletons import graph, skeleton


class GraphConv(nn.Module):
    """Convolution over joints by one graph a channel, normalised, with a residual and ReLU.

    The parameters `query` and `key` hold the published conv1 and conv2 of the three
    subsets, one subset's channels after the other's, `value0` and `relation0` the
    conv3 and conv4 of the first; `partitions` is indexed [k, target, source], as
    published.
    """

    features: int
    partitions: tuple
    norm: functools.partial
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x, mask, *, train: bool):
        """Convolves float[N, V, T, C] -> float[N, V, T, features]."""
        fixed = jnp.array(self.partitions, jnp.float32)
        shared = self.param('partitions', lambda _: fixed)
        alpha = self.param('alpha', nn.initializers.zeros, (), jnp.float32)
        count, channels = len(fixed), x.shape[-1]
        inner = 8 if channels in (3, 9) else max(channels // 8, 1)
        linear = functools.partial(layers.Linear, dtype=self.dtype)
        embed = functools.partial(
            linear, count * inner, kernel_init=nn.initializers.normal(math.sqrt(2 / inner))
        )
        # The mean over time and a matrix product commute: the mean is smaller.
        mean = pooling.masked_mean(x, mask, 2)
        query, key = (embed(name=name)(mean) for name in ('query', 'key'))
        related = jnp.split(jnp.tanh(query[:, :, None] - key[:, None]), count, axis=-1)
        y = 0
        for k in range(count):
            refined = linear(self.features, name=f'relation{k}')(related[k])
            topology = alpha.astype(x.dtype) * refined + shared[k, ..., None].astype(x.dtype)
            y = y + mix_joints(linear(self.features, name=f'value{k}')(x), topology)
        y = self.norm(scale_init=nn.initializers.constant(1e-6), name='norm')(y, mask, train=train)
        if channels != self.features:
            x, bias = linear(self.features, name='down').apart(x)
            x = self.norm(name='down_norm')(x, mask, bias, train=train, zeroed=True)
        return nn.relu(y + x)


def mix_joints(x, topology):
    """Sums over source joints, each channel by its own graph: `y[u, c] = sum_v A[u, v, c] x[v, c]`.

    Args:
        x: float[N, V, T, C].
        topology: float[N, V, V, C] (target, source).

    Returns:
        float[N, V, T, C].
    """
    return jnp.einsum('nuvc,nvtc->nutc', topology, x)


class Block(stack.Block):
    """Graph convolution, four temporal branches, residual."""

    def over_time(self, x, mask, *, train: bool):
        """Convolves with dilations 1 and 2, pools, and passes on; a quarter of the channels each.

        The parameters `reduce` and `reduce_norm` hold the published 1 x 1 convolutions
        and normalisations of the first three branches, `norm` the last ones of all four.
        """
        quarter, shorter = self.features // 4, mask[:, :, :: self.stride]
        point = lambda count, name: layers.Linear(
            count * quarter,
            kernel_init=nn.initializers.normal(math.sqrt(2 / quarter)),
            dtype=self.dtype,
            name=name,
        )
        few = self.norm(name='reduce_norm')(point(3, 'reduce')(x), mask, train=train)
        few = layers.stored(jnp.where(mask, nn.relu(few), 0))
        *convolved, pooled = jnp.split(few, 3, axis=-1)
        branches = [
            layers.TemporalConv(
                quarter, 5, self.stride, dilation, dtype=self.dtype, name=f'dilated{dilation}'
            )(part)
            for dilation, part in enumerate(convolved, 1)
        ]
        branches += [max_pool(pooled, self.stride), point(1, 'point')(x[:, :, :: self.stride])]
        return self.norm(name='norm')(jnp.concatenate(branches, -1), shorter, train=train)


def max_pool(x, stride: int):
    """Takes the maximum of a frame and its neighbours: float[N, V, ceil(T / stride), C].

    As x has no negative number, zeros are as good as nothing at padding and ends.
    """
    frames = x.shape[2]
    x = jnp.pad(x, [(0, 0), (0, 0), (1, 1), (0, 0)])
    return functools.reduce(jnp.maximum, (x[:, :, i : i + frames : stride] for i in range(3)))


class Backbone(nn.Module):
    """The encoder.

    Attributes:
        layout: name of the joint layout.
        width: channels that `widths` are multiples of; a multiple of 4.
        widths: of each block.
        strides: numbers of the blocks that halve time, the first block being 1.
        faithful: none of the quirks concerns this backbone.
        dropout: after the temporal branches; published without.
        axis_name: mapped axis that batch statistics are taken over, or None.
        dtype: of the computation; parameters and statistics are float32.
        remat: what blocks keep for the gradient, of `remat.POLICIES`.

    Raises:
        InputError: the width is no multiple of 4.
    """

    layout: str = 'ntu25'
    width: int = 64
    widths: tuple[int, ...] = stack.WIDTHS
    strides: tuple[int, ...] = (5, 8)
    faithful: tuple[str, ...] = ()
    dropout: float = 0.0
    axis_name: str | None = None
    dtype: jnp.dtype = jnp.float32
    remat: str = 'none'

    @nn.compact
    def __call__(self, x, mask, *, train: bool) -> pooling.Features:
        """Encodes joints float[B, T, M, V, 3] with mask bool[B, T, M]."""
        if self.width % 4:
            raise InputError(f'width of ctrgcn is {self.width}, expected a multiple of 4')
        norm = functools.partial(norms.MaskedBatchNorm, axis_name=self.axis_name)
        partitions = tuple(map(tuple, graph.partitions(skeleton.get(self.layout)).tolist()))
        convolve = functools.partial(GraphConv, partitions=partitions, norm=norm, dtype=self.dtype)
        blocks = [
            Block(
                multiple * self.width,
                2 if number in self.strides else 1,
                number > 1,
                convolve,
                norm,
                self.dropout,
                self.axis_name,
                dtype=self.dtype,
                name=f'block{number}',
            )
            for number, multiple in enumerate(self.widths, 1)
        ]
        return stack.encode(
            x.astype(self.dtype), mask, norm(two_pass=True, name='input_norm'), blocks, train=train,
            policy=self.remat,
        )
