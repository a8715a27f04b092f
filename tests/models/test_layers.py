import functools

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.models import layers, pooling


def test_masked_mean_by_hand():
    x = jnp.array([[1.0, 2.0, 30.0], [4.0, 5.0, 6.0]])
    mask = jnp.array([[True, True, False], [False, False, False]])
    np.testing.assert_allclose(pooling.masked_mean(x, mask, 1), [1.5, 0.0])


@pytest.mark.parametrize('stride', [1, 2, 3, 4])
@pytest.mark.parametrize('frames', [12, 13, 31])
@pytest.mark.parametrize('taps', [3, 5, 9])
def test_folded_stride_is_the_strided_convolution(stride, frames, taps):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, frames, 3)).astype(np.float32)
    kernel = rng.normal(size=(taps, 3, 4)).astype(np.float32)
    expected = lax.conv_general_dilated(
        x, kernel, (stride,), [(taps // 2, taps // 2)], dimension_numbers=('NWC', 'WIO', 'NWC')
    )
    found = layers.temporal_conv(jnp.array(x), jnp.array(kernel), stride)
    assert found.shape == expected.shape == (2, -(-frames // stride), 4)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_mix_joints_by_hand():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 5, 4, 6)).astype(np.float32)  # N V T C
    adjacency = rng.normal(size=(2, 5, 5)).astype(np.float32)
    expected = np.zeros_like(x)
    for source in range(5):
        for target in range(5):
            expected[:, target] += x[:, source] * adjacency[:, source, target, None, None]
    found = layers.mix_joints(jnp.array(x), jnp.array(adjacency))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_graph_conv_and_its_gradient_by_hand(monkeypatch):
    rng = np.random.default_rng(0)
    # Itself; several sources of one target; several targets of one source; some joints alone.
    star = np.zeros((5, 5), int)
    star[[1, 2, 4], 0] = 1
    edges = np.stack([np.eye(5, dtype=int), star, star.T])
    present = jnp.array(edges, jnp.float32)
    x = jnp.array(rng.normal(size=(2, 5, 4, 6)), jnp.float32)  # N V T C
    adjacency = jnp.array(rng.normal(size=edges.shape) * edges, jnp.float32)
    kernel = jnp.array(rng.normal(size=(3, 6, 7)), jnp.float32)
    weights = jnp.array(rng.normal(size=(2, 5, 4, 7)), jnp.float32)
    static = tuple(tuple(map(tuple, subset)) for subset in edges.tolist())
    convolve = lambda x, a, w: layers.graph_conv(x, a, w, static)
    by_hand = lambda x, a, w: jnp.einsum('nvtc,kvw,kcd->nwtd', x, a * present, w)
    value = lambda f: lambda *given: (f(*given) * weights).sum()
    expected = jax.grad(value(by_hand), (0, 1, 2))(x, adjacency, kernel)
    for formulation in 'fast', 'plain':
        monkeypatch.setattr(layers, 'formulation', formulation)
        given = x, adjacency, kernel
        np.testing.assert_allclose(convolve(*given), by_hand(*given), rtol=1e-4, atol=1e-5)
        of_x, of_adjacency, of_kernel = jax.grad(value(convolve), (0, 1, 2))(*given)
        found = of_x, of_adjacency * present, of_kernel
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('frames', [1, 3, 8, 9, 10])
@pytest.mark.parametrize(('stride', 'dilation'), [(1, 1), (2, 1), (1, 2), (2, 2), (2, 3)])
def test_temporal_conv_of_any_length_and_its_gradient(frames, stride, dilation):
    rng = np.random.default_rng(frames)
    x = rng.normal(size=(2, frames, 3)).astype(np.float32)
    kernel = rng.normal(size=(9, 3, 4)).astype(np.float32)
    weights = rng.normal(size=(2, -(-frames // stride), 4)).astype(np.float32)
    expected, slope = np.zeros_like(weights), np.zeros_like(x)
    for i in range(expected.shape[1]):
        for tap in range(9):
            frame = i * stride + (tap - 4) * dilation
            if 0 <= frame < frames:
                expected[:, i] += x[:, frame] @ kernel[tap]
                slope[:, frame] += weights[:, i] @ kernel[tap].T
    convolve = lambda x: layers.temporal_conv(x, jnp.array(kernel), stride, dilation)
    score = lambda x: (convolve(x) * weights).sum()
    np.testing.assert_allclose(convolve(jnp.array(x)), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(jax.grad(score)(jnp.array(x)), slope, rtol=1e-4, atol=1e-5)


def _norm(axis=None, **arguments):
    return layers.MaskedBatchNorm(axis_name=axis, **arguments)


def _start(channels=3):
    return {
        'params': {'scale': jnp.array([1.0, 2.0, 0.5]), 'bias': jnp.array([0.0, 1.0, -1.0])},
        'batch_stats': {'mean': jnp.zeros(channels), 'variance': jnp.ones(channels)},
    }


@pytest.mark.parametrize(('clips', 'size'), [(12, 4), (7, 1), (4, 4), (10, 5)])
def test_clips_in_pieces_are_the_clips(monkeypatch, clips, size):
    monkeypatch.setattr(layers, 'formulation', 'fast')
    monkeypatch.setattr(layers, 'CACHED', 64)
    x = jax.random.normal(jax.random.key(0), (clips, 12, 2, 5, 3))
    mask = jax.random.bernoulli(jax.random.key(1), 0.7, x.shape[:3])
    seen = []

    def mean(x, mask):
        seen.append(len(x))
        return pooling.masked_mean(x, mask[..., None, None], (1, 2, 3))

    found = layers.in_pieces(mean, x, mask, cores=2)
    np.testing.assert_allclose(found, mean(x, mask), atol=1e-6)
    assert set(seen) == {size, clips}


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
    """Joints 2 m away that move by 3 mm: result, statistics and gradient as in float64, on 4 devices."""
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


@pytest.mark.parametrize('rate', [0.5, 0.1])
def test_dropout_keeps_the_expectation(rate):
    x = jnp.ones((101, 999))
    apply = lambda seed: layers.Dropout(rate).apply(
        {}, x, train=True, rngs={'dropout': jax.random.key(seed)}
    )
    found = np.asarray(apply(0))
    kept = 1 - round(256 * rate) / 256
    np.testing.assert_allclose(np.unique(found), [0, 1 / kept], rtol=1e-6)
    error = (x.size * kept * (1 - kept)) ** 0.5
    assert abs((found > 0).sum() - x.size * kept) < 5 * error
    assert (found != np.asarray(apply(1))).mean() > rate / 2
    # Bytes of one word are drawn apart.
    together = (found[:, 1:] > 0) & (found[:, :-1] > 0)
    np.testing.assert_allclose(together.mean(), kept**2, atol=0.01)


@pytest.mark.parametrize('rows', [0, 1])
def test_dropout_on_devices_is_that_of_one(rows):
    x = jnp.ones((8, 8, 11))
    drop = lambda x, name: layers.Dropout(0.3, name, rows).apply(
        {}, x, train=True, rngs={'dropout': jax.random.key(3)}
    )
    devices = jax.devices()[:4]
    mapped = jax.pmap(
        lambda x: drop(x, 'd'), axis_name='d', in_axes=rows, out_axes=rows, devices=devices
    )
    shape = [4, 2, 8, 11] if rows == 0 else [8, 4, 2, 11]
    expected = np.asarray(drop(x, None))
    np.testing.assert_array_equal(np.asarray(mapped(x.reshape(shape))).reshape(x.shape), expected)
    first, second = np.moveaxis(expected, rows, 0)[:2]
    assert (first != second).any()


def test_dropout_of_nothing_and_everything():
    x = jnp.arange(5.0)
    np.testing.assert_array_equal(layers.Dropout(0.5).apply({}, x, train=False), x)
    np.testing.assert_array_equal(layers.Dropout(0.0).apply({}, x, train=True), x)
    np.testing.assert_array_equal(layers.Dropout(1.0).apply({}, x, train=True), 0 * x)
