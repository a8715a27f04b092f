"""What graph convolutional backbones share: a stack of blocks, some of which halve time."""

import functools

from flax import linen as nn
import jax.numpy as jnp

from skeljax.models import layers, pooling, remat

# Width multiple of each block of ST-GCN and its descendants.
WIDTHS = (1, 1, 1, 1, 2, 2, 2, 4, 4, 4)


class Block(nn.Module):
    """Graph convolution, temporal convolution, residual.

    Attributes:
        features: channels of the result.
        stride: temporal.
        residual: adds what came in.
        graph: makes a module float[N, V, T, C], mask -> float[N, V, T, features].
        norm: makes a batch normalisation.
        dropout: after the temporal convolution.
        axis_name: mapped axis that videos are spread over, or None.
        kernel_init: of the temporal convolution and of the residual's.
        dtype: of the computation.
        time: axis of it, 2 or 0, where examples are the other one, see `layers.time_axis`.
    """

    features: int
    stride: int
    residual: bool
    graph: functools.partial
    norm: functools.partial
    dropout: float
    axis_name: str | None
    kernel_init: nn.initializers.Initializer = layers.fan_out
    dtype: jnp.dtype = jnp.float32
    time: int = 2

    @nn.compact
    def __call__(self, x, mask, *, train: bool):
        """Takes float[N, V, T, C] and bool[N, 1, T, 1]; returns both at the new resolution."""
        y = self.graph(self.features, name='graph')(x, mask, train=train)
        # Padding must be zero where the temporal convolution looks at it.
        y = layers.stored(jnp.where(mask, y, 0))
        y = self.over_time(y, mask, train=train)
        shorter = layers.every(mask, self.stride, self.time)
        y = layers.Dropout(self.dropout, self.axis_name, 2 - self.time)(y, train=train)
        if self.residual:
            y = y + self.shortcut(x, shorter, train=train)
        return layers.stored(jnp.where(shorter, nn.relu(y), 0)), shorter

    def over_time(self, x, mask, *, train: bool):
        """Convolves over nine frames and normalises."""
        convolve = layers.TemporalConv(
            self.features,
            stride=self.stride,
            kernel_init=self.kernel_init,
            dtype=self.dtype,
            time=self.time,
            name='temporal',
        )
        x, bias = convolve.apart(x)
        mask = layers.every(mask, self.stride, self.time)
        return self.norm(name='norm')(x, mask, bias, train=train)

    def shortcut(self, x, mask, *, train: bool):
        """Brings what came in to the result's shape; parameters exist where that changes it."""
        x = layers.every(x, self.stride, self.time)
        if self.stride == 1 and x.shape[-1] == self.features:
            return x
        linear = layers.Linear(self.features, self.kernel_init, self.dtype, name='residual')
        x, bias = linear.apart(x)
        return self.norm(name='residual_norm')(x, mask, bias, train=train, zeroed=True)


def reach(blocks_that_halve, count: int, kernel: int = 9) -> dict[int, int]:
    """Tells how far the taps of blocks look, where only their temporal convolutions do.

    Args:
        blocks_that_halve: numbers of these blocks, the first being 1.
        count: of all blocks.
        kernel: frames of a temporal convolution, at the resolution of what comes in.

    Returns:
        Temporal stride of a tap -> frames on either side of a step's centre.
    """
    taps, stride, seen = {}, 1, 0
    for number in range(1, count + 1):
        seen += kernel // 2 * stride
        stride *= 2 if number in blocks_that_halve else 1
        taps[stride] = seen
    return taps


def encode(x, mask, norm, blocks, *, train: bool, policy: str = 'none') -> pooling.Features:
    """Sends joints through blocks and taps the last one of each temporal resolution.

    Args:
        x: float[B, T, M, V, C]; persons are encoded each alone.
        mask: bool[B, T, M].
        norm: module that normalises every coordinate of every joint first, or None.
        blocks: modules with a temporal `stride`, as `Block`, and one axis of `time`.
        train: whether statistics are the batch's.
        policy: what blocks keep for the gradient, of `remat.POLICIES`.
    """
    b, t, m, v, c = x.shape
    x = x.transpose(0, 2, 1, 3, 4).reshape(b * m, t, v * c)
    mask = mask.transpose(0, 2, 1).reshape(b * m, t, 1)
    if norm is not None:
        x = norm(x, mask, train=train)
    x = jnp.where(mask, x, 0).reshape(b * m, t, v, c).transpose(0, 2, 1, 3)
    view = lambda y: y.swapaxes(blocks[0].time, 2)
    x, mask, taps, stride = view(x), view(mask[:, None]), {}, 1
    for block in blocks:
        x, mask = remat.call(policy, block, x, mask, train=train)
        stride *= block.stride
        taps[stride] = pooling.tap(view(x), view(mask), m)
    x, mask = view(x), view(mask)
    last = x.reshape(b, m, v, *x.shape[2:]).transpose(0, 1, 3, 2, 4)
    return pooling.Features(last, mask.reshape(b, m, -1), taps)
