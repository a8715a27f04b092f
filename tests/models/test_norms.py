"""Batch normalization by valid positions: what comes out, its statistics, its gradient."""

import functools

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.models import norms
from skeljax.models.implementation import IMPLEMENTATIONS


def _norm(axis=None, **arguments):
    return norms.MaskedBatchNorm(axis_name=axis, **arguments)


def _start(channels=3):
    return {
        'params': {'scale': jnp.array([1.0, 2.0, 0.5]), 'bias': jnp.array([0.0, 1.0, -1.0])},
        'batch_stats': {'mean': jnp.zeros(channels), 'variance': jnp.ones(channels)},
    }


def test_norm_uses_valid_positions_only():
    rng = np.random.default_rng(0)
    x = rng.normal(2, 3, size=(4, 5, 6, 3)).astype(np.float32)
    mask = rng.random((4, 1, 6, 1)) < 0.6
    valid = x[np.broadcast_to(mask, (4, 5, 6, 1))[..., 0]]
    expected = (x - valid.mean(0)) / np.sqrt(valid.var(0) + 1e-5) * [1, 2, 0.5] + [0, 1, -1]
    found, updated = _norm().apply(_start(), x, mask, train=True, mutable=['batch_stats'])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    stats = updated['batch_stats']
    np.testing.assert_allclose(stats['mean'], 0.1 * valid.mean(0), rtol=1e-4)
    np.testing.assert_allclose(stats['variance'], 0.9 + 0.1 * valid.var(0), rtol=1e-4)


def test_norm_in_evaluation_uses_running_statistics():
    start = _start()
    start['batch_stats'] = {'mean': jnp.array([1.0, 2, 3]), 'variance': jnp.array([4.0, 9, 16])}
    x = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)
    found = _norm().apply(start, x, np.ones((4, 6, 1), bool), train=False)
    expected = (x - [1, 2, 3]) / np.sqrt(np.array([4, 9, 16]) + 1e-5) * [1, 2, 0.5] + [0, 1, -1]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_norm_without_a_valid_frame_keeps_its_statistics():
    x = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)
    found, updated = _norm().apply(
        _start(), x, np.zeros((4, 6, 1), bool), train=True, mutable=['batch_stats']
    )
    assert np.isfinite(found).all()
    jax.tree.map(np.testing.assert_array_equal, updated['batch_stats'], _start()['batch_stats'])


def test_norm_on_devices_with_unequal_valid_frames_is_global():
    rng = np.random.default_rng(0)
    x = rng.normal(2, 3, size=(8, 6, 3)).astype(np.float32)
    mask = np.arange(6)[None, :, None] < np.array([6, 1, 0, 3, 6, 2, 0, 5])[:, None, None]
    apply = functools.partial(_norm('d').apply, train=True, mutable=['batch_stats'])
    split = lambda a: a.reshape(4, 2, *a.shape[1:])
    mapped = jax.pmap(
        lambda x, m: apply(_start(), x, m), axis_name='d', devices=jax.devices()[:4]
    )
    found, updated = mapped(split(x), split(mask))
    expected, once = _norm().apply(_start(), x, mask, train=True, mutable=['batch_stats'])
    np.testing.assert_allclose(found.reshape(x.shape), expected, rtol=1e-5, atol=1e-5)
    for name, value in once['batch_stats'].items():
        np.testing.assert_allclose(updated['batch_stats'][name], np.stack([value] * 4), rtol=1e-5)


def test_norm_in_two_passes_keeps_a_spread_far_from_0():
    """Joints 2 m away that move by 3 mm, on 4 devices: all results as in float64."""
    rng = np.random.default_rng(0)
    x = (2 + 0.003 * rng.normal(size=(4, 6, 7, 3))).astype(np.float32)
    mask = np.arange(7)[:, None] < rng.integers(3, 8, (4, 6, 1, 1))
    weights = rng.normal(size=x.shape) * mask

    def of_one(x, mask, weights):
        def score(x):
            y, updated = _norm('all', two_pass=True).apply(
                _start(), x, mask, train=True, mutable='batch_stats'
            )
            return lax.psum((y * weights).sum(), 'all'), updated['batch_stats']['variance']

        (_, variance), slope = jax.value_and_grad(score, has_aux=True)(x)
        return variance, slope / lax.axis_size('all')  # of a sum that every device takes

    variance, slope = jax.pmap(of_one, 'all', devices=jax.devices()[:4])(
        x, mask, weights.astype(np.float32)
    )
    held, scale = x.astype(np.float64), np.array([1.0, 2.0, 0.5])
    seen = held[np.broadcast_to(mask, x.shape)].reshape(-1, 3)
    np.testing.assert_allclose(variance[-1], 0.9 + 0.1 * seen.var(0), rtol=1e-6)
    # By hand: the gradient of (x - mean) / deviation.
    deviation = np.sqrt(seen.var(0) + 1e-5)
    unit = (held - seen.mean(0)) / deviation
    mean = lambda x: (x * mask).sum((0, 1, 2)) / len(seen)
    expected = scale / deviation * (weights - mean(weights) - unit * mean(weights * unit)) * mask
    np.testing.assert_allclose(slope, expected, atol=1e-4 * np.abs(expected).max())
    # One pass loses it: what is rounded there is the squared mean, 4, and the variance is 9e-6.
    one = _norm().apply(_start(), x, mask, train=True, mutable='batch_stats')[0]
    two = _norm(two_pass=True).apply(_start(), x, mask, train=True, mutable='batch_stats')[0]
    where = np.broadcast_to(mask, x.shape)
    exact = unit * scale + np.array([0.0, 1.0, -1.0])
    assert np.abs(two - exact)[where].max() < 2e-4 < np.abs(one - exact)[where].max()


def _plain(x, mask, shift, scale, bias):
    """What normalizing is, for JAX to derive: of all positions by those of the mask."""
    row = functools.partial(lax.broadcast_to_rank, rank=x.ndim)
    x = x + row(jnp.asarray(shift, x.dtype))
    weight = jnp.broadcast_to(mask, x.shape).astype(x.dtype)
    mean = lambda x: (x * weight).sum((0, 1, 2)) / weight.sum((0, 1, 2))
    distance = x - row(mean(x))
    deviation = jnp.sqrt(mean(distance**2) + 1e-5)
    return distance / row(deviation) * row(scale) + row(bias)


@pytest.mark.parametrize('devices', [1, 4])
@pytest.mark.parametrize('two_pass', [False, True])
@pytest.mark.parametrize('shape', [(3,), (5, 1, 3), None])
@pytest.mark.parametrize('is_masked', [False, True])
@pytest.mark.parametrize('implementation', IMPLEMENTATIONS)
def test_values_and_gradients_are_those_that_jax_derives(
    monkeypatch, implementation, devices, two_pass, shape, is_masked
):
    """In double precision, of x, a bias of all joints or of each, scale and bias."""
    monkeypatch.setattr(jnp, 'float32', jnp.float64)  # as what the statistics are in
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        draw = lambda *shape: jnp.array(rng.normal(1, 2, shape))
        x, weights = draw(8, 5, 6, 3), draw(8, 5, 6, 3)
        mask = jnp.array(np.arange(6)[:, None] < rng.integers(1, 7, (8, 1, 1, 1)))
        if is_masked:
            x = jnp.where(mask, x, 0)
        shift = None if shape is None else draw(*shape)
        params = {'scale': draw(3), 'bias': draw(3)}
        norm = norms.MaskedBatchNorm('d', two_pass=two_pass, implementation=implementation)
        stats = {'mean': jnp.zeros(3), 'variance': jnp.ones(3)}

        def part(x, mask, weights, shift, params):
            variables = {'params': params, 'batch_stats': stats}
            y = norm.apply(
                variables, x, mask, shift, train=True, is_masked=is_masked, mutable='batch_stats'
            )[0]
            return (y * weights).sum(), y

        def on_each(x, mask, weights):
            run = jax.value_and_grad(part, (0, 3, 4), has_aux=True)
            (_, y), (of_x, *shared) = run(x, mask, weights, shift, params)
            return y, of_x, lax.psum(shared, 'd')

        split = lambda x: x.reshape(devices, -1, *x.shape[1:])
        mapped = jax.pmap(on_each, 'd', devices=jax.devices()[:devices])
        y, of_x, (of_shift, of_params) = mapped(*map(split, (x, mask, weights)))

        def whole(x, shift, params):
            y = _plain(x, mask, 0 if shift is None else shift, **params)
            return (y * weights).sum(), y

        run = jax.value_and_grad(whole, (0, 1, 2), has_aux=True)
        (_, expected), slopes = run(x, shift, params)
        first = lambda tree: jax.tree.map(lambda x: x[0], tree)
        found = y.reshape(x.shape), of_x.reshape(x.shape), first(of_shift), first(of_params)
        near = functools.partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9)
        jax.tree.map(near, found, (expected, *slopes))


def test_a_bias_to_come_is_in_the_running_mean_and_in_evaluation():
    x = np.random.default_rng(0).normal(size=(4, 5, 6, 3)).astype(np.float32)
    shift = np.random.default_rng(1).normal(size=(5, 1, 3)).astype(np.float32)
    mask = np.ones((4, 1, 6, 1), bool)
    apply = functools.partial(_norm().apply, _start())
    _, found = apply(x, mask, shift, train=True, mutable='batch_stats')
    _, expected = apply(x + shift, mask, train=True, mutable='batch_stats')
    near = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
    jax.tree.map(near, found, expected)
    near(apply(x, mask, shift, train=False), apply(x + shift, mask, train=False))


def test_half_precision_is_kept_and_its_statistics_are_not_in_it():
    x = (4 + np.random.default_rng(0).normal(size=(64, 5, 60, 3))).astype(jnp.bfloat16)
    mask = np.ones((64, 1, 60, 1), bool)

    def score(x):
        y, updated = _norm().apply(_start(), x, mask, train=True, mutable='batch_stats')
        return (y.astype(jnp.float32) ** 3).sum(), (y, updated['batch_stats'])

    (_, (y, stats)), slope = jax.value_and_grad(score, has_aux=True)(x)
    assert y.dtype == slope.dtype == jnp.bfloat16
    assert jax.tree.leaves(jax.tree.map(lambda x: x.dtype, stats)) == [jnp.float32] * 2
    wide = x.astype(np.float64).reshape(-1, 3)
    np.testing.assert_allclose(stats['mean'], 0.1 * wide.mean(0), rtol=1e-5)
    np.testing.assert_allclose(stats['variance'], 0.9 + 0.1 * wide.var(0), rtol=1e-5)
