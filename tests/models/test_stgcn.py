import functools

import jax
import jax.numpy as jnp
import numpy as np

from skeljax.models import norms, stgcn
from skeljax.skeletons import skeleton

V = 25


def _count(model):
    init = functools.partial(model.init, train=True)
    x, mask = jnp.zeros((1, 64, 1, V, 3)), jnp.ones((1, 64, 1), bool)
    params = jax.eval_shape(init, jax.random.key(0), x, mask)['params']
    return sum(x.size for x in jax.tree.leaves(params))


def test_published_parameter_counts():
    assert _count(stgcn.Backbone()) == 821_380
    assert _count(stgcn.Backbone(base_channels=64)) == 3_083_412


def test_taps_are_the_last_blocks_of_each_resolution():
    model = stgcn.Backbone(base_channels=4, out_channels=32)
    x, mask = jnp.ones((2, 50, 2, V, 3)), jnp.ones((2, 50, 2), bool)
    init = lambda key: model.init_with_output({'params': key, 'dropout': key}, x, mask, train=True)
    out, _ = jax.eval_shape(init, jax.random.key(0))
    shapes = {stride: tap[0].shape for stride, tap in out.taps.items()}
    assert shapes == {1: (2, 50, 4), 2: (2, 25, 8), 4: (2, 13, 32)}
    assert out.map.shape == (2, 2, 13, V, 32)


def test_a_graph_convolution_by_hand():
    """A root (joint 1) with three children; x, w, b chosen to be told apart."""
    itself = np.diag([0.5, 0.25, 0.5, 0.5])
    nearer, further = np.zeros((2, 4, 4))
    nearer[[0, 2, 3], 1] = 0.25
    further[1, [0, 2, 3]] = 0.5
    partitions = tuple(map(tuple, np.stack([itself, nearer, further]).tolist()))
    conv = stgcn.GraphConv(1, partitions, functools.partial(norms.MaskedBatchNorm, epsilon=0.0))
    x = np.array([1, 2, 3, 4], np.float32).reshape(1, 4, 1, 1)
    mask = np.ones((1, 1, 1, 1), bool)
    variables = jax.device_get(conv.init(jax.random.key(0), x, mask, train=False))
    variables['params']['kernel'] = np.array([1, 10, 100], np.float32).reshape(3, 1, 1)
    variables['params']['bias'] = np.array([4, 8, 16], np.float32).reshape(3, 1)
    variables['params']['norm']['scale'] = np.ones(1, np.float32)
    importance = np.ones((3, 4, 4), np.float32)
    importance[2, 1, 3] = 2  # root to the last child
    variables['params']['importance'] = importance
    found = conv.apply(variables, x, mask, train=False)[0, :, 0, 0]
    # Root: (2 + 4) / 4 + (10 · (1 + 3 + 4) + 3 · 8) / 4; children: (x + 4) / 2 + (200 + 16) / 2.
    np.testing.assert_allclose(found, [110.5, 27.5, 111.5, 4 + 216], rtol=1e-6)


def _init(model):
    x = np.random.default_rng(0).normal(size=(2, 8, 1, V, 3)).astype(np.float32)
    mask = np.ones((2, 8, 1), bool)
    init = jax.jit(functools.partial(model.init, train=False))
    return init(jax.random.key(0), x, mask), x, mask


def test_the_published_partition_is_taken_on_request():
    sizes = dict(base_channels=4, out_channels=0, channel_multipliers=(1,))
    make = functools.partial(stgcn.Backbone, **sizes)
    variables, x, mask = _init(make())
    corrected = make().apply(variables, x, mask, train=False).map
    published = make(faithful=('partition',)).apply(variables, x, mask, train=False).map
    changed = np.abs(corrected - published).max((0, 1, 2, 4)) > 1e-6
    layout = skeleton.get('ntu25')
    # Edges away from the centre moved to another subset, save the first two of each chain.
    moved = {'AnkleLeft', 'HandLeft', 'FootRight', 'HandTipRight'}
    assert moved <= {name for name, is_so in zip(layout.joints, changed, strict=True) if is_so}
    assert not changed[[layout.joints.index(j) for j in ('Head', 'ElbowLeft', 'SpineBase')]].any()


def test_dropout_spares_the_first_block_and_evaluation():
    make = functools.partial(stgcn.Backbone, base_channels=4, out_channels=0, down_stages=())
    first, second = make(channel_multipliers=(1,)), make(channel_multipliers=(1, 1))
    variables, x, mask = _init(first)
    train = functools.partial(first.apply, train=True, mutable=['batch_stats'])
    out, _ = train(variables, x, mask)  # needs no random numbers
    assert np.isfinite(out.map).all()
    variables, x, mask = _init(second)
    train = functools.partial(second.apply, train=True, mutable=['batch_stats'])
    dropped = [
        train(variables, x, mask, rngs={'dropout': jax.random.key(i)})[0].map for i in range(2)
    ]
    # Without residual nothing would be left where it struck; half of the frames changed.
    share = (np.abs(dropped[0] - dropped[1]) > 1e-6).mean()
    assert 0.3 < share < 0.9, share
    still = [second.apply(variables, x, mask, train=False).map for _ in range(2)]
    np.testing.assert_array_equal(*still)


def test_initial_weights_are_as_published():
    """Convolutions N(0, 0.02), scales N(1, 0.02)."""
    sizes = dict(base_channels=32, out_channels=0, channel_multipliers=(1, 2))
    params = _init(stgcn.Backbone(**sizes))[0]['params']
    block = params['block2']
    for name in ('graph', 'temporal', 'residual'):
        assert 0.019 < np.std(block[name]['kernel']) < 0.021
    for norm in (params['input_norm'], block['graph']['norm'], block['norm']):
        assert 0.014 < np.std(norm['scale'] - 1) < 0.026
