"""What every network is built from; how each is computed is decided only here.

Inside a backbone, activations are float[N, V, T, C] with N = videos x persons:
the mixing of joints is then one batched matrix product and the temporal
convolution one 1-D convolution with the joints in its batch, both without a
transposition (measured on CPU against time-leading and channel-first layouts).
"""

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

from skeljax.models import convolve, joints

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


class MaskedBatchNorm(nn.Module):
    """Batch normalisation by the statistics of valid positions alone.

    Averaging the per-device means would weigh devices with few valid frames too
    much; sums and counts are added up over `axis_name` instead, so that several
    devices equal one with the whole batch. Running variance is the biased one.

    Attributes:
        axis_name: mapped axis to add up over, or None.
        momentum: share of the running statistics that is kept.
        two_pass: takes the variance about the mean, once that is known, and not as the mean
            square less the squared mean, which loses it in float32 where values lie far from
            0 for how far they are apart: the coordinates of joints. One more all-reduce.
        scale_init: of the scale.
    """

    axis_name: str | None = None
    momentum: float = 0.9
    epsilon: float = 1e-5
    two_pass: bool = False
    scale_init: nn.initializers.Initializer = nn.initializers.ones

    @nn.compact
    def __call__(self, x, mask, *, train: bool):
        """Normalises float[..., C] where `mask` bool[..., 1] is true; all of x comes out scaled."""
        channels = x.shape[-1]
        mean = self.variable('batch_stats', 'mean', jnp.zeros, channels, jnp.float32)
        variance = self.variable('batch_stats', 'variance', jnp.ones, channels, jnp.float32)
        scale = self.param('scale', self.scale_init, (channels,), jnp.float32)
        bias = self.param('bias', nn.initializers.zeros, (channels,), jnp.float32)
        centre, spread = mean.value, variance.value
        if train:
            centre, spread, count = self._statistics(x, mask)
            if not self.is_initializing():
                # No valid frame anywhere says nothing about the data.
                keep = jnp.where(count > 0, self.momentum, 1.0)
                mean.value = keep * mean.value + (1 - keep) * centre
                variance.value = keep * variance.value + (1 - keep) * spread
        slope = scale * lax.rsqrt(spread + self.epsilon)
        offset = bias - centre * slope
        return x * slope.astype(x.dtype) + offset.astype(x.dtype)

    def _statistics(self, x, mask):
        """Adds up valid positions; returns mean, biased variance and count, float32."""
        axes = tuple(range(x.ndim - 1))
        wide = jnp.where(mask, x, 0).astype(jnp.float32)
        repeats = x.size // x.shape[-1] // mask.size  # of the mask along joints
        sums = wide.sum(axes), mask.sum(dtype=jnp.float32) * repeats
        if self.two_pass:
            total, count = self._added(sums)
            centre = total / jnp.maximum(count, 1)
            # No gradient reaches the variance by way of the mean: there it is least.
            apart = jnp.where(mask, wide - lax.stop_gradient(centre), 0)
            spread = self._added((apart * apart).sum(axes)) / jnp.maximum(count, 1)
            return centre, spread, count
        (total, count), squares = self._added((sums, (wide * wide).sum(axes)))
        centre = total / jnp.maximum(count, 1)
        spread = jnp.maximum(squares / jnp.maximum(count, 1) - centre**2, 0)
        return centre, spread, count

    def _added(self, sums):
        """Adds up over the devices, where there are several."""
        if self.axis_name is None or self.is_initializing():
            return sums
        return lax.psum(sums, self.axis_name)


class Linear(nn.Module):
    """A matrix product with the last axis.

    Flattened to two axes first: XLA's CPU gradient of a product with more axes
    took up to seven times as long.
    """

    features: int
    kernel_init: nn.initializers.Initializer = fan_out
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x):
        """Maps float[..., C] -> float[..., features]."""
        kernel = self.param('kernel', self.kernel_init, (x.shape[-1], self.features), jnp.float32)
        bias = self.param('bias', nn.initializers.zeros, (self.features,), jnp.float32)
        flat = x.reshape(-1, x.shape[-1]).astype(self.dtype)
        y = flat @ kernel.astype(self.dtype) + bias.astype(self.dtype)
        return y.reshape(*x.shape[:-1], self.features)


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
        shape = jnp.moveaxis(x, self.rows, 0).shape
        size = x.size // shape[0]  # of a row
        words = self._words(shape[0], -(-size // len(shifts)))
        drawn = (words[..., None] >> shifts) & (2**bits - 1)
        kept = drawn >= (dropped << bits) // 256
        kept = kept.reshape(shape[0], -1)[:, :size].reshape(shape)
        kept = stored(jnp.moveaxis(kept, 0, self.rows))
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
    """

    features: int
    kernel: int = 9
    stride: int = 1
    dilation: int = 1
    kernel_init: nn.initializers.Initializer = fan_out
    dtype: jnp.dtype = jnp.float32

    @nn.compact
    def __call__(self, x):
        """Convolves float[N, V, T, C] -> float[N, V, ceil(T / stride), features]."""
        n, v, t, c = x.shape
        shape = (self.kernel, c, self.features)
        kernel = self.param('kernel', self.kernel_init, shape, jnp.float32)
        bias = self.param('bias', nn.initializers.zeros, (self.features,), jnp.float32)
        x, kernel = x.reshape(n * v, t, c).astype(self.dtype), kernel.astype(self.dtype)
        y = temporal_conv(x, kernel, self.stride, self.dilation)
        return y.reshape(n, v, *y.shape[1:]) + bias.astype(self.dtype)


def temporal_conv(x, kernel, stride: int, dilation: int = 1):
    """Convolves float[N, T, C] by float[K, C, D] (K odd): float[N, ceil(T / stride), D].

    A stride is taken by folding that many frames into the channels: the gradient
    of a strided convolution is slow on CPU.
    """
    if stride % dilation == 0:  # the frames in between are never looked at
        x, stride, dilation = x[:, ::dilation], stride // dilation, 1
    if stride > 1:
        x, kernel, before = _fold(x, _spread(kernel, dilation), stride)
        dilation = 1
    else:
        before = len(kernel) // 2 * dilation
    # Few taps or few channels are not worth the transforms (measured).
    if fast(x) and len(kernel) > 3 and len(kernel) * min(kernel.shape[1:]) >= 144:
        return convolve.convolve(x, kernel, before, dilation)
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
