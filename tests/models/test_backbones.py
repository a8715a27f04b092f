"""What holds for every backbone: padding, absent persons, any layout, any length, any precision."""

import functools
import importlib

import jax
from jax.flatten_util import ravel_pytree
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.skeletons import skeleton

# Networks of two blocks, the second of which halves time.
SMALL = dict(base_channels=4, channel_multipliers=(1, 2), down_stages=(2,), dropout=0.0)
NAMES = ['agcn', 'stgcn', 'ctrgcn']
# Most of the time goes into compiling what then runs for milliseconds.
quick = {'xla_backend_optimization_level': 0, 'xla_llvm_disable_expensive_passes': True}
jit = functools.partial(jax.jit, compiler_options=quick)
every_backbone = pytest.mark.parametrize('name', NAMES)


@functools.cache
def _model(name, layout='ntu25', dtype=jnp.float32):
    module = importlib.import_module(f'skeljax.models.{name}')
    return module.Backbone(layout=layout, dtype=dtype, **_small(name))


def _small(name):
    return SMALL | (dict(out_channels=0) if name == 'stgcn' else {})


@functools.cache
def _variables(name, layout='ntu25'):
    joints = skeleton.get(layout).num_joints
    return _drawn(_model(name, layout), jnp.ones((1, 4, 1, joints, 3)), jnp.ones((1, 4, 1), bool))


def _drawn(model, x, mask):
    """Draws the variables of a model at random."""
    init = functools.partial(model.init, train=False)
    variables = jax.eval_shape(init, jax.random.key(0), x, mask)
    # Initial scales of 1e-6 or alphas of 0 would hide the graph convolutions.
    rng = np.random.default_rng(0)
    draw = lambda x: rng.normal(0, 0.3, x.shape).astype(np.float32)
    params = jax.tree.map(draw, variables['params'])
    stats = jax.tree.map(lambda x: np.abs(draw(x)) + 0.5, variables['batch_stats'])
    return {'params': params, 'batch_stats': stats}


@functools.partial(jit, static_argnames='name')
def _evaluate(name, variables, x, mask):
    return _model(name).apply(variables, x, mask, train=False)


@functools.partial(jit, static_argnames='name')
def _train(name, variables, x, mask):
    """Returns the features, new statistics, and gradients of a function of valid features."""

    def total(params):
        out, new = _model(name).apply(
            {**variables, 'params': params}, x, mask, train=True, mutable=['batch_stats']
        )
        taps = out.taps.values()
        features = [jnp.where(valid[..., None], jnp.sin(tap), 0) for tap, valid in taps]
        return sum(feature.sum() for feature in features), (out, new)

    (_, found), gradients = jax.value_and_grad(total, has_aux=True)(variables['params'])
    return *found, gradients


def _close(found, expected):
    """Compares trees; what is zero but for rounding is measured by the largest number."""
    scale = max(np.abs(leaf).max() for leaf in jax.tree.leaves(expected))
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=2e-4 * scale)
    jax.tree.map(close, found, expected)


def _padded():
    """Makes a clip of one person, and the same with frames and a person of garbage added."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 27, 1, 25, 3)).astype(np.float32)
    mask = np.ones((2, 27, 1), bool)
    larger = 100 * rng.normal(size=(2, 40, 2, 25, 3)).astype(np.float32)
    larger[:, :27, :1] = x
    seen = np.zeros((2, 40, 2), bool)
    seen[:, :27, :1] = True
    return (x, mask), (larger, seen)


def _same(found, expected):
    assert sorted(found.taps) == [1, 2]
    for stride, (tap, valid) in found.taps.items():
        length = -(-27 // stride)
        _close(tap[:, :length], expected.taps[stride][0])
        np.testing.assert_array_equal(valid, np.arange(valid.shape[1]) < [[length]] * 2)
    _close(found.map[:, :1, :14], expected.map)


@every_backbone
def test_padding_and_absent_persons_change_nothing_in_evaluation(name):
    small, large = _padded()
    _same(*(_evaluate(name, _variables(name), *clip) for clip in (large, small)))


@every_backbone
def test_padding_and_absent_persons_change_nothing_in_training(name):
    small, large = _padded()
    expected, stats, gradients = _train(name, _variables(name), *small)
    found, new, others = _train(name, _variables(name), *large)
    _same(found, expected)
    _close(new, stats)
    # Within a rounding error of a kink (ReLU, maximum) a gradient jumps: the whole is compared.
    expected, _ = ravel_pytree(gradients)
    assert np.linalg.norm(ravel_pytree(others)[0] - expected) < 0.02 * np.linalg.norm(expected)
    assert all(np.abs(g).max() > 0 for g in jax.tree.leaves(others['block2']))


@every_backbone
@pytest.mark.parametrize(('layout', 'frames'), [('coco17', 1), ('smplh52', 3)])
def test_any_layout_any_length_any_number_of_persons(name, layout, frames):
    model, joints = _model(name, layout), skeleton.get(layout).num_joints
    x = np.random.default_rng(0).normal(size=(1, frames, 3, joints, 3)).astype(np.float32)
    mask = np.ones((1, frames, 3), bool)
    apply = jit(functools.partial(model.apply, train=False))
    out = apply(_variables(name, layout), x, mask)
    assert [tap.shape[1] for tap, _ in out.taps.values()] == [-(-frames // s) for s in (1, 2)]
    assert out.map.shape == (1, 3, -(-frames // 2), joints, 8)
    # The persons change places: everyone is encoded alone, and the taps are their mean.
    other = apply(_variables(name, layout), x[:, :, ::-1], mask)
    _close(out.map[:, ::-1], other.map)
    _close(out.map.mean((1, 3)), other.taps[2][0])


@every_backbone
def test_an_empty_example_has_finite_gradients(name):
    (x, mask), _ = _padded()
    gradients = _train(name, _variables(name), x, mask & np.array([True, False])[:, None, None])[2]
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(gradients))


@every_backbone
def test_bfloat16_computes_close_to_float32_and_keeps_float32_parameters(name):
    (x, mask), _ = _padded()
    half = _model(name, dtype=jnp.bfloat16)
    made = jax.eval_shape(functools.partial(half.init, train=True), jax.random.key(0), x, mask)
    assert {leaf.dtype for leaf in jax.tree.leaves(made)} == {jnp.dtype('float32')}
    apply = functools.partial(half.apply, train=True, mutable=['batch_stats'])
    found, stats = jit(apply)(_variables(name), x, mask)
    assert found.map.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(stats)} == {jnp.dtype('float32')}
    expected = _train(name, _variables(name), x, mask)[0].taps[2][0]
    error = np.abs(found.taps[2][0].astype(np.float32) - expected).mean()
    assert error < 0.1 * np.abs(expected).mean(), error


@every_backbone
def test_the_cpu_forms_compute_what_the_plain_layers_compute(name):
    """Features to 1e-5; statistics and gradients to what rounding leaves of them."""
    module = importlib.import_module(f'skeljax.models.{name}')
    # Enough channels for the spectral convolution; CTR-GCN divides them among branches.
    channels = 128 if name == 'ctrgcn' else 32
    sizes = dict(base_channels=channels, channel_multipliers=(1, 1), dropout=0.5)
    x, mask = map(jnp.asarray, _padded()[1])
    found = {}
    for implementation in ('plain', 'cpu'):
        model = module.Backbone(**_small(name) | sizes, implementation=implementation)
        variables = _drawn(model, x, mask)
        run = jit(jax.value_and_grad(functools.partial(_total, model, variables), has_aux=True))
        found[implementation] = run(variables['params'], x, mask)
    (_, (taps, stats)), gradients = found['cpu']
    (_, (expected, expected_stats)), expected_gradients = found['plain']
    scale = max(np.abs(tap).max() for tap in expected)
    near = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5 * scale)
    jax.tree.map(near, taps, expected)
    _close(stats, expected_stats)
    _close(gradients, expected_gradients)
    # The programs differ indeed.
    assert any((a != b).any() for a, b in zip(taps, expected, strict=True))


def _total(model, variables, params, x, mask):
    """Returns a function of the valid features; and those and the new statistics."""
    out, new = model.apply(
        {**variables, 'params': params}, x, mask, train=True, mutable=['batch_stats'],
        rngs={'dropout': jax.random.key(0)},
    )
    taps = [jnp.where(valid[..., None], tap, 0) for tap, valid in out.taps.values()]
    return sum(jnp.sin(tap).sum() for tap in taps), (taps, new)
