"""What every network is built from; how each is computed is decided only here.

Inside a backbone, activations are float[N, V, T, C] with N = videos x persons: the
mixing of joints is then one batched matrix product and the temporal convolution one
1-D convolution with the joints in its batch, both without a transposition. Where all
samples share their graphs and time leads on CPU (`time_axis`), they are
float[T, V, N, C].
"""

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

from skeljax.models.cpu import convolve, joints

# He et al.'s initialisation by outgoing connections, as in 2s-AGCN.
fan_out = nn.initializers.variance_scaling(2.0, 'fan_out', 'normal')


# How things are computed that can be in two ways, equal up to rounding: 'fast' is the way
# that is fast on CPU, 'plain' the other; None chooses by platform. Read while tracing.
formulation: str | None = None


def fast(x) -> bool:
    """Tells whether x is to be taken the way that is fast on CPU.

    Only in full precision, and where all sizes are numbers: a program with open
    sizes is written for every platform.
    """
    known = all(isinstance(size, int) for size in x.shape)
    wide = x.dtype in (jnp.float32, jnp.float64)
    chosen = formulation or ('fast' if jax.default_backend() == 'cpu' else 'plain')
    return chosen == 'fast' and known and wide


def time_axis(x) -> int:
    """Tells which axis of four is to be time, that of examples being `2 - time_axis`.

    The convolution that is fast on CPU needs time in front: 0, elsewhere 2. Only for
    networks of which no part mixes joints by a graph for each example.
    """
    return 0 if fast(x) else 2


def every(x, stride: int, axis: int):
    """Takes every `stride`-th element along an axis."""
    return lax.slice_in_dim(x, 0, None, stride, axis)


# Frames of persons whose features, between two layers, stay in the cache of one core.
CACHED = 256


def in_pieces(function, joints, mask, cores: int):
    """Applies a function of each example alone; on CPU to few at a time, so that less leaves the cache.

    Args:
        function: of such joints and mask, to float[B, ...].
        joints: float[B, T, M, V, C].
        mask: bool[B, T, M].
        cores: of the processor.
    """
    count = pieces(joints, cores)
    if count == 1:
        return function(joints, mask)
    split = [x.reshape(count, -1, *x.shape[1:]) for x in (joints, mask)]
    y = lax.map(lambda piece: function(*piece), split)
    return y.reshape(-1, *y.shape[2:])


def pieces(joints, cores: int) -> int:
    """Tells in how many equal pieces `in_pieces` takes joints float[B, T, M, V, C]."""
    if not fast(joints):
        return 1
    examples, frames, persons = joints.shape[:3]
    most = max(1, CACHED * cores // (frames * persons))
    return examples // max(n for n in range(1, most + 1) if examples % n == 0)


def stored(x):
    """Marks a result that is worth memory: XLA's CPU would rather compute it anew for each use.

    Holds where the launch scripts tell XLA to heed it, and changes no number.
    """
    return lax.optimization_barrier(x)


class Linear(nn.Module):
    """A matrix product with the last axis.

    Flattened to two axes first: XLA's CPU gradient of a product with more axes
    took up to seven times as long.
    """

    features: int
    kernel_init: nn.initializers.Initializer = fan_out
    dtype: jnp.dtype = jnp.float32

    def __call__(self, x):
        """Maps float[..., C] -> float[..., features]."""
        y, bias = self.apart(x)
        return y + bias.astype(self.dtype)

    @nn.compact
    def apart(self, x):
        """Returns the product and the bias, for a normalisation that adds it: float[features]."""
        kernel = self.param('kernel', self.kernel_init, (x.shape[-1], self.features), jnp.float32)
        bias = self.param('bias', nn.initializers.zeros, (self.features,), jnp.float32)
        flat = x.reshape(-1, x.shape[-1]).astype(self.dtype)
        y = flat @ kernel.astype(self.dtype)
        return y.reshape(*x.shape[:-1], self.features), bias


class Dropout(nn.Module):
    """Zeroes elements at random and scales the others up to the same expectation.

    Drawn for each row by its number on all devices together, so that several devices drop what
    one with the whole batch does. One random byte an element, or a half, a quarter or an eighth
    of one where that will do, as random words are what costs: the rate is rounded to a multiple
    of 1/256, and the scale is that of the rounded one.

    Attributes:
        axis_name: mapped axis that the rows are spread over; None where each device draws as if
            its rows were all.
        rows: axis of the examples or their persons.
    """

    rate: float
    axis_name: str | None = None
    rows: int = 0

    @nn.compact
    def __call__(self, x, *, train: bool):
        """Takes and returns float[...]; draws from the stream `dropout`."""
        dropped = round(self.rate * 256)
        if not train or dropped == 0:
            return x
        if dropped == 256:
            return jnp.zeros_like(x)
        bits = next(n for n in (1, 2, 4, 8) if (dropped << n) % 256 == 0)
        shifts = jnp.arange(0, 32, bits, jnp.uint32)  # of the draws from one word
        shape = x.swapaxes(self.rows, 0).shape
        size = x.size // shape[0]  # of a row
        words = self._words(shape[0], -(-size // len(shifts)))
        drawn = (words[..., None] >> shifts) & (2**bits - 1)
        kept = drawn >= (dropped << bits) // 256
        kept = kept.reshape(shape[0], -1)[:, :size].reshape(shape)
        kept = stored(kept.swapaxes(self.rows, 0))
        return jnp.where(kept, x * (256 / (256 - dropped)), 0)

    def _words(self, rows: int, count: int):
        """Draws uint32[rows, count]."""
        key, number = self.make_rng('dropout'), jnp.arange(rows)
        if self.axis_name is not None and not self.is_initializing():
            number += lax.axis_index(self.axis_name) * rows
        draw = lambda n: jax.random.bits(jax.random.fold_in(key, n), (count,), jnp.uint32)
        return jax.vmap(draw)(number)


class TemporalConv(nn.Module):
    """A convolution over time of each joint, zero beyond both ends.

    Frame i of the result is centred on frame i · stride, so that a padded
    sequence gives what the unpadded one gives, as long as padding is zero.

    Attributes:
        time: axis of it, 2 or 0, where examples are the other one.
    """

    features: int
    kernel: int = 9
    stride: int = 1
    dilation: int = 1
    kernel_init: nn.initializers.Initializer = fan_out
    dtype: jnp.dtype = jnp.float32
    time: int = 2

    def __call__(self, x):
        """Convolves float[N, V, T, C] -> float[N, V, ceil(T / stride), features]."""
        y, bias = self.apart(x)
        return y + bias.astype(self.dtype)

    @nn.compact
    def apart(self, x):
        """Returns the convolution and the bias, for a normalisation that adds it: float[features]."""
        shape = (self.kernel, x.shape[-1], self.features)
        kernel = self.param('kernel', self.kernel_init, shape, jnp.float32)
        bias = self.param('bias', nn.initializers.zeros, (self.features,), jnp.float32)
        axis, others = self.time // 2, x.shape[: self.time] + x.shape[self.time + 1 : 3]
        flat = others[0] * others[1]
        shape = (flat, -1) if axis else (-1, flat)
        y = temporal_conv(
            x.reshape(*shape, x.shape[-1]).astype(self.dtype), kernel.astype(self.dtype),
            self.stride, self.dilation, axis,
        )
        shape = (*others, -1) if axis else (-1, *others)
        return y.reshape(*shape, self.features), bias


def temporal_conv(x, kernel, stride: int, dilation: int = 1, axis: int = 1):
    """Convolves float[N, T, C] by float[K, C, D] (K odd): float[N, ceil(T / stride), D].

    Where an example's frames lie side by side, a stride is taken by folding that many of
    them into the channels: the gradient of a strided convolution is slow on CPU.

    Args:
        axis: of time; 0 for float[T, N, C], float[ceil(T / stride), N, D].
    """
    if stride % dilation == 0:  # the frames in between are never looked at
        x, stride, dilation = every(x, dilation, axis), stride // dilation, 1
    before = len(kernel) // 2 * dilation
    if stride > 1 and axis == 1:
        x, kernel, before = _fold(x, _spread(kernel, dilation), stride)
        stride, dilation = 1, 1
    # Few taps or few channels are not worth the transforms (measured).
    if fast(x) and len(kernel) > 3 and len(kernel) * min(kernel.shape[1:]) >= 144:
        y = convolve.convolve(x.swapaxes(0, axis), kernel, before, stride, dilation)
        return y.swapaxes(0, axis)
    if axis == 0:
        return temporal_conv(x.swapaxes(0, 1), kernel, stride, dilation).swapaxes(0, 1)
    return _direct(x, _spread(kernel, dilation), before)


def _spread(kernel, dilation: int):
    """Makes taps `dilation` frames apart taps of a longer kernel with zeros in between."""
    if dilation == 1:
        return kernel
    _, channels, features = kernel.shape
    kernel = jnp.pad(kernel[:, None], [(0, 0), (0, dilation - 1), (0, 0), (0, 0)])
    return kernel.reshape(-1, channels, features)[: 1 - dilation]


def _fold(x, kernel, stride: int):
    """Makes `stride` frames one with as many times the channels.

    Returns:
        float[N, ceil(T / stride), stride · C], the kernel for it, and how many of these
        frames its first tap lies ahead.
    """
    n, t, channels = x.shape
    taps, _, features = kernel.shape
    x = jnp.pad(x, [(0, 0), (0, -t % stride), (0, 0)]).reshape(n, -1, stride * channels)
    lead = -(taps // 2) % stride  # zero taps, so that the first one falls on a fold's first frame
    kernel = jnp.pad(kernel, [(lead, -(taps + lead) % stride), (0, 0), (0, 0)])
    return x, kernel.reshape(-1, stride * channels, features), (taps // 2 + lead) // stride


def _direct(x, kernel, before: int):
    """Correlates float[N, T, C] with float[K, C, D], the first tap lying `before` frames ahead."""
    taps = len(kernel)
    padding = [(before, taps - 1 - before)]
    convolve = lambda x: lax.conv_general_dilated(
        x, kernel, (1,), padding, dimension_numbers=('NWC', 'WIO', 'NWC')
    )
    missing = taps - x.shape[1]
    if missing <= 0:
        return convolve(x)
    # XLA's CPU takes a kernel longer than its input for the input, 20 times as slow.
    # The barriers keep these zeros from becoming padding, forward and backward.
    x = lax.optimization_barrier(jnp.pad(x, [(0, 0), (0, missing), (0, 0)]))
    return lax.optimization_barrier(convolve(x))[:, :-missing]


def mix_joints(x, adjacency):
    """Sums over source joints: `y[w] = sum_v x[v] A[v, w]`.

    Args:
        x: float[N, V, T, C].
        adjacency: float[N, V, V] (source, target).

    Returns:
        float[N, V, T, C].
    """
    n, v, t, c = x.shape
    return jnp.einsum('nvw,nvx->nwx', adjacency, x.reshape(n, v, t * c)).reshape(x.shape)


def graph_conv(x, adjacency, kernel, edges):
    """Mixes joints by an adjacency that all samples share, a subset of edges after the other.

    Args:
        x: float[N, V, T, C].
        adjacency: float[K, V, V] (subset, source, target), 0 where there is no edge.
        kernel: float[K, C, D].
        edges: where there are edges, K x V x V tuples of numbers.

    Returns:
        float[N, V, T, D], `y[w] = sum_kv A[k, v, w] x[v] W[k]`.
    """
    if fast(x):
        return joints.convolve(x, adjacency, kernel, edges)
    y = 0
    for matrix, weights in zip(adjacency, kernel, strict=True):
        mixed = mix_joints(x, jnp.broadcast_to(matrix, (x.shape[0], *matrix.shape)))
        y = y + (mixed.reshape(-1, x.shape[-1]) @ weights).reshape(*x.shape[:-1], -1)
    return y
