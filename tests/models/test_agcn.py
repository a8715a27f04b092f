import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.models import agcn, fusers, heads

V, SHORT = 25, dict(channel_multipliers=(1, 1, 2), down_stages=(2, 3))


def _count(tree):
    return sum(x.size for x in jax.tree.leaves(tree))


def _shapes(model, frames=64):
    example = jnp.zeros((1, frames, 1, V, 3))
    mask = jnp.ones((1, frames, 1), bool)
    init = functools.partial(model.init, train=True)
    return jax.eval_shape(init, jax.random.key(0), example, mask)['params']


def test_parameter_counts_of_the_release():
    model = heads.FrameClassifier(agcn.Backbone(), fusers.Fuser(), heads.FrameHead(num_outputs=5))
    counts = {name: _count(tree) for name, tree in _shapes(model).items()}
    assert counts == {'backbone': 3_458_228, 'fuser': 2_244_672, 'head': 2_565}
    # The release never calls its input norm: 75 coordinates, a scale and a bias each.
    assert _count(_shapes(agcn.Backbone(faithful=('input_norm',)))) == 3_458_228 - 150
    # 2s-AGCN itself has 3,454,090: it normalizes the 150 coordinates of two persons.
    assert _count(_shapes(agcn.Backbone(down_stages=(5, 8)))) == 3_454_090 - 150


def test_taps_are_the_last_blocks_of_each_resolution():
    model = agcn.Backbone(base_channels=4)
    x, mask = jnp.ones((2, 50, 2, V, 3)), jnp.ones((2, 50, 2), bool)
    out = jax.eval_shape(
        lambda k: model.init_with_output(k, x, mask, train=True)[0], jax.random.key(0)
    )
    shapes = {stride: tap[0].shape for stride, tap in out.taps.items()}
    # 50 -> 25 -> 13 -> 7 frames, rounded up at each halving.
    assert shapes == {1: (2, 50, 4), 2: (2, 25, 4), 4: (2, 13, 8), 8: (2, 7, 16)}
    assert out.map.shape == (2, 2, 7, V, 16)


@functools.cache
def _models():
    make = functools.partial(agcn.Backbone, base_channels=4, **SHORT)
    return {
        'plain': heads.FrameClassifier(make(), None, heads.FrameHead(4)),
        'fuser': heads.FrameClassifier(make(), fusers.Fuser((1, 2, 4)), heads.FrameHead(4)),
    }


@functools.cache
def _variables(kind):
    x, mask = jnp.ones((2, 32, 1, V, 3)), jnp.ones((2, 32, 1), bool)
    init = jax.jit(functools.partial(_models()[kind].init, train=True))
    variables = init(jax.random.key(0), x, mask)
    # Initial norms of 1e-6 would hide the graph convolutions.
    rng = np.random.default_rng(0)
    noise = lambda x: np.asarray(x + 0.1 * rng.normal(size=x.shape), np.float32)
    return {**variables, 'params': jax.tree.map(noise, jax.device_get(variables['params']))}


@functools.partial(jax.jit, static_argnames=('kind', 'train'))
def _apply(kind, train, variables, x, mask):
    return _models()[kind].apply(variables, x, mask, train=train, mutable=['batch_stats'])


def _close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('kind', ['plain', 'fuser'])
@pytest.mark.parametrize('train', [False, True])
@pytest.mark.parametrize('length', [27, 32])
def test_padding_changes_nothing(kind, train, length):
    rng = np.random.default_rng(0)
    short = rng.normal(size=(2, length, 1, V, 3)).astype(np.float32)
    garbage = 100 * rng.normal(size=(2, 13, 1, V, 3)).astype(np.float32)
    long = np.concatenate([short, garbage], axis=1)
    mask = np.arange(length + 13)[None, :, None].repeat(2, 0) < length
    expected, stats = _apply(kind, train, _variables(kind), short, np.ones_like(mask[:, :length]))
    found, padded_stats = _apply(kind, train, _variables(kind), long, mask)
    _close(found[:, :length], expected)
    jax.tree.map(_close, padded_stats, stats)


@pytest.mark.parametrize('train', [False, True])
def test_lengths_of_a_batch_do_not_disturb_each_other(train):
    """In evaluation each example is as if alone; in training statistics are shared."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 40, 1, V, 3)).astype(np.float32)
    mask = np.arange(40)[None, :, None] < np.array([[[40]], [[21]]])
    whole, _ = _apply('fuser', train, _variables('fuser'), x, mask)
    assert np.isfinite(whole).all()
    if not train:
        for i, length in enumerate((40, 21)):
            alone, _ = _apply(
                'fuser', False, _variables('fuser'), x[i : i + 1, :length], mask[i : i + 1, :length]
            )
            _close(whole[i, :length], alone[0])


@pytest.mark.parametrize('train', [False, True])
def test_an_absent_person_changes_nothing(train):
    rng = np.random.default_rng(0)
    one = rng.normal(size=(2, 32, 1, V, 3)).astype(np.float32)
    two = np.concatenate([one, 100 * rng.normal(size=one.shape).astype(np.float32)], axis=2)
    mask = np.ones((2, 32, 2), bool) & (np.arange(2) == 0)
    expected, stats = _apply('fuser', train, _variables('fuser'), one, mask[:, :, :1])
    found, with_absent = _apply('fuser', train, _variables('fuser'), two, mask)
    _close(found, expected)
    jax.tree.map(_close, with_absent, stats)


def test_an_empty_example_has_finite_gradients():
    x = np.random.default_rng(0).normal(size=(2, 32, 1, V, 3)).astype(np.float32)
    mask = np.ones((2, 32, 1), bool) & (np.arange(2) == 0)[:, None, None]
    variables = _variables('fuser')

    def total(params):
        out = _models()['fuser'].apply(
            {**variables, 'params': params}, x, mask, train=True, mutable=['batch_stats']
        )[0]
        return jnp.where(mask, out, 0).sum()

    grads = jax.jit(jax.grad(total))(variables['params'])
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(grads))
    assert any(np.abs(g).max() > 0 for g in jax.tree.leaves(grads['backbone']))


def test_the_attention_depends_on_the_data():
    """Equal poses, other motion of one joint: other joints of the result change."""
    backbone = agcn.Backbone(base_channels=4, channel_multipliers=(1,))
    x = np.random.default_rng(0).normal(size=(1, 8, 1, V, 3)).astype(np.float32)
    mask = np.ones((1, 8, 1), bool)
    init = jax.jit(functools.partial(backbone.init, train=True))
    variables = jax.device_get(init(jax.random.key(0), x, mask))
    variables = jax.tree.map(np.copy, variables)
    variables['params']['block1']['graph']['norm']['scale'] += 1.0
    changed = x.copy()
    changed[:, :, :, 3] += 1.0  # the head is no neighbor of the feet
    apply = jax.jit(functools.partial(backbone.apply, train=False))
    outputs = [apply(variables, v, mask).map for v in (x, changed)]
    assert np.abs(outputs[0] - outputs[1])[..., 19, :].max() > 1e-4


def test_bfloat16_computes_close_to_float32():
    x = np.random.default_rng(0).normal(size=(2, 32, 1, V, 3)).astype(np.float32)
    mask = np.ones((2, 32, 1), bool)
    variables = _variables('plain')['params']['backbone']
    stats = _variables('plain')['batch_stats']['backbone']
    variables = {'params': variables, 'batch_stats': stats}
    results = []
    for dtype in (jnp.float32, jnp.bfloat16):
        model = agcn.Backbone(base_channels=4, **SHORT, dtype=dtype)
        apply = functools.partial(model.apply, train=True, mutable=['batch_stats'])
        out = jax.jit(apply)(variables, x, mask)[0]
        assert out.map.dtype == dtype
        results.append(np.asarray(out.taps[4][0], np.float32))
    error = np.abs(results[0] - results[1]).mean() / np.abs(results[0]).mean()
    assert error < 0.1, error
