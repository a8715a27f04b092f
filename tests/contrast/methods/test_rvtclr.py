import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.contrast import info_nce
from skeljax.contrast.methods import rvtclr
from skeljax.errors import InputError
from skeljax.models import heads, pooling
from skeljax.skeletons import skeleton

T = 0.07


def _unit(rng, *shape):
    x = rng.normal(size=shape)
    return (x / np.linalg.norm(x, axis=-1, keepdims=True)).astype(np.float32)


def _case():
    rng = np.random.default_rng(0)
    outputs = {
        view: {name: _unit(rng, 4, 8) for name in ('video', 'tempo')}
        for view in ('query', 'key', 'other')
    }
    return {**outputs, 'parts': {'parts': _unit(rng, 4, 8)}}, _unit(rng, 6, 8)


def _log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def _logits(query, key, queue, scale=1 / T):
    near = (query.astype(float) * key).sum(-1, keepdims=True)
    return np.concatenate([near * scale, query.astype(float) @ queue.T / T], 1)


@pytest.mark.parametrize('faithful', [(), ('parts_temperature',)])
@pytest.mark.parametrize('late', [False, True])
def test_the_four_losses_by_hand(late, faithful):
    outputs, queue = _case()
    method = rvtclr.Method(mining_start=1 / 3, faithful=faithful)
    losses = method.losses(outputs, info_nce.Negatives(queue), jnp.float32(0.5 if late else 0.1))
    query, key, other = (outputs[view] for view in ('query', 'key', 'other'))
    same = _logits(query['video'], key['video'], queue)
    slower = _logits(query['video'], other['video'], queue)
    scale = 1.0 if faithful and not late else 1 / T
    parts = _logits(outputs['parts']['parts'], key['video'], queue, scale)
    full = _logits(outputs['parts']['parts'], key['video'], queue)

    def contrast(logits):
        logs, losses = _log_softmax(logits), []
        for row in range(4):
            wanted = {0}
            if late:
                wanted |= {1 + same[row, 1:].argmax(), 1 + full[row, 1:].argmax()}
            losses.append(-np.mean([logs[row, i] for i in wanted]))
        return losses

    nearer = (query['tempo'].astype(float) * (key['tempo'].astype(float) - other['tempo'])).sum(-1)
    expected = {
        'video': contrast(same),
        'other': contrast(slower),
        'tempo': np.maximum(0, 1 - nearer / T),
        'parts': -(np.exp(_log_softmax(same)) * _log_softmax(parts)).sum(-1),
    }
    assert set(losses) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(losses[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_keys_get_no_gradient_and_the_parts_learn_from_the_whole():
    outputs, queue = _case()

    def total(outputs, name):
        return (
            rvtclr.Method().losses(outputs, info_nce.Negatives(queue), jnp.float32(0))[name].sum()
        )

    moved = {}
    for name in ('video', 'other', 'tempo', 'parts'):
        grads = jax.grad(functools.partial(total, name=name))(jax.tree.map(jnp.array, outputs))
        moved[name] = {(v, k) for v, tree in grads.items() for k, g in tree.items() if np.any(g)}
    assert moved['video'] == moved['other'] == {('query', 'video')}
    assert moved['tempo'] == {('query', 'tempo')} and moved['parts'] == {('parts', 'parts')}


def test_the_other_tempo_is_enqueued_and_cut_like_the_key():
    outputs, _ = _case()
    assert rvtclr.Method().queue_keys(outputs) is outputs['other']['video']
    views = rvtclr.Method().views
    assert views['other'].shares_crop_with == 'key' and views['other'].tempo == 'other'
    assert views['query'].tempo == views['key'].tempo == 'same' and not views['parts'].tempo
    assert [v for v, view in views.items() if view.encoder == 'query'] == ['query', 'parts']


@functools.cache
def _branch(layout='ntu25'):
    branch = rvtclr.PartBranch(layout, 8, None)
    joints = skeleton.get(layout).num_joints
    x = jnp.ones((1, 1, 3, joints, 4))
    mask = jnp.ones((1, 1, 3), bool)
    features = pooling.Features(x, mask, {8: pooling.pool_persons(x, mask)})
    variables = branch.init(jax.random.key(0), features, train=True)
    # The attention's norm begins at 0, which would hide it.
    params = jax.tree.map(lambda x: x + 0.3, variables['params'])
    return branch, {**variables, 'params': params}


def _embed(x, mask, layout='ntu25'):
    branch, variables = _branch(layout)
    features = pooling.Features(x, mask, {8: pooling.pool_persons(x, mask)})
    return branch.apply(variables, features, train=False)


def test_the_part_branch_does_not_look_at_padding_nor_at_absent_persons():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 1, 4, 25, 4)).astype(np.float32)
    longer = np.zeros((2, 2, 7, 25, 4), np.float32)
    longer[:, :1, :4] = x
    mask = np.zeros((2, 2, 7), bool)
    mask[:, :1, :4] = True
    ours = _embed(jnp.array(x), jnp.ones((2, 1, 4), bool))
    np.testing.assert_allclose(
        _embed(jnp.array(longer), jnp.array(mask)), ours, rtol=1e-4, atol=1e-5
    )


def test_the_part_branch_sees_parts_not_joints():
    """Joints of one part may change places, joints of two parts may not."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(1, 1, 4, 25, 4)).astype(np.float32)
    mask = jnp.ones((1, 1, 4), bool)
    parts = skeleton.get('ntu25').parts

    def swapped(one, other):
        order = np.arange(25)
        order[[one, other]] = order[[other, one]]
        return np.asarray(_embed(jnp.array(x[..., order, :]), mask))

    ours = np.asarray(_embed(jnp.array(x), mask))
    np.testing.assert_allclose(swapped(parts[1][0], parts[1][1]), ours, atol=1e-5)
    assert np.abs(swapped(parts[1][0], parts[3][0]) - ours).max() > 1e-3


def test_a_map_without_joints_is_one_part():
    assert _embed(jnp.ones((1, 1, 3, 1, 4)), jnp.ones((1, 1, 3), bool)).shape == (1, 8)


def test_a_layout_without_parts_is_told():
    rvtclr.Method().check_layout('coco17')
    chain = skeleton.describe(skeleton.infer('rope', ['a', 'b', 'c'], [-1, 0, 1]))
    with pytest.raises(InputError, match='compares parts of the body; layout rope has 1'):
        rvtclr.Method().check_layout(chain)


def test_parameter_counts():
    """On the release's encoder of 256 channels, one side, by the specification's layers.

    Its figure for query and key sides with the snippet head is 7,854,896, of which 16,384 are
    of a term that is not added: 100 a side are more than its layers have.
    """
    x = jax.ShapeDtypeStruct((1, 1, 4, 25, 256), jnp.float32)
    mask = jax.ShapeDtypeStruct((1, 1, 4), jnp.bool_)
    tap = (jax.ShapeDtypeStruct((1, 4, 256), jnp.float32), jax.ShapeDtypeStruct((1, 4), jnp.bool_))
    features = pooling.Features(x, mask, {8: tap})
    made = rvtclr.Heads('ntu25')

    def count(view):
        init = functools.partial(made.init, view=view, train=True)
        shapes = jax.eval_shape(lambda f: init(jax.random.key(0), f), features)
        return sum(leaf.size for leaf in jax.tree.leaves(shapes['params']))

    linear = lambda a, b, bias=True: a * b + b * bias
    mlp = linear(256, 256) + linear(256, 128)
    attention = 3 * linear(256, 128) + linear(128, 256) + 2 * 256
    bottleneck = linear(256, 128, False) + linear(128, 256, False)
    assert count('query') == count('other') == 2 * linear(256, 128)
    assert count('parts') == bottleneck + attention + mlp
    dense = heads.SnippetHead()
    shapes = jax.eval_shape(
        lambda: dense.init(jax.random.key(0), {8: (jnp.zeros((1, 4, 256)), jnp.ones((1, 4), bool))})
    )
    snippet = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    assert snippet == mlp
    side = 3_458_228 + count('query') + count('parts') + snippet
    assert 2 * side + 16_384 == 7_854_896 - 2 * 100
