"""Spatial-temporal graph convolutional backbone (ST-GCN, arXiv 1801.07455).

The defaults are those of contrastive methods since SkeletonCLR and CrosSCLR (arXiv 2104.14466),
also of AimCLR and HiCLR: ten blocks, the first of 16 channels, the last of 256.
"""

import functools

from flax import linen as nn
import jax.numpy as jnp

from skeljax.models import implementation as implementations, layers, norms, pooling, stack
from skeljax.skeletons import graph, skeleton

# The initialization of these methods. After a normalization the scale of weights has no effect
# on results, but the suitable learning rate depends on it.
_small = nn.initializers.normal(0.02)


def _near_one(key, shape, dtype=jnp.float32):
    return 1 + _small(key, shape, dtype)


class GraphConv(nn.Module):
    """Convolution over a joint's three kinds of neighbors, batch normalization and ReLU.

    Every edge has a learned importance. Mixing joints and mixing channels commute; joints are
    mixed first, because the result seldom has fewer channels.
    """

    features: int
    partitions: tuple
    norm: functools.partial
    dtype: jnp.dtype = jnp.float32
    implementation: str = implementations.field()

    @nn.compact
    def __call__(self, x, mask, *, train: bool):
        """Maps float[N, V, T, C], 0 where the mask is false, to float[N, V, T, features].

        Time may be first and N third.
        """
        fixed = jnp.array(self.partitions, jnp.float32)
        importance = self.param('importance', nn.initializers.ones, fixed.shape, jnp.float32)
        adjacency = fixed * importance
        count, channels = len(fixed), x.shape[-1]
        shape = (count, channels, self.features)
        kernel = self.param('kernel', _small, shape, jnp.float32)
        bias = self.param('bias', nn.initializers.zeros, (count, self.features), jnp.float32)
        y = layers.graph_conv(
            x, adjacency.astype(self.dtype), kernel.astype(self.dtype), self.partitions,
            implementation=self.implementation,
        )
        # A subset's bias is added once for each of its edges that ends at the joint.
        bias = jnp.einsum('kvw,kd->wd', adjacency, bias)[:, None]
        return nn.relu(self.norm(name='norm')(y, mask, bias, train=train, is_masked=True))


class Backbone(nn.Module):
    """The graph convolutional encoder.

    Attributes:
        layout: name of the joint layout.
        base_channels: channels of the first block; published as 64, in contrastive methods 16.
        channel_multipliers: channels of each block, as multiples of these.
        out_channels: channels of the last block; 0: by its multiplier.
        down_stages: numbers of the blocks that halve the temporal resolution, the first block
            being 1.
        faithful: 'partition' divides edges as the published code does (`graph.spatial`); its
            weights require it.
        dropout: rate after the temporal convolution of all blocks but the first.
        axis_name: mapped axis that batch statistics are computed over, or None.
        dtype: of the computation; parameters and statistics are float32.
        remat: which intermediates of a block are stored, one of `remat.POLICIES`.
        implementation: 'plain' or 'cpu', see `models.implementation`.
    """

    layout: str = 'ntu25'
    base_channels: int = 16
    channel_multipliers: tuple[int, ...] = stack.CHANNEL_MULTIPLIERS
    out_channels: int = 256
    down_stages: tuple[int, ...] = (5, 8)
    faithful: tuple[str, ...] = ()
    dropout: float = 0.5
    axis_name: str | None = None
    dtype: jnp.dtype = jnp.float32
    remat: str = 'none'
    implementation: str = implementations.field()

    @nn.nowrap
    def receptive_field(self) -> dict[int, int]:
        """Returns temporal stride of a tap -> frames on either side that it depends on."""
        return stack.receptive_field(self.down_stages, len(self.channel_multipliers))

    @nn.compact
    def __call__(self, x, mask, *, train: bool) -> pooling.Features:
        """Encodes joints float[B, T, M, V, 3], meters, with mask bool[B, T, M]."""
        norm = functools.partial(
            norms.MaskedBatchNorm, axis_name=self.axis_name, scale_init=_near_one,
            implementation=self.implementation,
        )
        edges = graph.spatial(skeleton.get(self.layout), faithful='partition' in self.faithful)
        partitions = tuple(map(tuple, edges.tolist()))
        convolve = functools.partial(
            GraphConv, partitions=partitions, norm=norm, dtype=self.dtype,
            implementation=self.implementation,
        )
        channels = [factor * self.base_channels for factor in self.channel_multipliers]
        channels[-1] = self.out_channels or channels[-1]
        blocks = [
            stack.Block(
                features,
                2 if number in self.down_stages else 1,
                number > 1,
                convolve,
                norm,
                self.dropout if number > 1 else 0.0,
                self.axis_name,
                _small,
                self.dtype,
                layers.time_axis(x, self.implementation),
                self.implementation,
                name=f'block{number}',
            )
            for number, features in enumerate(channels, 1)
        ]
        return stack.encode(
            x.astype(self.dtype), mask, norm(two_pass=True, name='input_norm'), blocks, train=train,
            policy=self.remat,
        )
