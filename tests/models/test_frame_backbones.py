"""What holds for the backbones that keep frame resolution: transformer and gru."""

import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.models import fusers, heads, pooling
from skeljax.skeletons import skeleton

# Most of the time goes into compiling what then runs for milliseconds.
quick = {'xla_backend_optimization_level': 0, 'xla_llvm_disable_expensive_passes': True}
jit = functools.partial(jax.jit, compiler_options=quick)
CHANNELS = dict(transformer=8, gru=16)  # of a network of 8 base channels
every_backbone = pytest.mark.parametrize('name', CHANNELS)


@functools.cache
def _model(name, layout='ntu25', **changes):
    module = importlib.import_module(f'skeljax.models.{name}')
    return module.Backbone(**{'layout': layout, 'base_channels': 8, 'num_layers': 2, **changes})


def _draw(shapes):
    """Draws parameters, so that none is too small to be seen."""
    rng = np.random.default_rng(0)
    draw = lambda x: rng.normal(0, 0.3, x.shape).astype(np.float32)
    variables = {kind: jax.tree.map(draw, tree) for kind, tree in shapes.items()}
    stats = jax.tree.map(lambda x: np.abs(x) + 0.5, variables.get('batch_stats', {}))
    return {**variables, 'batch_stats': stats}


@functools.cache
def _variables(model, joints=25):
    x, mask = jnp.ones((1, 4, 1, joints, 3)), jnp.ones((1, 4, 1), bool)
    init = functools.partial(model.init, train=False)
    return _draw(jax.eval_shape(init, jax.random.key(0), x, mask))


@functools.partial(jit, static_argnames='model')
def _evaluate(model, variables, x, mask):
    return model.apply(variables, x, mask, train=False)


@functools.partial(jit, static_argnames='model')
def _train(model, variables, x, mask):
    """Returns the features, new statistics, and gradients of a function of valid features."""

    def total(params):
        given = {**variables, 'params': params}
        out, new = model.apply(given, x, mask, train=True, mutable=['batch_stats'])
        taps = out.taps.values()
        features = [jnp.where(valid[..., None], jnp.sin(tap), 0) for tap, valid in taps]
        return sum(feature.sum() for feature in features), (out, new)

    (_, found), gradients = jax.value_and_grad(total, has_aux=True)(variables['params'])
    return *found, gradients


def _close(found, expected):
    """Compares trees; what is zero but for rounding is measured by the largest number."""
    scale = max([np.abs(leaf).max() for leaf in jax.tree.leaves(expected)], default=0)
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5 * scale)
    jax.tree.map(close, found, expected)


@functools.cache
def _clips():
    """Makes a clip of one person, and the same with frames and a person of garbage added."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 27, 1, 25, 3)).astype(np.float32)
    mask = np.ones((2, 27, 1), bool)
    mask[1, :5] = mask[1, 11] = mask[1, 20:] = False  # comes late, is lost a frame, leaves
    larger = 100 * rng.normal(size=(2, 40, 2, 25, 3)).astype(np.float32)
    larger[:, 30:] = np.nan
    larger[:, :27, :1] = x
    seen = np.zeros((2, 40, 2), bool)
    seen[:, :27, :1] = mask
    return (x, mask), (larger, seen)


def _same(found, expected):
    assert sorted(found.taps) == [1, 2, 4, 8]
    for stride, (tap, valid) in found.taps.items():
        old, seen = expected.taps[stride]
        length = -(-27 // stride)
        assert old.shape[1] == length and tap.shape[1] == 40 // stride
        _close(tap[:, :length], old)
        np.testing.assert_array_equal(valid[:, :length], seen)
        assert not valid[:, length:].any()
    _close(found.map[:, :1, :27], expected.map)
    assert not found.map[:, :, 27:].any() and not found.map[:, 1].any()


@every_backbone
def test_padding_and_absent_persons_change_nothing_in_evaluation(name):
    small, large = _clips()
    variables = _variables(_model(name))
    _same(*(_evaluate(_model(name), variables, *clip) for clip in (large, small)))


@every_backbone
def test_padding_and_absent_persons_change_nothing_in_training(name):
    small, large = _clips()
    variables = _variables(_model(name))
    expected, stats, gradients = _train(_model(name), variables, *small)
    found, new, others = _train(_model(name), variables, *large)
    _same(found, expected)
    _close(new, stats)
    _close(others, gradients)


@every_backbone
def test_every_parameter_is_trained(name):
    gradients = _train(_model(name), _variables(_model(name)), *_clips()[0])[2]
    assert all(np.abs(g).max() > 1e-6 for g in jax.tree.leaves(gradients))


@every_backbone
def test_garbage_where_nobody_is_changes_nothing(name):
    """Frames in the middle of a clip, too."""
    (x, mask), _ = _clips()
    dirty = np.where(mask[..., None, None], x, np.float32(50))
    variables = _variables(_model(name))
    found, expected = (_evaluate(_model(name), variables, clip, mask) for clip in (dirty, x))
    _close(found, expected)


@every_backbone
@pytest.mark.parametrize(('layout', 'frames'), [('coco17', 1), ('smplh52', 3)])
def test_any_layout_any_length_any_number_of_persons(name, layout, frames):
    model, joints = _model(name, layout), skeleton.get(layout).num_joints
    x = np.random.default_rng(0).normal(size=(1, frames, 3, joints, 3)).astype(np.float32)
    mask = np.ones((1, frames, 3), bool)
    out = _evaluate(model, _variables(model, joints), x, mask)
    assert [tap.shape[1] for tap, _ in out.taps.values()] == [-(-frames // s) for s in (1, 2, 4, 8)]
    assert out.map.shape == (1, 3, frames, 1 if name == 'gru' else joints, CHANNELS[name])
    # The persons change places: everyone is encoded alone, and the taps are their mean.
    other = _evaluate(model, _variables(model, joints), x[:, :, ::-1], mask)
    _close(out.map[:, ::-1], other.map)
    _close(out.map.mean((1, 2, 3)), other.taps[8][0][:, 0])


@every_backbone
def test_taps_are_means_of_the_map_over_stretches_of_frames(name):
    """Of a single layer, from which all taps are taken."""
    model = _model(name, num_layers=1)
    x, mask = _clips()[0]
    out = jax.device_get(_evaluate(model, _variables(model), x, mask))
    for stride in (1, 2, 4, 8):
        tap, valid = out.taps[stride]
        for i in range(-(-27 // stride)):
            frames = slice(i * stride, (i + 1) * stride)
            for clip in range(2):
                there = mask[clip, frames, 0]
                assert valid[clip, i] == there.any()
                if there.any():
                    mean = out.map[clip, 0, frames][there].mean((0, 1))
                    np.testing.assert_allclose(tap[clip, i], mean, rtol=1e-3, atol=1e-5)


def test_pool_time_by_hand():
    x = jnp.array([[[1.0], [2.0], [30.0], [4.0], [5.0]]])
    mask = jnp.array([[True, True, False, True, False]])
    found, valid = pooling.pool_time(x, mask, 2)
    np.testing.assert_allclose(found[..., 0], [[1.5, 4.0, 0.0]])
    np.testing.assert_array_equal(valid, [[True, True, False]])
    # The fuser hands each step back to the frames that it is the mean of.
    raised = fusers.upsample(found, 2, 5)[..., 0]
    np.testing.assert_allclose(raised, [[1.5, 1.5, 4.0, 4.0, 0.0]])


def test_layers_that_are_tapped():
    assert pooling.tapped_layers(1) == {1: 1, 2: 1, 4: 1, 8: 1}
    assert pooling.tapped_layers(3) == {1: 1, 2: 2, 4: 3, 8: 3}
    assert pooling.tapped_layers(4) == {1: 1, 2: 2, 4: 3, 8: 4}
    assert pooling.tapped_layers(8) == {1: 2, 2: 4, 4: 6, 8: 8}


@every_backbone
def test_the_early_tap_knows_only_the_first_layer(name):
    model = _model(name)
    variables = _variables(model)
    x, mask = _clips()[0]
    part = 'block2' if name == 'transformer' else 'layer2'
    moved = jax.tree.map(lambda p: p + 1, variables['params'][part])
    changed = {**variables['params'], part: moved}
    before, after = (
        _evaluate(model, {**variables, 'params': params}, x, mask)
        for params in (variables['params'], changed)
    )
    np.testing.assert_array_equal(before.taps[1][0], after.taps[1][0])
    assert np.abs(before.taps[8][0] - after.taps[8][0]).max() > 1e-3


@every_backbone
def test_scores_by_fuser_and_plain_head_do_not_see_the_padding(name):
    joined, head = fusers.Fuser((1, 4, 8), features=8), heads.FrameHead(num_outputs=3)

    def score(key, taps):
        fused, mask = joined.init_with_output(key, taps, train=False)[0]
        plain = heads.interpolate(head.init_with_output(key, taps[8][0])[0], mask, 8)
        return head.init_with_output(key, fused)[0], plain

    small, large = _clips()
    expected, found = (
        jit(score)(jax.random.key(0), _evaluate(_model(name), _variables(_model(name)), *clip).taps)
        for clip in (small, large)
    )
    for old, new in zip(expected, found, strict=True):
        assert old.shape == (2, 27, 3) and np.isfinite(new).all()
        _close(np.where(small[1], new[:, :27], 0), np.where(small[1], old, 0))


@every_backbone
def test_dropout_is_drawn_in_training_alone(name):
    model = _model(name, dropout=0.5)
    variables = _variables(_model(name))
    x, mask = _clips()[0]
    plain = _evaluate(_model(name), variables, x, mask).map
    _close(_evaluate(model, variables, x, mask).map, plain)

    @jit
    def trained(key):
        given = dict(train=True, mutable=['batch_stats'], rngs={'dropout': key})
        return model.apply(variables, x, mask, **given)[0].map

    one, again, two = (trained(jax.random.key(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - two).max() > 0.01


@every_backbone
def test_an_empty_example_has_finite_gradients(name):
    (x, mask), _ = _clips()
    mask = mask & np.array([True, False])[:, None, None]
    gradients = _train(_model(name), _variables(_model(name)), x, mask)[2]
    assert all(np.isfinite(g).all() for g in jax.tree.leaves(gradients))


@every_backbone
def test_bfloat16_computes_close_to_float32_and_keeps_float32_parameters(name):
    (x, mask), _ = _clips()
    half = _model(name, dtype=jnp.bfloat16)
    made = jax.eval_shape(functools.partial(half.init, train=True), jax.random.key(0), x, mask)
    assert {leaf.dtype for leaf in jax.tree.leaves(made)} == {jnp.dtype('float32')}
    variables = _variables(_model(name))
    found, stats, gradients = _train(half, variables, x, mask)
    kept = jax.tree.leaves((stats, gradients))
    assert {leaf.dtype for leaf in kept} == {jnp.dtype('float32')}
    assert found.map.dtype == jnp.bfloat16
    expected = _train(_model(name), variables, x, mask)[0].map
    error = np.abs(found.map.astype(np.float32) - expected).mean()
    assert error < 0.1 * np.abs(expected).mean(), error
