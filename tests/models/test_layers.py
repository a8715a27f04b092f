import re

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.models import layers, pooling
from skeljax.models.cpu import chunks
from skeljax.models.implementation import IMPLEMENTATIONS


def test_masked_mean_by_hand():
    x = jnp.array([[1.0, 2.0, 30.0], [4.0, 5.0, 6.0]])
    mask = jnp.array([[True, True, False], [False, False, False]])
    np.testing.assert_allclose(pooling.masked_mean(x, mask, 1), [1.5, 0.0])


@pytest.mark.parametrize('implementation', IMPLEMENTATIONS)
@pytest.mark.parametrize('stride', [1, 2, 3, 4])
@pytest.mark.parametrize('frames', [12, 13, 31])
@pytest.mark.parametrize('taps', [3, 5, 9])
def test_temporal_conv_is_the_strided_convolution(implementation, stride, frames, taps):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, frames, 3)).astype(np.float32)
    kernel = rng.normal(size=(taps, 3, 4)).astype(np.float32)
    expected = lax.conv_general_dilated(
        x, kernel, (stride,), [(taps // 2, taps // 2)], dimension_numbers=('NWC', 'WIO', 'NWC')
    )
    found = layers.temporal_conv(
        jnp.array(x), jnp.array(kernel), stride, implementation=implementation
    )
    assert found.shape == expected.shape == (2, -(-frames // stride), 4)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('stride', [1, 2, 3])
@pytest.mark.parametrize(('shape', 'axis'), [((2, 7, 3), 1), ((9, 2), 0), ((2, 3, 4, 1), 2)])
def test_strided_slice_takes_every_stride_th_element(shape, axis, stride):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    part = tuple(slice(None, None, stride if i == axis else 1) for i in range(len(shape)))
    take = lambda x: layers.strided_slice(x, stride, axis)
    np.testing.assert_array_equal(take(jnp.array(x)), x[part])
    np.testing.assert_array_equal(take(jnp.array(x > 0)), (x > 0)[part])
    on_cpu = layers.strided_slice(jnp.array(x), stride, axis, implementation='cpu')
    np.testing.assert_array_equal(on_cpu, x[part])
    slope = jax.grad(lambda x: take(x).sum())(jnp.array(x))
    expected = np.zeros_like(x)
    expected[part] = 1
    np.testing.assert_array_equal(slope, expected)
    # XLA's GPU compiler, without its autotuner, fails on a product with a strided slice.
    traced = str(jax.make_jaxpr(take)(x))
    assert set(re.findall(r'strides=\(([\d, ]*)\)', traced)) <= {', '.join('1' * (x.ndim + 1))}


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


@pytest.mark.parametrize('implementation', IMPLEMENTATIONS)
def test_graph_conv_and_its_gradient_by_hand(implementation):
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
    convolve = lambda x, a, w: layers.graph_conv(x, a, w, static, implementation=implementation)
    by_hand = lambda x, a, w: jnp.einsum('nvtc,kvw,kcd->nwtd', x, a * present, w)
    value = lambda f: lambda *given: (f(*given) * weights).sum()
    expected = jax.grad(value(by_hand), (0, 1, 2))(x, adjacency, kernel)
    given = x, adjacency, kernel
    np.testing.assert_allclose(convolve(*given), by_hand(*given), rtol=1e-4, atol=1e-5)
    of_x, of_adjacency, of_kernel = jax.grad(value(convolve), (0, 1, 2))(*given)
    found = of_x, of_adjacency * present, of_kernel
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('implementation', IMPLEMENTATIONS)
@pytest.mark.parametrize('frames', [1, 3, 8, 9, 10])
@pytest.mark.parametrize(('stride', 'dilation'), [(1, 1), (2, 1), (1, 2), (2, 2), (2, 3)])
def test_temporal_conv_of_any_length_and_its_gradient(implementation, frames, stride, dilation):
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
    convolve = lambda x: layers.temporal_conv(
        x, jnp.array(kernel), stride, dilation, implementation=implementation
    )
    score = lambda x: (convolve(x) * weights).sum()
    np.testing.assert_allclose(convolve(jnp.array(x)), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(jax.grad(score)(jnp.array(x)), slope, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(('clips', 'size'), [(12, 4), (7, 1), (4, 4), (10, 5)])
def test_clips_in_pieces_are_the_clips(monkeypatch, clips, size):
    monkeypatch.setattr(chunks, 'FRAMES_PER_CORE', 64)
    x = jax.random.normal(jax.random.key(0), (clips, 12, 2, 5, 3))
    mask = jax.random.bernoulli(jax.random.key(1), 0.7, x.shape[:3])
    seen = []

    def mean(x, mask):
        seen.append(len(x))
        return pooling.masked_mean(x, mask[..., None, None], (1, 2, 3))

    found = chunks.map_in_chunks(mean, x, mask, cores=2, implementation='cpu')
    np.testing.assert_allclose(found, mean(x, mask), atol=1e-6)
    assert set(seen) == {size, clips}
    assert chunks.num_chunks(x, 2, implementation='plain') == 1


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


def test_dropout_strikes_the_same_elements_where_time_is_in_front():
    x = jnp.ones((7, 5, 3, 16))
    drop = lambda x, rows: layers.Dropout(0.3, rows=rows).apply(
        {}, x, train=True, rngs={'dropout': jax.random.key(3)}
    )
    np.testing.assert_array_equal(drop(x.swapaxes(0, 2), 2), drop(x, 0).swapaxes(0, 2))


def test_dropout_of_nothing_and_everything():
    x = jnp.arange(5.0)
    np.testing.assert_array_equal(layers.Dropout(0.5).apply({}, x, train=False), x)
    np.testing.assert_array_equal(layers.Dropout(0.0).apply({}, x, train=True), x)
    np.testing.assert_array_equal(layers.Dropout(1.0).apply({}, x, train=True), 0 * x)
