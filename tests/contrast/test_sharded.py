"""Tiled negatives have the values and gradients of the dense form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.contrast import info_nce, sharded

VIDEOS, EACH, EMBED, TEMPERATURE = 3, 2, 8, 0.07


def _unit(rng, *shape):
    x = rng.normal(size=shape).astype(np.float32)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def _whole(query, keys, mask):
    """Log-sum-exp of all logits in float64, and its gradient: the mean of keys by the softmax."""
    logits = np.float64(query) @ np.float64(keys).T / TEMPERATURE
    if mask is not None:
        logits = np.where(np.repeat(mask, EACH, axis=0), logits, -np.inf)
    total = np.log(np.exp(logits).sum(-1))
    return total, np.exp(logits - total[:, None]) @ keys / TEMPERATURE


@pytest.mark.parametrize('some', [False, True])
@pytest.mark.parametrize('size', [1, 20, 1024, 1025, 3 * 1024, 3000])
def test_a_running_softmax_has_the_values_and_gradients_of_the_whole(size, some):
    rng = np.random.default_rng(size)
    query, keys = _unit(rng, VIDEOS * EACH, EMBED), _unit(rng, size, EMBED)
    mask = rng.random((VIDEOS, size)) < 0.5 if some else None
    if some:
        mask[:, -1] = True  # the last tile may hold nothing but it
        mask[0, :1024] = mask[0, :1024] & (size <= 1024)  # the first tile nothing for the first
    slope = np.linspace(-1, 2, VIDEOS * EACH, dtype=np.float32)

    def weighted(query):
        found = sharded.log_sum_exp(TEMPERATURE, query, keys, mask)
        return (found * slope).sum(), found

    (_, found), gradient = jax.jit(jax.value_and_grad(weighted, has_aux=True))(query)
    total, mean = _whole(query, keys, mask)
    np.testing.assert_allclose(found, total, rtol=1e-5)
    np.testing.assert_allclose(gradient, slope[:, None] * mean, rtol=1e-4, atol=1e-5)


def test_a_query_whose_keys_are_all_masked_has_no_loss_and_no_gradient():
    rng = np.random.default_rng(0)
    query, positive = _unit(rng, 2, EACH, EMBED), _unit(rng, 2, EACH, EMBED)
    keys = _unit(rng, 2000, EMBED)
    far = sharded.TiledNegatives(keys, np.array([[True] * 2000, [False] * 2000]))
    value = lambda query: info_nce.info_nce(query, positive, far, temperature=TEMPERATURE)
    values, gradient = value(query), jax.grad(lambda query: value(query).sum())(query)
    np.testing.assert_array_equal(values[1], 0)
    np.testing.assert_array_equal(gradient[1], 0)
    assert (values[0] > 0).all() and np.abs(gradient[0]).max() > 0.1


def test_half_precision_is_kept_and_no_gradient_flows_into_the_keys():
    rng = np.random.default_rng(1)
    query, keys = (jnp.asarray(_unit(rng, 4, EMBED), jnp.bfloat16) for _ in range(2))
    total = lambda query, keys: sharded.log_sum_exp(TEMPERATURE, query, keys).sum()
    value, slope = jax.value_and_grad(total)(query, keys)
    assert value.dtype == jnp.float32 and slope.dtype == jnp.bfloat16
    loss = lambda keys: info_nce.info_nce(
        query, query, sharded.TiledNegatives(keys), temperature=1.0
    ).sum()
    np.testing.assert_array_equal(jax.grad(loss)(keys), 0)


def test_no_logit_outlives_its_tile():
    rows, size = 16, 64 * 1024
    total = lambda query, keys: sharded.log_sum_exp(TEMPERATURE, query, keys).sum()
    shaped = lambda count: jax.ShapeDtypeStruct((count, EMBED), np.float32)
    program = jax.jit(jax.grad(total)).lower(shaped(rows), shaped(size)).compile()
    held = program.memory_analysis().temp_size_in_bytes
    assert held < 4 * rows * size / 4, 'a quarter of the logits'
