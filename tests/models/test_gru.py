import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.models import gru

X = np.random.default_rng(0).normal(size=(2, 9, 1, 4, 3)).astype(np.float32)  # B T M V 3
MASK = np.ones((2, 9, 1), bool)
quick = {'xla_backend_optimization_level': 0, 'xla_llvm_disable_expensive_passes': True}


def _model(*faithful, width=6, depth=2):
    return gru.Backbone(base_channels=width, num_layers=depth, faithful=faithful)


@functools.cache
def _variables(model):
    init = functools.partial(model.init, train=False)
    return jax.device_get(jax.jit(init, compiler_options=quick)(jax.random.key(0), X, MASK))


@functools.partial(jax.jit, static_argnames='model', compiler_options=quick)
def _features(model, variables, x, mask):
    """Returns the features of every frame, float[B, T, C]."""
    return model.apply(variables, x, mask, train=False).map[:, 0, :, 0]


def _count(joints, width, depth=3):
    x, mask = jnp.ones((1, 4, 1, joints, 3)), jnp.ones((1, 4, 1), bool)
    init = functools.partial(gru.Backbone(base_channels=width, num_layers=depth).init, train=False)
    shapes = jax.eval_shape(init, jax.random.key(0), x, mask)['params']
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))


def test_parameter_counts():
    """The published 45.0 million for two persons of 25 joints in one vector, 150 numbers."""
    recurrent = lambda inputs, hidden: 2 * 3 * hidden * (inputs + hidden + 2)
    published = 2 * 150 + recurrent(150, 1024) + 2 * recurrent(2048, 1024)
    assert _count(50, 1024) == published == 44_998_956
    # Half the inputs for each person alone.
    assert _count(25, 1024) == 44_998_956 - 2 * 75 - 2 * 3 * 1024 * 75 == 44_538_006


def test_a_step_by_hand():
    """One hidden unit, one person, forward direction alone."""
    kernel = np.array([[[0.5, -1.0, 2.0]]], np.float32)
    bias = np.array([[0.1, 0.2, 0.3]], np.float32)
    given = np.array([[[0.4, -0.6, 0.7]]], np.float32)
    found = gru.cell(np.full((1, 1, 1), 0.8, np.float32), given, kernel, bias)
    sigmoid = lambda x: 1 / (1 + np.exp(-x))
    reset = sigmoid(0.4 + 0.5 * 0.8 + 0.1)
    update = sigmoid(-0.6 - 1.0 * 0.8 + 0.2)
    new = np.tanh(0.7 + reset * (2.0 * 0.8 + 0.3))
    np.testing.assert_allclose(found, [[[(1 - update) * new + update * 0.8]]], rtol=1e-6)


def test_the_layers_are_pytorchs():
    torch = pytest.importorskip('torch', reason='PyTorch is not installed (extra: compare)')
    model = _model()
    variables = _variables(model)
    twin = torch.nn.GRU(12, 6, num_layers=2, bidirectional=True, batch_first=True)
    names = dict(
        weight_ih='input_kernel', weight_hh='hidden_kernel',
        bias_ih='input_bias', bias_hh='hidden_bias',
    )
    with torch.no_grad():
        for layer in range(2):
            for direction, suffix in enumerate(('', '_reverse')):
                for theirs, ours in names.items():
                    value = variables['params'][f'layer{layer + 1}'][ours][direction].T
                    getattr(twin, f'{theirs}_l{layer}{suffix}').copy_(torch.tensor(value.tolist()))
        # The input norm of evaluation, its statistics being initial.
        given = X.reshape(2, 9, 12) / np.sqrt(1 + 1e-5)
        expected = twin(torch.tensor(given.tolist()))[0].tolist()
    np.testing.assert_allclose(_features(model, variables, X, MASK), expected, rtol=1e-4, atol=1e-6)


def test_initial_weights_are_as_published():
    """Matrices of each direction uniform after Xavier, biases as PyTorch's GRU has them."""
    layer = _variables(_model(width=32, depth=1))['params']['layer1']
    bounds = dict(
        input_kernel=np.sqrt(6 / (12 + 96)), hidden_kernel=np.sqrt(6 / (32 + 96)),
        input_bias=np.sqrt(1 / 32), hidden_bias=np.sqrt(1 / 32),
    )
    assert set(layer) == set(bounds)
    for name, bound in bounds.items():
        assert 0.95 * bound < np.abs(layer[name]).max() <= bound
        assert abs(layer[name].std() - bound / np.sqrt(3)) < 0.1 * bound
        assert np.abs(layer[name][0] - layer[name][1]).max() > 0.5 * bound


def test_reversed_time_with_exchanged_directions_reverses_the_features():
    model = _model()
    variables = _variables(model)
    mask = MASK & (np.arange(9)[:, None] < np.array([[[9]], [[6]]])) & (np.arange(9) != 2)[:, None]
    expected = _features(model, variables, X, mask)
    layers = {}
    for number in (1, 2):
        layer = {k: v[::-1].copy() for k, v in variables['params'][f'layer{number}'].items()}
        if number == 2:  # its inputs are the first layer's directions, which change places
            layer['input_kernel'] = np.roll(layer['input_kernel'], 6, axis=1)
        layers[f'layer{number}'] = layer
    exchanged = {**variables, 'params': {**variables['params'], **layers}}
    found = _features(model, exchanged, X[:, ::-1].copy(), mask[:, ::-1].copy())[:, ::-1]
    np.testing.assert_allclose(np.roll(found, 6, axis=-1), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('faithful', [(), ('causal',)])
def test_who_sees_the_future(faithful):
    model = _model(*faithful)
    changed = X.copy()
    changed[:, 5:] += 1
    before, after = (_features(model, _variables(model), x, MASK) for x in (X, changed))
    moved = np.abs(before - after).max((0, 2))
    assert (moved[5:] > 1e-3).all()
    if faithful:
        np.testing.assert_array_equal(before[:, :5], after[:, :5])
    else:
        assert (moved[:5] > 1e-6).all() and moved[4] > 1e-3


def test_causal_directions_both_run_forward():
    """The second, given the first's weights, does the same."""
    model = _model('causal', depth=1)
    variables = _variables(model)
    layer = {k: np.stack([v[0], v[0]]) for k, v in variables['params']['layer1'].items()}
    twins = {**variables, 'params': {**variables['params'], 'layer1': layer}}
    one, two = np.split(_features(model, twins, X, MASK), 2, axis=-1)
    np.testing.assert_array_equal(one, two)


def test_a_frame_without_the_person_is_as_if_cut_out():
    model = _model()
    mask = MASK & (np.arange(9) != 4)[:, None]
    kept = [0, 1, 2, 3, 5, 6, 7, 8]
    found = _features(model, _variables(model), X, mask)
    expected = _features(model, _variables(model), X[:, kept], MASK[:, kept])
    np.testing.assert_allclose(found[:, kept], expected, rtol=1e-5, atol=1e-6)
    assert not found[:, 4].any()
