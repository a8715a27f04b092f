import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.models import transformer

X = np.random.default_rng(0).normal(size=(2, 9, 1, 5, 3)).astype(np.float32)  # B T M V 3
MASK = np.ones((2, 9, 1), bool) & (np.arange(9)[:, None] < np.array([[[9]], [[6]]]))
MODEL = transformer.Backbone(base_channels=8, num_layers=1, num_heads=2)
quick = {'xla_backend_optimization_level': 0, 'xla_llvm_disable_expensive_passes': True}


@functools.cache
def _variables():
    shapes = jax.eval_shape(functools.partial(MODEL.init, train=False), jax.random.key(0), X, MASK)
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda x: rng.normal(0, 0.5, x.shape).astype(np.float32), shapes)


def _apply():
    """Compiles anew, as a test may have changed the time encoding."""
    return jax.jit(
        lambda variables, x, mask: MODEL.apply(variables, x, mask, train=False).map,
        compiler_options=quick,
    )


def test_parameter_count():
    model = transformer.Backbone(base_channels=32)
    x, mask = jnp.ones((1, 4, 1, 25, 3)), jnp.ones((1, 4, 1), bool)
    shapes = jax.eval_shape(functools.partial(model.init, train=False), jax.random.key(0), x, mask)
    linear = lambda inputs, outputs: (inputs + 1) * outputs
    attention = linear(32, 96) + linear(32, 32)
    block = 2 * attention + linear(32, 128) + linear(128, 32) + 3 * 64
    expected = linear(3, 32) + 25 * 32 + 4 * (block + 64)
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes['params'])) == expected


@pytest.mark.parametrize('masked', [False, True])
def test_attention_by_hand(masked):
    rng = np.random.default_rng(0)
    query, key, value = rng.normal(size=(3, 2, 4, 6)).astype(np.float32)
    mask = np.array([[True, True, False, True], [False, True, False, False]])
    found = transformer.attend(query, key, value, mask if masked else None, 3)
    for n in range(2):
        for head in range(3):
            part = slice(2 * head, 2 * head + 2)
            there = mask[n] if masked else np.ones(4, bool)
            for i in range(4):
                score = np.exp(key[n, there, part] @ query[n, i, part] / np.sqrt(2))
                expected = score / score.sum() @ value[n, there, part]
                np.testing.assert_allclose(found[n, i, part], expected, rtol=1e-4, atol=1e-6)


def test_attention_agrees_with_jax():
    rng = np.random.default_rng(1)
    query, key, value = (jnp.array(rng.normal(size=(3, 7, 8)), jnp.float32) for _ in range(3))
    mask = jnp.array(rng.random((3, 7)) < 0.7).at[:, 0].set(True)
    split = lambda x: x.reshape(3, 7, 4, 2)
    expected = jax.nn.dot_product_attention(
        split(query), split(key), split(value), mask=mask[:, None, None]
    )
    found = transformer.attend(query, key, value, mask, 4)
    np.testing.assert_allclose(found, expected.reshape(3, 7, 8), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('channels', [1, 5, 8])
def test_time_encoding_of_any_width(channels):
    found = np.asarray(transformer.time_encoding(300, channels))
    assert found.shape == (300, channels)
    np.testing.assert_allclose(found[:, 0], np.sin(np.arange(300)), atol=1e-4)
    if channels == 8:
        np.testing.assert_allclose(found[:, 7], np.cos(np.arange(300) / 1000), atol=1e-4)
    shorter = transformer.time_encoding(20, channels)
    np.testing.assert_array_equal(found[:20], shorter)


def test_joints_change_places_with_their_embedding():
    order = np.array([3, 0, 4, 1, 2])
    variables = _variables()
    apply = _apply()
    expected = apply(variables, X, MASK)[..., order, :]
    params = {**variables['params'], 'joint': variables['params']['joint'][order]}
    found = apply({'params': params}, X[..., order, :], MASK)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    # Without their embedding they are others.
    assert np.abs(apply(variables, X[..., order, :], MASK) - expected).max() > 0.1


def test_frames_change_places_but_for_the_time_encoding(monkeypatch):
    order = np.array([4, 8, 0, 2, 7, 1, 3, 6, 5])

    def both():
        apply = _apply()
        moved = apply(_variables(), X[:, order], MASK[:, order])
        return moved, apply(_variables(), X, MASK)[:, :, order]

    assert np.abs(np.subtract(*both())).max() > 0.1
    monkeypatch.setattr(transformer, 'time_encoding', lambda t, c: jnp.zeros((t, c)))
    np.testing.assert_allclose(*both(), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize('part', ['joints', 'frames'])
def test_either_attention_reaches_where_it_should(part):
    """With the other one silenced: other joints of the frame, other frames of the joint."""
    other = {'joints': 'frames', 'frames': 'joints'}[part]
    block = dict(_variables()['params']['block1'])
    block[f'{other}_out'] = jax.tree.map(np.zeros_like, block[f'{other}_out'])
    variables = {'params': {**_variables()['params'], 'block1': block}}
    changed = X.copy()
    changed[0, 3, 0, 2] += 1
    apply = _apply()
    moved = np.abs(apply(variables, X, MASK) - apply(variables, changed, MASK))[0, 0].max(-1)
    reached = np.zeros((9, 5), bool)  # T V
    reached[(3, slice(None)) if part == 'joints' else (slice(None), 2)] = True
    np.testing.assert_array_equal(moved > 1e-6, reached)


def test_long_clips_do_not_hold_all_weights_at_once():
    """Those of all joints and heads, T x T each; the gradient takes less in all."""
    block = transformer.Block(4, 4, 0.0, None, jnp.float32)
    x, mask = jnp.ones((1, 512, 25, 8)), jnp.ones((1, 512), bool)
    init = functools.partial(block.init, train=True)
    variables = jax.eval_shape(init, jax.random.key(0), x, mask)
    total = lambda variables, x: block.apply(variables, x, mask, train=True).sum()
    compiled = jax.jit(jax.grad(total)).lower(variables, x).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 25 * 4 * 512 * 512 * 4


def test_a_width_that_heads_cannot_share():
    model = transformer.Backbone(base_channels=10)
    with pytest.raises(InputError, match='base_channels is 10, expected a multiple of num_heads 4'):
        jax.eval_shape(functools.partial(model.init, train=True), jax.random.key(0), X, MASK)
