"""The layers that the backbones are built from.

Inside a backbone, activations are float[N, V, T, C] with N = videos x persons: mixing joints is
one batched matrix product, and the temporal convolution is a 1-D convolution with the joints in
its batch, both without a transposition. With the CPU form of ST-GCN they are float[T, V, N, C]
(`time_axis`).
"""

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

from skeljax.models import implementation as implementations
from skeljax.models.cpu import graph_conv as cpu_graph_conv, temporal_conv as cpu_temporal_conv

# The initialization of He et al. by outgoing connections, as in 2s-AGCN.
fan_out = nn.initializers.variance_scaling(2.0, 'fan_out', 'normal')


class Linear(nn.Module):
    """A matrix product with the last axis, plus a bias.

    Attributes:
        features: channels of the result.
        kernel_init: initializer of the weights.
        dtype: of the computation; parameters are float32.
    """

    features: int
    kernel_init: nn.initializers.Initializer = fan_out
    dtype: jnp.dtype = jnp.float32

    def __call__(self, x):
        """Maps float[..., C] to float[..., features]."""
        y, bias = self.split_bias(x)
        return y + lax.broadcast_to_rank(bias.astype(self.dtype), y.ndim)

    @nn.compact
    def split_bias(self, x):
        """Returns the product without the bias, and the bias float32[features].

        A batch normalization that follows can add the bias itself, see `MaskedBatchNorm`.
        """
        kernel = self.param('kernel', self.kernel_init, (x.shape[-1], self.features), jnp.float32)
        bias = self.param('bias', nn.initializers.zeros, (self.features,), jnp.float32)
        # On CPU, XLA's gradient of a product with more than two axes takes up to seven times
        # as long.
        flat = x.reshape(-1, x.shape[-1]).astype(self.dtype)
        y = flat @ kernel.astype(self.dtype)
        return y.reshape(*x.shape[:-1], self.features), bias


class Dropout(nn.Module):
    """Sets random elements to zero and scales the others to keep the expectation.

    The draws of a row depend on the row's number among the rows of all devices, so that several
    devices drop the same elements as one device with the whole batch. An element takes 8, 4, 2
    or 1 random bits, as few as the rate permits, because drawing random words is the cost of
    dropout: the rate is rounded to a multiple of 1/256, and the scale is that of the rounded rate.

    Attributes:
        rate: share of the elements that are dropped.
        axis_name: mapped axis over which rows are distributed; None: the rows of a device are all.
        rows: axis of the examples or of their persons.
    """

    rate: float
    axis_name: str | None = None
    rows: int = 0

    @nn.compact
    def __call__(self, x, *, train: bool):
        """Maps float[...] to float[...]; draws from the random stream `dropout`."""
        dropped = round(self.rate * 256)
        if not train or dropped == 0:
            return x
        if dropped == 256:
            return jnp.zeros_like(x)
        bits = next(n for n in (1, 2, 4, 8) if (dropped << n) % 256 == 0)
        shifts = jnp.arange(0, 32, bits, jnp.uint32)  # of the draws in one word
        shape = x.swapaxes(self.rows, 0).shape
        size = x.size // shape[0]  # of a row
        words = self._random_words(shape[0], -(-size // len(shifts)))
        drawn = (words[..., None] >> shifts[None, None]) & (2**bits - 1)
        kept = drawn >= (dropped << bits) // 256
        kept = kept.reshape(shape[0], -1)[:, :size].reshape(shape)
        # Without the barrier a word may be computed again for each of its elements.
        kept = lax.optimization_barrier(kept.swapaxes(self.rows, 0))
        return jnp.where(kept, x * (256 / (256 - dropped)), 0)

    def _random_words(self, rows: int, count: int):
        """Returns uint32[rows, count]."""
        key, number = self.make_rng('dropout'), jnp.arange(rows)
        if self.axis_name is not None and not self.is_initializing():
            number += lax.axis_index(self.axis_name) * rows
        draw = lambda n: jax.random.bits(jax.random.fold_in(key, n), (count,), jnp.uint32)
        return jax.vmap(draw)(number)


class TemporalConv(nn.Module):
    """A convolution over time of each joint, with zeros beyond both ends.

    Frame i of the result is centered on frame i · stride. A padded sequence therefore has the
    result of the unpadded one if its padding is zero.

    Attributes:
        features: channels of the result.
        kernel: frames of the kernel, odd.
        stride: frames between two frames of the result.
        dilation: frames between two taps of the kernel.
        kernel_init: initializer of the weights.
        dtype: of the computation; parameters are float32.
        time: axis of time, 2 or 0; the other one is that of examples.
        implementation: 'plain' or 'cpu'.
    """

    features: int
    kernel: int = 9
    stride: int = 1
    dilation: int = 1
    kernel_init: nn.initializers.Initializer = fan_out
    dtype: jnp.dtype = jnp.float32
    time: int = 2
    implementation: str = implementations.field()

    def __call__(self, x):
        """Maps float[N, V, T, C] to float[N, V, ceil(T / stride), features]."""
        y, bias = self.split_bias(x)
        return y + lax.broadcast_to_rank(bias.astype(self.dtype), y.ndim)

    @nn.compact
    def split_bias(self, x):
        """Returns the convolution without the bias, and the bias float32[features]."""
        shape = (self.kernel, x.shape[-1], self.features)
        kernel = self.param('kernel', self.kernel_init, shape, jnp.float32)
        bias = self.param('bias', nn.initializers.zeros, (self.features,), jnp.float32)
        axis, others = self.time // 2, x.shape[: self.time] + x.shape[self.time + 1 : 3]
        flat = others[0] * others[1]
        y = temporal_conv(
            x.reshape(*((flat, -1) if axis else (-1, flat)), x.shape[-1]).astype(self.dtype),
            kernel.astype(self.dtype),
            self.stride,
            self.dilation,
            axis,
            implementation=self.implementation,
        )
        shape = (*others, -1) if axis else (-1, *others)
        return y.reshape(*shape, self.features), bias


def temporal_conv(
    x, kernel, stride: int = 1, dilation: int = 1, axis: int = 1, *, implementation: str
):
    """Returns the convolution of float[N, T, C] with float[K, C, D], K odd.

    Args:
        x: float[N, T, C], or float[T, N, C] where `axis` is 0.
        kernel: float[K, C, D].
        stride: frames between two frames of the result.
        dilation: frames between two taps of the kernel.
        axis: of time, 0 or 1.
        implementation: 'plain' or 'cpu'.

    Returns:
        float[N, ceil(T / stride), D], or time first where `axis` is 0.
    """
    if implementation == 'cpu':
        return cpu_temporal_conv.temporal_conv(x, kernel, stride, dilation, axis)
    layout = 'NWC' if axis else 'WNC'
    padding = len(kernel) // 2 * dilation
    return lax.conv_general_dilated(
        x, kernel, (stride,), [(padding, padding)], rhs_dilation=(dilation,),
        dimension_numbers=(layout, 'WIO', layout),
    )


def graph_conv(x, adjacency, kernel, edges, *, implementation: str):
    """Mixes joints by an adjacency that all examples share, one matrix for each subset of edges.

    Args:
        x: float[N, V, T, C].
        adjacency: float[K, V, V] (subset, source, target), 0 where there is no edge.
        kernel: float[K, C, D].
        edges: the same as K x V x V tuples of numbers; not 0 where there is an edge.
        implementation: 'plain' or 'cpu'.

    Returns:
        float[N, V, T, D], `y[w] = sum_kv A[k, v, w] x[v] W[k]`.
    """
    if implementations.is_cpu_form(implementation, x):
        return cpu_graph_conv.graph_conv(x, adjacency, kernel, edges)
    y = 0
    for matrix, weights in zip(adjacency, kernel, strict=True):
        mixed = mix_joints(x, jnp.broadcast_to(matrix, (x.shape[0], *matrix.shape)))
        y = y + (mixed.reshape(-1, x.shape[-1]) @ weights).reshape(*x.shape[:-1], -1)
    return y


def mix_joints(x, adjacency):
    """Returns the sum over source joints, `y[w] = sum_v x[v] A[v, w]`.

    Args:
        x: float[N, V, T, C].
        adjacency: float[N, V, V] (source, target).

    Returns:
        float[N, V, T, C].
    """
    n, v, t, c = x.shape
    return jnp.einsum('nvw,nvx->nwx', adjacency, x.reshape(n, v, t * c)).reshape(x.shape)


def strided_slice(x, stride: int, axis: int, implementation: str = 'plain'):
    """Returns the elements 0, stride, 2 stride ... of an axis: ceil(length / stride) of them.

    The plain form is a reshape and an index: XLA's GPU compiler, without its autotuner, fails on
    a `lax.slice` with a stride that it fuses into a matrix product. On CPU the slice is faster.
    """
    if stride == 1:
        return x
    if implementation == 'cpu':
        return lax.slice_in_dim(x, 0, None, stride, axis)
    missing = -x.shape[axis] % stride
    x = jnp.pad(x, [(0, missing if i == axis else 0) for i in range(x.ndim)])
    shape = (*x.shape[:axis], x.shape[axis] // stride, stride, *x.shape[axis + 1 :])
    return lax.index_in_dim(x.reshape(shape), 0, axis + 1, keepdims=False)


def time_axis(x, implementation: str) -> int:
    """Returns the axis of time in a backbone's activations, 2 or 0; examples have the other one.

    The CPU form of the temporal convolution has time first. Only for backbones whose layers
    have no adjacency of their own for each example: `mix_joints` has the examples first.
    """
    return 0 if implementations.is_cpu_form(implementation, x) else 2
