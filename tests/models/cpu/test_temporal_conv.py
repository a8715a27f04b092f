"""The temporal convolution's CPU form against the plain one and against loops."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.models import layers
from skeljax.models.cpu import spectral_conv
from skeljax.models.implementation import IMPLEMENTATIONS


def both(function, *arrays, seed=1):
    """Returns value and gradients of a function with the plain and the CPU implementation."""
    found = []
    for implementation in IMPLEMENTATIONS:
        of_arrays = functools.partial(function, implementation=implementation)
        value, pull = jax.vjp(of_arrays, *map(jnp.array, arrays))
        slope = np.random.default_rng(seed).normal(size=value.shape).astype(value.dtype)
        found.append((value, *pull(jnp.array(slope))))
    return found


def assert_close(found, expected, tolerance):
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * max(np.abs(other).max(), 1))


def made(frames, taps, channels, features, dtype=np.float32):
    rng = np.random.default_rng(frames)
    x = rng.normal(size=(3, frames, channels)).astype(dtype)
    return x, rng.normal(size=(taps, channels, features)).astype(dtype)


@pytest.mark.parametrize(
    ('frames', 'taps', 'stride', 'dilation'),
    [
        *[(frames, 9, 1, 1) for frames in (1, 2, 7, 41, 300)],
        *[(frames, 9, 2, 1) for frames in (1, 7, 85)],
        *[(frames, 5, 1, 2) for frames in (3, 42)],
        (41, 5, 2, 2), (41, 9, 2, 3),
    ],
)
def test_the_cpu_form_is_the_plain_one(frames, taps, stride, dilation):
    x, kernel = made(frames, taps, 32, 48)
    function = functools.partial(layers.temporal_conv, stride=stride, dilation=dilation)
    plain, cpu = both(function, x, kernel)
    assert_close(cpu, plain, 1e-5)


@pytest.mark.parametrize('frames', [1, 3, 20, 150])
@pytest.mark.parametrize(
    ('taps', 'before', 'stride', 'dilation'),
    [
        (3, 1, 1, 1), (5, 0, 1, 1), (4, 3, 1, 2), (9, 4, 1, 1), (9, 4, 2, 1), (5, 4, 2, 3),
        (3, 0, 3, 1),
    ],
)
def test_by_plain_loops_in_double_precision(frames, taps, before, stride, dilation):
    with jax.enable_x64(True):
        x, kernel = made(frames, taps, 2, 3, np.float64)
        x = x.swapaxes(0, 1)
        weights = np.random.default_rng(0).normal(size=(-(-frames // stride), 3, 3))
        value, of_x, of_kernel = np.zeros_like(weights), np.zeros_like(x), np.zeros_like(kernel)
        for i in range(len(weights)):
            for tap in range(taps):
                frame = i * stride + tap * dilation - before
                if 0 <= frame < frames:
                    value[i] += x[frame] @ kernel[tap]
                    of_x[frame] += weights[i] @ kernel[tap].T
                    of_kernel[tap] += x[frame].T @ weights[i]
        function = lambda x, kernel: spectral_conv.convolve(x, kernel, before, stride, dilation)
        found, pull = jax.vjp(function, jnp.array(x), jnp.array(kernel))
        found = found, *pull(jnp.array(weights))
    assert_close(found, (value, of_x, of_kernel), 1e-10)


@pytest.mark.parametrize('implementation', IMPLEMENTATIONS)
def test_time_in_front_is_the_same(implementation):
    x, kernel = made(85, 9, 32, 48)
    convolve = functools.partial(layers.temporal_conv, implementation=implementation)
    expected = convolve(jnp.array(x), kernel, 2).swapaxes(0, 1)
    found = convolve(jnp.array(x).swapaxes(0, 1), kernel, 2, axis=0)
    assert_close([found], [expected], 1e-6)


def test_the_implementation_selects_the_program():
    x, kernel = made(20, 9, 16, 16)
    primitives = {}
    for implementation in IMPLEMENTATIONS:
        convolve = functools.partial(layers.temporal_conv, implementation=implementation)
        traced = jax.make_jaxpr(lambda x, w: convolve(x, w, 1))(x, kernel)  # noqa: B023
        primitives[implementation] = 'conv_general_dilated' in str(traced)
    assert primitives == {'plain': True, 'cpu': False}


def test_the_default_implementation_is_that_of_the_platform_and_part_of_the_jit_key(monkeypatch):
    module = layers.TemporalConv(4)
    assert module.implementation == ('cpu' if jax.default_backend() == 'cpu' else 'plain')
    monkeypatch.setattr(jax, 'default_backend', lambda: 'gpu')
    other = layers.TemporalConv(4)
    assert other.implementation == 'plain'
    monkeypatch.setattr(jax, 'default_backend', lambda: 'cpu')
    assert layers.TemporalConv(4) != other and hash(layers.TemporalConv(4)) != hash(other)


def test_symbolic_sizes_and_half_precision_are_direct():
    (n,) = jax.export.symbolic_shape('n')
    _, kernel = made(20, 9, 16, 16)
    convolve = lambda x: layers.temporal_conv(
        x, jnp.array(kernel, x.dtype), 1, implementation='cpu'
    )
    for shape, dtype in (((n, 20, 16), jnp.float32), ((3, 20, 16), jnp.bfloat16)):
        given = jax.ShapeDtypeStruct(shape, dtype)
        text = jax.export.export(jax.jit(convolve))(given).mlir_module()
        assert 'stablehlo.convolution' in text


def test_mapped_and_recomputed():
    x, kernel = map(jnp.array, made(50, 9, 16, 16))
    convolve = functools.partial(layers.temporal_conv, implementation='cpu')
    score = lambda x: (convolve(x[None], kernel, 1) ** 2).sum()
    expected = jnp.stack([jax.grad(score)(one) for one in x])
    found = jax.vmap(jax.grad(jax.checkpoint(score)))(x)
    assert_close([found], [expected], 1e-5)
