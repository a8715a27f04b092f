"""Adaptive graph convolutional backbone (2s-AGCN, arXiv 1805.07694) of the release.

Ten blocks; every convolution over joints mixes by a fixed graph, a learned one
and one that depends on the data. By default time is halved already at block 2 (as
in arXiv 2302.06354's code, which the release of arXiv 2512.16504 follows), unlike
in 2s-AGCN itself.
"""

import functools
import math

from flax import linen as nn
import jax
import jax.numpy as jnp

from skeljax.models import layers, norms, pooling, stack
from skeljax.skeletons import graph, skeleton


class GraphConv(nn.Module):
    """Adaptive graph convolution, normalised, with a residual and ReLU."""

    features: int
    partitions: tuple
    norm: functools.partial
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x, mask, *, train: bool):
        """Convolves float[N, V, T, C], 0 where the mask is false -> float[N, V, T, features]."""
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
            adjacency = fixed[k] + learned[k] + _attention(theta[k], phi[k], mask)
            mixed = layers.mix_joints(x, adjacency.astype(x.dtype))
            value = linear(self.features, kernel_init=branch, name=f'value{k}')
            y, bias = jax.tree.map(jnp.add, (y, bias), value.apart(mixed))
        norm = self.norm(scale_init=nn.initializers.constant(1e-6), name='norm')
        y = norm(y, mask, bias, train=train, zeroed=True)
        if x.shape[-1] != self.features:
            x, bias = linear(self.features, name='down').apart(x)
            x = self.norm(name='down_norm')(x, mask, bias, train=train, zeroed=True)
        return nn.relu(y + x)


def _attention(theta, phi, mask):
    """Relates source to target joints over the valid frames, float32[N, V, V]."""
    inner = theta.shape[-1]
    theta = jnp.where(mask, theta, 0)
    related = jnp.einsum('nvtc,nwtc->nvw', theta, phi, preferred_element_type=jnp.float32)
    frames = jnp.maximum(mask.sum((1, 2, 3), dtype=jnp.float32), 1)
    return jax.nn.softmax(related / (inner * frames[:, None, None]), axis=1)


class Backbone(nn.Module):
    """The encoder.

    Attributes:
        layout: name of the joint layout.
        width: channels that `widths` are multiples of.
        widths: of each block.
        strides: numbers of the blocks that halve time, the first block being 1;
            (5, 8) in 2s-AGCN itself.
        faithful: 'input_norm' leaves out the normalisation of every coordinate of
            every joint: the release has the parameters but not the call.
        dropout: after every temporal convolution; the release has none.
        axis_name: mapped axis that batch statistics are taken over, or None.
        dtype: of the computation; parameters and statistics are float32.
        remat: what blocks keep for the gradient, of `remat.POLICIES`.
    """

    layout: str = 'ntu25'
    width: int = 64
    widths: tuple[int, ...] = stack.WIDTHS
    strides: tuple[int, ...] = (2, 5, 8)
    faithful: tuple[str, ...] = ()
    dropout: float = 0.0
    axis_name: str | None = None
    dtype: jnp.dtype = jnp.float32
    remat: str = 'none'

    @nn.compact
    def __call__(self, x, mask, *, train: bool) -> pooling.Features:
        """Encodes joints float[B, T, M, V, 3] with mask bool[B, T, M]."""
        norm = functools.partial(norms.MaskedBatchNorm, axis_name=self.axis_name)
        partitions = tuple(map(tuple, graph.partitions(skeleton.get(self.layout)).tolist()))
        convolve = functools.partial(GraphConv, partitions=partitions, norm=norm, dtype=self.dtype)
        blocks = [
            stack.Block(
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
        first = None if 'input_norm' in self.faithful else norm(two_pass=True, name='input_norm')
        return stack.encode(
            x.astype(self.dtype), mask, first, blocks, train=train, policy=self.remat
        )
