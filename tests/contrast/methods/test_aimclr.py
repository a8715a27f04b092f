import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.contrast import info_nce
from skeljax.contrast.methods import aimclr, hiclr
from skeljax.errors import InputError
from skeljax.models import pooling

T = 0.07


def unit(rng, *shape):
    x = rng.normal(size=shape)
    return (x / np.linalg.norm(x, axis=-1, keepdims=True)).astype(np.float32)


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def by_hand(query, key, queue):
    """Logits of the positive and of the queue, in float64."""
    query, key, queue = (np.asarray(x, np.float64) for x in (query, key, queue))
    return np.concatenate([(query * key).sum(-1, keepdims=True), query @ queue.T], 1) / T


def case(names, seed=0):
    rng = np.random.default_rng(seed)
    return {name: unit(rng, 4, 8) for name in names}, unit(rng, 6, 8)


def cross_entropy(teacher, student):
    return -(np.exp(log_softmax(teacher)) * log_softmax(student)).sum(-1)


def with_mined(logits, *others):
    """Mean of -log p over the positive and everybody's nearest in the queue."""
    logs, losses = log_softmax(logits), []
    for row in range(len(logits)):
        wanted = {0} | {1 + int(x[row, 1:].argmax()) for x in (logits, *others)}
        losses.append(-np.mean([logs[row, i] for i in wanted]))
    return np.array(losses)


def close(losses, expected):
    assert set(losses) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(losses[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize('progress', [0.0, 0.49, 0.5, 0.9])
def test_aimclr_by_hand(progress):
    z, queue = case(['query', 'key', 'extreme', 'dropped'])
    outputs = {
        'query': {'video': z['query']},
        'key': {'video': z['key']},
        'extreme': {'video': z['extreme'], 'dropped': z['dropped']},
    }
    losses = aimclr.Method().losses(outputs, info_nce.Negatives(queue), jnp.float32(progress))
    q, e, d = (by_hand(z[name], z['key'], queue) for name in ('query', 'extreme', 'dropped'))
    close(losses, {
        'video': with_mined(q, e, d) if progress >= 0.5 else -log_softmax(q)[:, 0],
        'extreme': cross_entropy(q, e) / 2,
        'dropped': cross_entropy(q, d) / 2,
    })


@pytest.mark.parametrize('progress', [0.0, 0.7])
def test_hiclr_by_hand(progress):
    z, queue = case(['query', 'key', 'extreme', 'masked'], seed=1)
    outputs = {name: {'video': vectors} for name, vectors in z.items()}
    losses = hiclr.Method().losses(outputs, info_nce.Negatives(queue), jnp.float32(progress))
    q, e, m = (by_hand(z[name], z['key'], queue) for name in ('query', 'extreme', 'masked'))
    close(losses, {
        'video': with_mined(q, e, m) if progress >= 0.5 else -log_softmax(q)[:, 0],
        'extreme': cross_entropy(q, e) / 2,
        'masked': cross_entropy(e, m) / 2,  # each level is asked for the level before
    })


def test_a_level_is_taught_by_the_one_before_and_does_not_teach_it():
    z, queue = case(['query', 'key', 'extreme', 'masked'])

    def learners(name):
        def total(z):
            outputs = {view: {'video': vectors} for view, vectors in z.items()}
            return (
                hiclr.Method()
                .losses(outputs, info_nce.Negatives(queue), jnp.float32(0))[name]
                .sum()
            )

        grads = jax.grad(total)(jax.tree.map(jnp.array, z))
        return {view for view, grad in grads.items() if np.any(grad)}

    assert learners('video') == {'query'}
    assert learners('extreme') == {'extreme'} and learners('masked') == {'masked'}


@pytest.mark.parametrize('count', [-1, 25])
def test_a_level_hides_some_of_the_joints(count):
    hiclr.Method(num_masked_joints=0).check_layout('ntu25')
    with pytest.raises(InputError, match=f'hiclr.num_masked_joints is {count}, expected 0 '):
        hiclr.Method(num_masked_joints=count).check_layout('ntu25')


@pytest.mark.parametrize('name', ['extreme', 'dropped'])
def test_the_normal_view_teaches_and_is_not_taught(name):
    z, queue = case(['query', 'key', 'extreme', 'dropped'])

    def total(z):
        outputs = {
            'query': {'video': z['query']},
            'key': {'video': z['key']},
            'extreme': {'video': z['extreme'], 'dropped': z['dropped']},
        }
        return (
            aimclr.Method().losses(outputs, info_nce.Negatives(queue), jnp.float32(0))[name].sum()
        )

    grads = jax.grad(total)(jax.tree.map(jnp.array, z))
    assert {key for key, grad in grads.items() if np.any(grad)} == {name}


def energy(x):
    """SimAM's energy of one person's map (T, V, C), in plain numpy."""
    y = (x - x.mean((0, 1))) ** 2 / (4 * (x.var((0, 1), ddof=1) + 1e-4)) + 0.5
    return 1 / (1 + np.exp(-y))


def test_what_stands_out_is_dropped_and_the_rest_scaled_up():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 1, 5, 7, 3)).astype(np.float32)
    x[0, 0, :, 2] *= 8  # a joint that stands out in every frame
    a = energy(x[0, 0].astype(float))
    kept = (a < 0.7) & (a.mean((0, 2)) < 0.7)[None, :, None]
    assert not kept[:, 2].any() and 0.3 < kept.mean() < 0.9
    expected = x[0, 0] * kept * kept.size / kept.sum()
    dropped = aimclr.drop_salient(jnp.array(x), jnp.ones((1, 1, 5), bool))
    np.testing.assert_allclose(dropped[0, 0], expected, rtol=1e-5, atol=1e-6)


def test_dropping_does_not_look_at_padding_nor_at_other_videos():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 2, 6, 4, 3)).astype(np.float32)
    mask = np.ones((2, 2, 6), bool)
    mask[0, :, 4:] = mask[1, 1] = False
    x[~mask] = 0
    whole = aimclr.drop_salient(jnp.array(x), jnp.array(mask))
    short = aimclr.drop_salient(jnp.array(x[:1, :, :4]), jnp.array(mask[:1, :, :4]))
    np.testing.assert_allclose(whole[0, :, :4], short[0], rtol=1e-5, atol=1e-6)
    single = aimclr.drop_salient(jnp.array(x[1:, :1]), jnp.array(mask[1:, :1]))
    np.testing.assert_allclose(whole[1, 0], single[0, 0], rtol=1e-5, atol=1e-6)
    assert not np.asarray(whole)[~mask].any()


@pytest.mark.parametrize('shape', [(1, 1, 1, 1, 1), (1, 1, 3, 1, 4), (1, 2, 2, 5, 1)])
def test_nothing_left_or_nobody_there_is_no_reason_for_nan(shape):
    for present in (True, False):
        x, mask = jnp.ones(shape), jnp.full(shape[:3], present)
        value, grad = jax.value_and_grad(
            lambda x, mask=mask: aimclr.drop_salient(x, mask, keep_rate=0.1).sum()
        )(x)
        assert np.isfinite(value) and np.isfinite(grad).all()


def test_only_the_extreme_view_is_dropped_from_and_by_the_same_head():
    rng = np.random.default_rng(2)
    x = jnp.array(rng.normal(size=(3, 1, 4, 5, 6)), jnp.float32)
    mask = jnp.ones((3, 1, 4), bool)
    features = pooling.Features(x, mask, {4: pooling.pool_persons(x, mask)})
    heads = aimclr.Heads(embed_dim=8)
    variables = heads.init(jax.random.key(0), features, 'extreme', train=True)
    apply = lambda view: heads.apply(variables, features, view, train=True)
    assert set(apply('query')) == set(apply('key')) == {'video'}
    outputs = apply('extreme')
    assert set(outputs) == {'video', 'dropped'} and list(variables['params']) == ['video']
    np.testing.assert_allclose(outputs['video'], apply('query')['video'])
    left = aimclr.drop_salient(x, mask)
    again = pooling.Features(left, mask, {4: pooling.pool_persons(left, mask)})
    np.testing.assert_allclose(
        outputs['dropped'], heads.apply(variables, again, 'query', train=True)['video'], rtol=1e-6
    )
