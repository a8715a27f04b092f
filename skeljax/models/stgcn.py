"""Spatial-temporal graph convolutional backbone (ST-GCN, arXiv 1801.07455).

As contrastive methods use it since SkeletonCLR and CrosSCLR (arXiv 2104.14747), also AimCLR
and HiCLR: ten blocks of width 16, the last one of 256 channels.
"""

import functools

from flax import linen as nn
import jax.numpy as jnp

from skeljax.models import layers, norms, pooling, stack
from skeljax.skeletons import graph, skeleton

# Their initialisation. Normalisation hides the scale of weights, but not the learning
# rate that it asks for.
_small = nn.initializers.normal(0.02)


def _near_one(key, shape, dtype=jnp.float32):
    return 1 + _small(key, shape, dtype)


class GraphConv(nn.Module):
    """Convolution over a joint's three kinds of neighbours, normalised, and ReLU.

    Every edge has a learned importance. Mixing joints and mixing channels commute;
    joints come first, as there are hardly ever fewer channels afterwards.
    """

    features: int
    partitions: tuple
    norm: functools.partial
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x, mask, *, train: bool):
        """Convolves float[N, V, T, C], or time first and N third, 0 where the mask is false."""
        fixed = jnp.array(self.partitions, jnp.float32)
        importance = self.param('importance', nn.initializers.ones, fixed.shape, jnp.float32)
        adjacency = fixed * importance
        count, channels = len(fixed), x.shape[-1]
        shape = (count, channels, self.features)
        kernel = self.param('kernel', _small, shape, jnp.float32)
        bias = self.param('bias', nn.initializers.zeros, (count, self.features), jnp.float32)
        y = layers.graph_conv(
            x, adjacency.astype(self.dtype), kernel.astype(self.dtype), self.partitions
        )
        # Each joint adds a subset's bias as often as the subset's edges end there.
        bias = jnp.einsum('kvw,kd->wd', adjacency, bias)[:, None]
        return nn.relu(self.norm(name='norm')(y, mask, bias, train=train, zeroed=True))


class Backbone(nn.Module):
    """The encoder.

    Attributes:
        layout: name of the joint layout.
        width: channels that `widths` are multiples of.
        widths: of each block.
        features: channels of the last block; 0 for those of its multiple.
        strides: numbers of the blocks that halve time, the first block being 1.
        faithful: 'partition' repeats how the published code divides edges
            (`graph.spatial`); its weights need it.
        dropout: after the temporal convolution of all blocks but the first.
        axis_name: mapped axis that batch statistics are taken over, or None.
        dtype: of the computation; parameters and statistics are float32.
        remat: what blocks keep for the gradient, of `remat.POLICIES`.
    """

    layout: str = 'ntu25'
    width: int = 64
    widths: tuple[int, ...] = stack.WIDTHS
    features: int = 0
    strides: tuple[int, ...] = (5, 8)
    faithful: tuple[str, ...] = ()
    dropout: float = 0.5
    axis_name: str | None = None
    dtype: jnp.dtype = jnp.float32
    remat: str = 'none'

    @nn.nowrap
    def reach(self) -> dict[int, int]:
        """Tells how far the taps look, see `stack.reach`; other backbones look at everything."""
        return stack.reach(self.strides, len(self.widths))

    @nn.compact
    def __call__(self, x, mask, *, train: bool) -> pooling.Features:
        """Encodes joints float[B, T, M, V, 3] with mask bool[B, T, M]."""
        norm = functools.partial(
            norms.MaskedBatchNorm, axis_name=self.axis_name, scale_init=_near_one
        )
        edges = graph.spatial(skeleton.get(self.layout), faithful='partition' in self.faithful)
        partitions = tuple(map(tuple, edges.tolist()))
        convolve = functools.partial(GraphConv, partitions=partitions, norm=norm, dtype=self.dtype)
        features = [multiple * self.width for multiple in self.widths]
        features[-1] = self.features or features[-1]
        blocks = [
            stack.Block(
                channels,
                2 if number in self.strides else 1,
                number > 1,
                convolve,
                norm,
                self.dropout if number > 1 else 0.0,
                self.axis_name,
                _small,
                self.dtype,
                layers.time_axis(x),
                name=f'block{number}',
            )
            for number, channels in enumerate(features, 1)
        ]
        return stack.encode(
            x.astype(self.dtype), mask, norm(two_pass=True, name='input_norm'), blocks, train=train,
            policy=self.remat,
        )
