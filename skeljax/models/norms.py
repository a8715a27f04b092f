"""Batch normalization by the statistics of valid positions, over all devices.

The mean of the devices' means would give devices with few valid frames too much weight. Sums and
counts are added instead, so that several devices compute what one with the whole batch computes.
"""

import functools

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

from skeljax.models import implementation as implementations
from skeljax.models.cpu import batch_norm as cpu_batch_norm


class MaskedBatchNorm(nn.Module):
    """Batch normalization; the running variance is the biased one.

    Attributes:
        axis_name: mapped axis that statistics are summed over, or None.
        momentum: share of the running statistics that is kept in a step.
        epsilon: added to the variance.
        two_pass: computes the variance as mean squared distance from the mean, not as mean
            square less squared mean. In float32 the latter is wrong for values whose spread is
            small compared with their distance from 0, as coordinates of joints. It takes one
            more all-reduce.
        scale_init: initializer of the scale.
        implementation: 'plain' or 'cpu'.
    """

    axis_name: str | None = None
    momentum: float = 0.9
    epsilon: float = 1e-5
    two_pass: bool = False
    scale_init: nn.initializers.Initializer = nn.initializers.ones
    implementation: str = implementations.field()

    @nn.compact
    def __call__(self, x, mask, input_bias=None, *, train: bool, is_masked: bool = False):
        """Normalizes x + input_bias, all of it, by the statistics where the mask is true.

        Args:
            x: float[..., C].
            mask: bool[..., 1], each axis as long as that of x or 1.
            input_bias: bias of the layer before (`Linear.split_bias`), which the CPU form adds
                without another pass over memory: float[..., C] of as many axes as x or less,
                each as long or 1; None for 0.
            train: whether the statistics are those of the batch.
            is_masked: whether x is 0 where the mask is false; the CPU form then omits a pass.

        Returns:
            float[..., C].
        """
        channels = x.shape[-1]
        mean = self.variable('batch_stats', 'mean', jnp.zeros, channels, jnp.float32)
        variance = self.variable('batch_stats', 'variance', jnp.ones, channels, jnp.float32)
        scale = self.param('scale', self.scale_init, (channels,), jnp.float32)
        bias = self.param('bias', nn.initializers.zeros, (channels,), jnp.float32)
        if input_bias is None:
            input_bias = jnp.zeros(channels, jnp.float32)
        affine = input_bias.astype(jnp.float32), scale, bias
        if not train:
            return _apply(x, *affine, mean.value, variance.value, self.epsilon)
        axis_name = None if self.is_initializing() else self.axis_name
        if self.implementation == 'cpu':
            options = cpu_batch_norm.Options(self.epsilon, self.two_pass, is_masked, axis_name)
            y, (new_mean, new_variance, count) = cpu_batch_norm.normalize(x, mask, *affine, options)
        else:
            new_mean, new_variance, count = _statistics(
                x.astype(jnp.float32) + lax.broadcast_to_rank(affine[0], x.ndim),
                mask, self.two_pass, axis_name,
            )
            y = _apply(x, *affine, new_mean, new_variance, self.epsilon)
        if not self.is_initializing():
            # A batch without any valid frame changes nothing.
            keep = jnp.where(count > 0, self.momentum, 1.0)
            mean.value = keep * mean.value + (1 - keep) * new_mean
            variance.value = keep * variance.value + (1 - keep) * new_variance
        return y


def _apply(x, input_bias, scale, bias, mean, variance, epsilon: float):
    """Returns x + input_bias normalized by the given statistics."""
    slope = scale * lax.rsqrt(variance + epsilon)
    expand = functools.partial(lax.broadcast_to_rank, rank=input_bias.ndim)
    offset = expand(bias) + (input_bias - expand(mean)) * expand(slope)
    slope, offset = (lax.broadcast_to_rank(y.astype(x.dtype), x.ndim) for y in (slope, offset))
    return x * slope + offset


def _statistics(x, mask, two_pass: bool, axis_name: str | None):
    """Returns mean and biased variance float32[C] and number float32[] of valid positions."""
    axes = tuple(range(x.ndim - 1))
    count = mask.sum(dtype=jnp.float32) * (x.size // x.shape[-1] // mask.size)
    masked = jnp.where(mask, x, 0)
    if two_pass:
        total, count = _psum((masked.sum(axes), count), axis_name)
        mean = total / jnp.maximum(count, 1)
        distance = x - lax.broadcast_to_rank(mean, x.ndim)
        squares = _psum((jnp.where(mask, distance, 0) ** 2).sum(axes), axis_name)
        return mean, squares / jnp.maximum(count, 1), count
    sums = masked.sum(axes), (masked**2).sum(axes), count
    total, squares, count = _psum(sums, axis_name)
    mean, mean_square = total / jnp.maximum(count, 1), squares / jnp.maximum(count, 1)
    return mean, jnp.maximum(mean_square - mean**2, 0), count


def _psum(sums, axis_name: str | None):
    with jax.named_scope('batch_statistics'):
        return sums if axis_name is None else lax.psum(sums, axis_name)
