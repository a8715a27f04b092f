"""Batch normalisation by valid positions alone, over all devices together.

Averaging the per-device means would weigh devices with few valid frames too much; sums and
counts are added up instead, so that several devices equal one with the whole batch.
"""

import functools

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

from skeljax.models import layers


class MaskedBatchNorm(nn.Module):
    """Batch normalisation; the running variance is the biased one.

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
    def __call__(self, x, mask, shift=None, *, train: bool, zeroed: bool = False):
        """Normalises x + shift by where `mask` is true; all of it comes out scaled.

        Args:
            x: float[..., C].
            mask: bool[..., 1], each axis as long as that of x or 1.
            shift: a bias that was not added yet, which takes a pass over memory: float[..., C] of
                as many axes as x or less, each as long or 1; None for 0.
            train: whether statistics are those of the batch.
            zeroed: whether x is known to be 0 where the mask is false, which spares a pass too.
        """
        channels = x.shape[-1]
        mean = self.variable('batch_stats', 'mean', jnp.zeros, channels, jnp.float32)
        variance = self.variable('batch_stats', 'variance', jnp.ones, channels, jnp.float32)
        scale = self.param('scale', self.scale_init, (channels,), jnp.float32)
        bias = self.param('bias', nn.initializers.zeros, (channels,), jnp.float32)
        shift = jnp.zeros(channels, jnp.float32) if shift is None else shift.astype(jnp.float32)
        if not train:
            return _scaled(x, shift, scale, bias, mean.value, variance.value, self.epsilon)
        axis_name = None if self.is_initializing() else self.axis_name
        how = self.epsilon, self.two_pass, zeroed, axis_name
        y, (centre, spread, count) = _normalise(x, mask, shift, scale, bias, how)
        if not self.is_initializing():
            # No valid frame anywhere says nothing about the data.
            keep = jnp.where(count > 0, self.momentum, 1.0)
            mean.value = keep * mean.value + (1 - keep) * centre
            variance.value = keep * variance.value + (1 - keep) * spread
        return y


def _scaled(x, shift, scale, bias, centre, spread, epsilon: float):
    slope = scale * lax.rsqrt(spread + epsilon)
    offset = bias + (shift - centre) * slope
    return x * slope.astype(x.dtype) + offset.astype(x.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(5,))
def _normalise(x, mask, shift, scale, bias, how):
    """Normalises x + shift by its own statistics.

    The gradient is written out: it needs x and some sums, where what JAX derives keeps
    x + shift too and passes over it once more for the gradient of the shift.

    Returns:
        float[..., C], and mean, biased variance and count of the valid positions of all
        devices, float32[C] and float32[], through which no gradient goes.
    """
    return _forward(x, mask, shift, scale, bias, how)[0]


def _forward(x, mask, shift, scale, bias, how):
    epsilon, two_pass, zeroed, axis_name = how
    wide = (x if zeroed else jnp.where(mask, x, 0)).astype(jnp.float32)
    each = _count(x, mask, shift)  # valid positions of one element of the shift
    sums = _onto(wide, shift)
    # What is the same for all moves the mean alone: left out of the squares, it rounds nothing.
    base = shift.mean(_leading(shift))
    apart = shift - base
    total = (sums + each * apart).sum(_leading(shift)), each * (shift.size // x.shape[-1])
    if two_pass:
        total, count = _added(total, axis_name)
        centre = total / jnp.maximum(count, 1)
        squares = jnp.where(mask, wide + (apart - centre), 0) ** 2
        spread = _added(squares.sum(_leading(x)), axis_name) / jnp.maximum(count, 1)
    else:
        squares = (wide * wide).sum(_leading(x))
        squares = squares + ((2 * sums + each * apart) * apart).sum(_leading(shift))
        (total, count), squares = _added((total, squares), axis_name)
        centre = total / jnp.maximum(count, 1)
        spread = jnp.maximum(squares / jnp.maximum(count, 1) - centre**2, 0)
    centre = centre + base
    y = _scaled(x, shift, scale, bias, centre, spread, epsilon)
    return (y, (centre, spread, count)), (x, mask, shift, scale, centre, spread, count, sums)


def _backward(how, saved, slopes):
    epsilon, *_, axis_name = how
    x, mask, shift, scale, centre, spread, count, sums = saved
    slope = slopes[0].astype(jnp.float32)
    narrow = x.astype(jnp.float32)
    # Sums over the elements of the shift come first: its own gradient is made of them.
    here = _onto(slope, shift)
    along = _onto(slope * narrow, shift) + shift * here
    of_bias = here.sum(_leading(shift))
    inverse = lax.rsqrt(spread + epsilon)
    of_scale = inverse * (along.sum(_leading(shift)) - centre * of_bias)
    # What reaches the mean and the variance, from all devices.
    of_centre, of_spread = _added(
        (-scale * inverse * of_bias, -0.5 * scale * inverse**2 * of_scale), axis_name
    )
    count = jnp.maximum(count, 1)
    level, tilt = of_centre / count, 2 * of_spread / count
    statistic = level + tilt * (shift - centre)
    of_x = scale * inverse * slope + jnp.where(mask, statistic + tilt * narrow, 0)
    of_shift = scale * inverse * here + statistic * _count(x, mask, shift) + tilt * sums
    # On CPU it would rather be computed in whatever order its use asks for.
    of_x = layers.stored(of_x.astype(x.dtype))
    return of_x, None, of_shift, of_scale, of_bias


_normalise.defvjp(_forward, _backward)


def _leading(x) -> tuple[int, ...]:
    return tuple(range(x.ndim - 1))


def _count(x, mask, shift):
    """Counts the valid positions of x that each element of the shift is added to, float32[]."""
    repeats = x.size // x.shape[-1] // mask.size  # of the mask along joints
    return mask.sum(dtype=jnp.float32) * repeats / (shift.size // x.shape[-1])


def _onto(x, shift):
    """Adds up float[..., C] over where the shift is spread."""
    shape = (1,) * (x.ndim - shift.ndim) + shift.shape
    spread = tuple(axis for axis in _leading(x) if shape[axis] == 1)
    return x.sum(spread, keepdims=True).reshape(shift.shape)


def _added(sums, axis_name: str | None):
    """Adds up over the devices, where there are several."""
    with jax.named_scope('batch_statistics'):
        return sums if axis_name is None else lax.psum(sums, axis_name)
