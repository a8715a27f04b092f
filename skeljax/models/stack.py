"""The stack of blocks that graph convolutional backbones share."""

import functools

from flax import linen as nn
import jax.numpy as jnp

from skeljax.models import implementation as implementations, layers, pooling, remat

# Channels of each block of ST-GCN and its descendants, as multiples of the first block's.
CHANNEL_MULTIPLIERS = (1, 1, 1, 1, 2, 2, 2, 4, 4, 4)


class Block(nn.Module):
    """Graph convolution, temporal convolution and residual connection.

    Attributes:
        features: channels of the result.
        stride: temporal.
        has_residual: whether the input is added.
        graph: makes a module float[N, V, T, C], mask -> float[N, V, T, features].
        norm: makes a batch normalization.
        dropout: rate after the temporal convolution.
        axis_name: mapped axis over which videos are distributed, or None.
        kernel_init: initializer of the temporal convolution and of the residual's product.
        dtype: of the computation.
        time: axis of time, 2 or 0; the other one is that of examples, see `layers.time_axis`.
        implementation: 'plain' or 'cpu'.
    """

    features: int
    stride: int
    has_residual: bool
    graph: functools.partial
    norm: functools.partial
    dropout: float
    axis_name: str | None
    kernel_init: nn.initializers.Initializer = layers.fan_out
    dtype: jnp.dtype = jnp.float32
    time: int = 2
    implementation: str = implementations.field()

    @nn.compact
    def __call__(self, x, mask, *, train: bool):
        """Maps float[N, V, T, C] and bool[N, 1, T, 1] to both at the new temporal resolution."""
        materialize = functools.partial(
            implementations.materialize, implementation=self.implementation
        )
        y = self.graph(self.features, name='graph')(x, mask, train=train)
        # The temporal convolution needs zeros at padding.
        y = materialize(jnp.where(mask, y, 0))
        y = self.temporal_conv(y, mask, train=train)
        new_mask = layers.strided_slice(mask, self.stride, self.time, self.implementation)
        y = layers.Dropout(self.dropout, self.axis_name, 2 - self.time)(y, train=train)
        if self.has_residual:
            y = y + self.residual(x, new_mask, train=train)
        return materialize(jnp.where(new_mask, nn.relu(y), 0)), new_mask

    def temporal_conv(self, x, mask, *, train: bool):
        """Convolves over nine frames and normalizes."""
        convolve = layers.TemporalConv(
            self.features,
            stride=self.stride,
            kernel_init=self.kernel_init,
            dtype=self.dtype,
            time=self.time,
            implementation=self.implementation,
            name='temporal',
        )
        x, bias = convolve.split_bias(x)
        mask = layers.strided_slice(mask, self.stride, self.time, self.implementation)
        return self.norm(name='norm')(x, mask, bias, train=train)

    def residual(self, x, mask, *, train: bool):
        """Maps the input to the result's shape; it has parameters only where the shape differs."""
        x = layers.strided_slice(x, self.stride, self.time, self.implementation)
        if self.stride == 1 and x.shape[-1] == self.features:
            return x
        linear = layers.Linear(self.features, self.kernel_init, self.dtype, name='residual')
        x, bias = linear.split_bias(x)
        return self.norm(name='residual_norm')(x, mask, bias, train=train, is_masked=True)


def receptive_field(down_stages, num_blocks: int, kernel: int = 9) -> dict[int, int]:
    """Returns the receptive field of the taps, if only temporal convolutions relate frames.

    Args:
        down_stages: numbers of the blocks that halve the temporal resolution, the first being 1.
        num_blocks: number of blocks.
        kernel: frames of a temporal convolution, at the resolution of its input.

    Returns:
        Temporal stride of a tap -> frames on either side of a step's center.
    """
    taps, stride, radius = {}, 1, 0
    for number in range(1, num_blocks + 1):
        radius += kernel // 2 * stride
        stride *= 2 if number in down_stages else 1
        taps[stride] = radius
    return taps


def encode(x, mask, norm, blocks, *, train: bool, policy: str = 'none') -> pooling.Features:
    """Applies the blocks and taps the last one of each temporal resolution.

    Args:
        x: float[B, T, M, V, C]; each person is encoded alone.
        mask: bool[B, T, M].
        norm: module that first normalizes every coordinate of every joint, or None.
        blocks: modules with a temporal `stride`, all with the same axis of `time`, as `Block`.
        train: whether batch statistics are those of the batch.
        policy: which intermediates of a block are stored, one of `remat.POLICIES`.
    """
    b, t, m, v, c = x.shape
    x = x.transpose(0, 2, 1, 3, 4).reshape(b * m, t, v * c)
    mask = mask.transpose(0, 2, 1).reshape(b * m, t, 1)
    if norm is not None:
        x = norm(x, mask, train=train)
    x = jnp.where(mask, x, 0).reshape(b * m, t, v, c).transpose(0, 2, 1, 3)
    exchange = lambda y: y.swapaxes(blocks[0].time, 2)
    x, mask, taps, stride = exchange(x), exchange(mask[:, None]), {}, 1
    for block in blocks:
        x, mask = remat.call(policy, block, x, mask, train=train)
        stride *= block.stride
        taps[stride] = pooling.tap(exchange(x), exchange(mask), m)
    x, mask = exchange(x), exchange(mask)
    last = x.reshape(b, m, v, *x.shape[2:]).transpose(0, 1, 3, 2, 4)
    return pooling.Features(last, mask.reshape(b, m, -1), taps)
