"""Ring negatives have the values and gradients of the dense form."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.contrast import info_nce, negative_sources
from skeljax.contrast.snippet import SnippetLoss
from skeljax.models.heads import SnippetFeatures

AXIS = 'devices'
VIDEOS, SNIPPETS, EMBED, TEMPERATURE = 8, 3, 16, 0.2
SUBJECTS = np.array([0, 1, 0, 2, 1, 2, 0, 3], np.int32)  # the last has no other video


def _unit(rng, *shape):
    x = rng.normal(size=shape).astype(np.float32)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


@functools.cache
def _case():
    rng = np.random.default_rng(0)
    query, key = (_unit(rng, VIDEOS, SNIPPETS, EMBED) for _ in range(2))
    return query, key, _unit(rng, 20, EMBED), rng.random((VIDEOS, SNIPPETS)) < 0.8


def _mask(sources):
    """Returns which rows of batch and queue are negatives of each video, pair by pair."""
    mask = np.zeros((VIDEOS, VIDEOS * SNIPPETS + 20), bool)
    for video in range(VIDEOS):
        for other in range(VIDEOS):
            alike = SUBJECTS[video] == SUBJECTS[other]
            wanted = other != video and ('batch' in sources or alike)
            mask[video, other * SNIPPETS : (other + 1) * SNIPPETS] = wanted
    mask[:, VIDEOS * SNIPPETS :] = 'queue' in sources
    return mask


def _term(query, key, valid, negatives, min_gap, temperature):
    embedded = lambda x: SnippetFeatures(features=x, embeddings=x, video=x.mean(1), valid=valid)
    loss = SnippetLoss(match='position', min_gap=min_gap, num_mined=0)
    return loss(embedded(query), embedded(key), negatives, temperature=temperature)[0]


@functools.cache
def _dense(sources, min_gap, temperature):
    """Loss of every snippet, and the gradient of a weighted sum, on one device without a ring."""
    query, key, older, valid = _case()
    weights = np.cos(np.arange(VIDEOS * SNIPPETS, dtype=np.float32)).reshape(VIDEOS, SNIPPETS)
    pushed = np.where(valid[..., None], key, key.mean(1, keepdims=True)).reshape(-1, EMBED)
    negatives = info_nce.Negatives(np.concatenate([pushed, older]), _mask(sources))
    values = lambda query: _term(query, key, valid, negatives, min_gap, temperature)
    return values(query), jax.grad(lambda query: (values(query) * weights).sum())(query), weights


def _ring(sources, min_gap, temperature, devices, tile):
    """The same on several devices."""
    query, key, older, valid = _case()
    weights = _dense(sources, min_gap, temperature)[2]

    def one(query, key, valid, subjects, weights):
        embedded = SnippetFeatures(features=key, embeddings=key, video=key.mean(1), valid=valid)
        pushed = SnippetLoss(negatives='snippet').queue_keys(embedded)
        negatives = negative_sources.collect(
            {'vectors': older}, pushed, subjects, sources, 'ring', axis_name=AXIS
        )
        negatives = dataclasses.replace(negatives, tile=tile)

        def total(query):
            values = _term(query, key, valid, negatives, min_gap, temperature)
            return (values * weights).sum(), values

        (_, values), gradient = jax.value_and_grad(total, has_aux=True)(query)
        return values, gradient

    split = lambda x: x.reshape(devices, -1, *x.shape[1:])
    run = jax.pmap(one, axis_name=AXIS, devices=jax.devices()[:devices])
    found = run(*map(split, (query, key, valid, SUBJECTS, weights)))
    return [np.asarray(x).reshape(VIDEOS, SNIPPETS, *x.shape[3:]) for x in found]


@pytest.mark.parametrize('devices', [1, 2, 4, 8])
@pytest.mark.parametrize(
    ('sources', 'min_gap', 'temperature', 'tile'),
    [
        (('batch',), 0, 0.2, 1024),
        (('batch', 'queue'), 1, 0.07, 5),  # a tile that divides neither queries nor keys
        (('subject',), 2, 0.5, 4),
        (('subject', 'queue'), 0, 0.2, 1024),
    ],
)
def test_the_ring_has_the_values_and_gradients_of_the_dense_form(
    sources, min_gap, temperature, tile, devices
):
    values, gradient = _ring(sources, min_gap, temperature, devices, tile)
    expected, slope, _ = _dense(sources, min_gap, temperature)
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(gradient, slope, rtol=1e-5, atol=1e-5)
    assert np.abs(slope).max() > 0.1


def test_with_one_other_video_the_loss_is_that_of_two_classes():
    """By hand: softplus(negatives - near)."""
    rng = np.random.default_rng(1)
    query, key = _unit(rng, 2, 4), _unit(rng, 2, 4)

    def one(query, key):
        negatives = negative_sources.collect(
            {}, key, jnp.zeros(len(key), jnp.int32), ('batch',), 'ring', axis_name=AXIS
        )
        return info_nce.info_nce(query, key, negatives, temperature=0.5)

    run = jax.pmap(one, axis_name=AXIS, devices=jax.devices()[:2])
    logits = query @ key.T / 0.5
    expected = np.log1p(np.exp([logits[0, 1] - logits[0, 0], logits[1, 0] - logits[1, 1]]))
    np.testing.assert_allclose(run(query[:, None], key[:, None])[:, 0], expected, rtol=1e-5)


def test_a_video_without_negatives_has_no_loss_and_no_gradient():
    values, gradient = _ring(('subject',), 0, TEMPERATURE, 2, 4)
    np.testing.assert_array_equal(values[-1], 0)
    np.testing.assert_array_equal(gradient[-1], 0)
    assert (values[:-1] > 0).all() and np.isfinite(gradient).all()


def test_no_gradient_flows_into_the_keys_and_half_precision_is_kept():
    rng = np.random.default_rng(2)
    query, key = (jnp.asarray(_unit(rng, 2, 4, EMBED), jnp.bfloat16) for _ in range(2))

    def one(query, key):
        def total(query, key):
            subjects = jnp.arange(len(key), dtype=jnp.int32)
            negatives = negative_sources.collect(
                {}, key, subjects, ('batch',), 'ring', axis_name=AXIS
            )
            return info_nce.info_nce(query, key, negatives, temperature=0.1).sum()

        return jax.value_and_grad(total, argnums=(0, 1))(query, key)

    run = jax.pmap(one, axis_name=AXIS, devices=jax.devices()[:2])
    value, (to_query, to_key) = run(query, key)
    assert value.dtype == jnp.float32 and to_query.dtype == jnp.bfloat16
    assert np.abs(np.asarray(to_query, np.float32)).max() > 0 and not np.any(to_key)


def _largest(jaxpr) -> int:
    """The number of values of the largest array that a program makes, inner programs too."""
    sizes = [0]
    for equation in jaxpr.eqns:
        sizes += [int(np.prod(v.aval.shape)) for v in equation.outvars]
        inner = jax.tree.leaves(
            list(equation.params.values()),
            is_leaf=lambda x: hasattr(x, 'eqns') or hasattr(x, 'jaxpr'),
        )
        sizes += [
            _largest(getattr(x, 'jaxpr', x))
            for x in inner
            if hasattr(getattr(x, 'jaxpr', x), 'eqns')
        ]
    return max(sizes)


@pytest.mark.parametrize(('form', 'within'), [('ring', True), ('gather', False)])
def test_no_array_of_the_ring_is_larger_than_a_tile_of_logits_or_the_keys(form, within):
    videos, tile, devices = 512, 64, 2

    def one(query, key):
        negatives = negative_sources.collect(
            {}, key, jnp.arange(videos, dtype=jnp.int32), ('batch',), form, axis_name=AXIS
        )
        if form == 'ring':
            negatives = dataclasses.replace(negatives, tile=tile)
        total = lambda query: info_nce.info_nce(query, key, negatives, temperature=0.1).sum()
        return jax.grad(total)(query)

    run = jax.pmap(one, axis_name=AXIS, devices=jax.devices()[:devices])
    program = jax.make_jaxpr(run)(*[np.zeros((devices, videos, EMBED), np.float32)] * 2)
    bound = max(tile * tile, devices * videos * EMBED)
    assert (_largest(program.jaxpr) <= bound) == within
    assert bound < videos * videos * devices
