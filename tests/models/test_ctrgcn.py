import functools

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.models import ctrgcn, norms

V = 25
# Normalization that leaves everything as it is, in evaluation and before training.
IDENTITY = functools.partial(norms.MaskedBatchNorm, epsilon=0.0)


def _draw(variables, seed=0):
    rng = np.random.default_rng(seed)
    draw = lambda x: rng.normal(0, 0.5, x.shape).astype(np.float32)
    return {**variables, 'params': jax.tree.map(draw, variables['params'])}


def _plain(params):
    """Sets a normalization's parameters to scale 1, bias 0."""
    params['scale'], params['bias'] = np.ones_like(params['scale']), np.zeros_like(params['bias'])


def test_published_parameter_count():
    model = ctrgcn.Backbone()
    x, mask = jnp.zeros((1, 64, 1, V, 3)), jnp.ones((1, 64, 1), bool)
    init = functools.partial(model.init, train=True)
    params = jax.eval_shape(init, jax.random.key(0), x, mask)['params']
    # The published one normalizes 150 coordinates, those of two persons, ours 75.
    assert sum(x.size for x in jax.tree.leaves(params)) == 1_431_252 - 2 * 75


def test_taps_are_the_last_blocks_of_each_resolution():
    model = ctrgcn.Backbone(base_channels=4)
    x, mask = jnp.ones((2, 50, 2, V, 3)), jnp.ones((2, 50, 2), bool)
    init = lambda key: model.init_with_output(key, x, mask, train=True)[0]
    out = jax.eval_shape(init, jax.random.key(0))
    shapes = {stride: tap[0].shape for stride, tap in out.taps.items()}
    assert shapes == {1: (2, 50, 4), 2: (2, 25, 8), 4: (2, 13, 16)}
    assert out.map.shape == (2, 2, 13, V, 16)


def test_initially_joints_mix_by_the_skeleton_alone():
    model = ctrgcn.Backbone(base_channels=4, channel_multipliers=(1,))
    x, mask = jnp.ones((1, 4, 1, V, 3)), jnp.ones((1, 4, 1), bool)
    init = jax.jit(functools.partial(model.init, train=False))
    graph = init(jax.random.key(0), x, mask)['params']['block1']['graph']
    assert graph['alpha'] == 0
    itself, one, other = graph['partitions']
    np.testing.assert_array_equal(itself, np.eye(V))
    np.testing.assert_array_equal(one != 0, (other != 0).T)
    assert one.astype(bool).sum() == 24


def test_a_graph_convolution_as_the_paper_writes_it():
    """Convolutions of every frame first, then the mean over valid frames; sums over joints last."""
    rng = np.random.default_rng(0)
    n, v, t, c, d, inner = 2, 3, 4, 16, 16, 2
    x = rng.normal(size=(n, v, t, c)).astype(np.float32)
    mask = (np.arange(t) < [[4], [2]])[:, None, :, None]
    conv = ctrgcn.GraphConv(d, tuple(map(tuple, rng.normal(size=(3, v, v)).tolist())), IDENTITY)
    variables = _draw(jax.device_get(conv.init(jax.random.key(0), x, mask, train=False)))
    params = variables['params']
    _plain(params['norm'])
    found = conv.apply(variables, x, mask, train=False)
    expected = x.copy()
    for k in range(3):
        linear = lambda name: x @ params[name]['kernel'] + params[name]['bias']
        mean = lambda name, k=k: (
            (linear(name)[..., k * inner : (k + 1) * inner] * mask).sum(2) / mask.sum(2)
        )
        query, key, values = mean('query'), mean('key'), linear(f'value{k}')
        relation = params[f'relation{k}']
        for target in range(v):
            for source in range(v):
                related = np.tanh(query[:, target] - key[:, source])
                refined = related @ relation['kernel'] + relation['bias']
                weight = params['alpha'] * refined + params['partitions'][k, target, source]
                expected[:, target] += weight[:, None] * values[:, source]
    np.testing.assert_allclose(found, np.maximum(expected, 0), rtol=1e-4, atol=1e-4)


class OverTime(ctrgcn.Block):
    """The part of a block that comes after the graph convolution."""

    @nn.compact
    def __call__(self, x, mask):
        return self.temporal_conv(x, mask, train=False)


@pytest.mark.parametrize('stride', [1, 2])
def test_the_temporal_branches_one_by_one(stride):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 2, 7, 8)).astype(np.float32)
    mask = np.ones((1, 1, 7, 1), bool)
    block = OverTime(8, stride, False, ctrgcn.GraphConv, IDENTITY, 0.0, None)
    made = block.init(jax.random.key(0), x, mask)
    variables = _draw(jax.device_get(made))
    params = variables['params']
    _plain(params['reduce_norm'])
    _plain(params['norm'])
    found = block.apply(variables, x, mask)
    few = np.maximum(x @ params['reduce']['kernel'] + params['reduce']['bias'], 0)
    padded = np.pad(few, [(0, 0), (0, 0), (4, 4), (0, 0)])
    expected = []
    for i in range(0, 7, stride):
        around = lambda part, steps, i=i: [padded[:, :, i + 4 + s, part] for s in steps]
        first = sum(f @ k for f, k in zip(
            around(slice(0, 2), range(-2, 3)), params['dilated1']['kernel'], strict=True))
        second = sum(f @ k for f, k in zip(
            around(slice(2, 4), range(-4, 5, 2)), params['dilated2']['kernel'], strict=True))
        pooled = np.max(around(slice(4, 6), range(-1, 2)), axis=0)
        point = x[:, :, i] @ params['point']['kernel'] + params['point']['bias']
        biased = [first + params['dilated1']['bias'], second + params['dilated2']['bias']]
        expected.append(np.concatenate([*biased, pooled, point], axis=-1))
    np.testing.assert_allclose(found, np.stack(expected, axis=2), rtol=1e-4, atol=1e-5)


def test_a_width_that_has_no_quarter_is_told():
    x, mask = jnp.ones((1, 4, 1, V, 3)), jnp.ones((1, 4, 1), bool)
    with pytest.raises(InputError, match='base_channels of ctrgcn is 6, expected a multiple of 4'):
        ctrgcn.Backbone(base_channels=6).init(jax.random.key(0), x, mask, train=False)
