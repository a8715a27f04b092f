"""Batch normalization with its own gradient rule, which stores the input and few sums.

JAX's derivative also stores the input with the bias of the layer before it added, and reads it
once more for the gradient of that bias.
"""

import functools
from typing import NamedTuple

import jax
from jax import lax
import jax.numpy as jnp


class Options(NamedTuple):
    """Constants of a normalization.

    Attributes:
        epsilon: added to the variance.
        two_pass: computes the variance as mean squared distance from the mean.
        is_masked: x is 0 where the mask is false.
        axis_name: mapped axis that statistics are summed over, or None.
    """

    epsilon: float
    two_pass: bool
    is_masked: bool
    axis_name: str | None


@functools.partial(jax.custom_vjp, nondiff_argnums=(5,))
def normalize(x, mask, input_bias, scale, bias, options: Options):
    """Normalizes x + input_bias by its own statistics; see `norms.MaskedBatchNorm`.

    Returns:
        float[..., C], and mean and biased variance float32[C] and number float32[] of the valid
        positions of all devices. No gradient passes through the last three.
    """
    return _forward(x, mask, input_bias, scale, bias, options)[0]


def _forward(x, mask, input_bias, scale, bias, options):
    epsilon, two_pass, is_masked, axis_name = options
    to_x, to_bias = _expanders(x, input_bias)
    wide = (x if is_masked else jnp.where(mask, x, 0)).astype(jnp.float32)
    each = _num_valid(x, mask, input_bias)  # valid positions of one element of the bias
    sums = _sum_onto(wide, input_bias)
    # The part of the bias that all elements of a channel share moves the mean only. Left out of
    # the squares, it causes no rounding error.
    common = input_bias.mean(_leading(input_bias))
    rest = input_bias - to_bias(common)
    count = each * (input_bias.size // x.shape[-1])
    total = (sums + each * rest).sum(_leading(input_bias))
    if two_pass:
        total, count = _psum((total, count), axis_name)
        mean = total / jnp.maximum(count, 1)
        squares = jnp.where(mask, wide + to_x(rest - to_bias(mean)), 0) ** 2
        variance = _psum(squares.sum(_leading(x)), axis_name) / jnp.maximum(count, 1)
    else:
        squares = (wide * wide).sum(_leading(x))
        squares = squares + ((2 * sums + each * rest) * rest).sum(_leading(input_bias))
        (total, count), squares = _psum(((total, count), squares), axis_name)
        mean = total / jnp.maximum(count, 1)
        variance = jnp.maximum(squares / jnp.maximum(count, 1) - mean**2, 0)
    mean = mean + common
    slope = scale * lax.rsqrt(variance + epsilon)
    offset = to_bias(bias) + (input_bias - to_bias(mean)) * to_bias(slope)
    y = x * to_x(slope.astype(x.dtype)) + to_x(offset.astype(x.dtype))
    return (y, (mean, variance, count)), (x, mask, input_bias, scale, mean, variance, count, sums)


def _backward(options, saved, gradients):
    x, mask, input_bias, scale, mean, variance, count, sums = saved
    to_x, to_bias = _expanders(x, input_bias)
    gradient = gradients[0].astype(jnp.float32)
    wide = x.astype(jnp.float32)
    # Sums for each element of the input bias come first: its own gradient consists of them.
    total = _sum_onto(gradient, input_bias)
    product = _sum_onto(gradient * wide, input_bias) + input_bias * total
    bias_gradient = total.sum(_leading(input_bias))
    inverse = lax.rsqrt(variance + options.epsilon)
    scale_gradient = inverse * (product.sum(_leading(input_bias)) - mean * bias_gradient)
    # Gradients of the mean and the variance, from all devices.
    mean_gradient, variance_gradient = _psum(
        (-scale * inverse * bias_gradient, -0.5 * scale * inverse**2 * scale_gradient),
        options.axis_name,
    )
    count = jnp.maximum(count, 1)
    level, tilt = mean_gradient / count, 2 * variance_gradient / count
    by_statistics = to_bias(level) + to_bias(tilt) * (input_bias - to_bias(mean))
    of_statistics = jnp.where(mask, to_x(by_statistics) + to_x(tilt) * wide, 0)
    x_gradient = to_x(scale * inverse) * gradient + of_statistics
    input_bias_gradient = (
        to_bias(scale * inverse) * total
        + by_statistics * _num_valid(x, mask, input_bias)
        + to_bias(tilt) * sums
    )
    # Without the barrier XLA computes it in the layout of its use, which is slower.
    x_gradient = lax.optimization_barrier(x_gradient.astype(x.dtype))
    return x_gradient, None, input_bias_gradient, scale_gradient, bias_gradient


normalize.defvjp(_forward, _backward)


def _expanders(x, input_bias):
    """Returns functions that add leading axes of length 1, as many as x and the bias have."""
    return (
        functools.partial(lax.broadcast_to_rank, rank=x.ndim),
        functools.partial(lax.broadcast_to_rank, rank=input_bias.ndim),
    )


def _leading(x) -> tuple[int, ...]:
    return tuple(range(x.ndim - 1))


def _num_valid(x, mask, input_bias):
    """Returns the number of valid positions of x for each element of the input bias, float32[]."""
    repeats = x.size // x.shape[-1] // mask.size  # of the mask along joints
    return mask.sum(dtype=jnp.float32) * repeats / (input_bias.size // x.shape[-1])


def _sum_onto(x, input_bias):
    """Sums float[..., C] over the axes that the input bias is broadcast along."""
    shape = (1,) * (x.ndim - input_bias.ndim) + input_bias.shape
    axes = tuple(axis for axis in _leading(x) if shape[axis] == 1)
    return x.sum(axes, keepdims=True).reshape(input_bias.shape)


def _psum(sums, axis_name: str | None):
    with jax.named_scope('batch_statistics'):
        return sums if axis_name is None else lax.psum(sums, axis_name)
