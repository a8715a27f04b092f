import jax.numpy as jnp
import numpy as np
import optax
import pytest

from skeljax.errors import InputError
from skeljax.train import optimizer


def _config(**changes):
    release = dict(
        name='sgd', peak_lr=0.1, warmup=1 / 6, decay='steps', decay_at=(11 / 12,), decay_factor=0.1,
        weight_decay=1e-4,
    )
    return optimizer.OptimizerConfig(**{**release, **changes})


def test_release_without_overshoot():
    rate = optimizer.rate(_config(), 600)  # one step an epoch, as in the log of the release
    rates = [rate(49), rate(99), rate(100), rate(549)]
    np.testing.assert_allclose(rates, [0.05, 0.1, 0.1, 0.1], rtol=1e-5)
    np.testing.assert_allclose([rate(550), rate(599)], 0.01, rtol=1e-5)


def test_release_with_overshoot():
    rate = optimizer.rate(_config(), 600, warmup_overshoot=True)
    # The log: 0.1 (epoch + 1) / 50 until epoch 99, whatever the peak.
    np.testing.assert_allclose(
        [rate(1), rate(49), rate(99), rate(100), rate(550)], [0.004, 0.1, 0.2, 0.1, 0.01], rtol=1e-5
    )


def test_cosine_ends_at_zero():
    rate = optimizer.rate(_config(decay='cosine', warmup=0.1), 100)
    np.testing.assert_allclose([rate(9), rate(10), rate(55)], [0.1, 0.1, 0.05], rtol=1e-5)
    assert rate(100) < 1e-6


def test_sgd_by_hand():
    tx = optimizer.make(_config(warmup=0.0, decay_at=()), 10)
    params = {'w': jnp.array([2.0])}
    state = tx.init(params)
    for _ in range(2):
        updates, state = tx.update({'w': jnp.array([1.0])}, state, params)
        params = optax.apply_updates(params, updates)
    # v1 = 1 + 1e-4·2; w1 = 2 - 0.1·v1; v2 = 0.9·v1 + 1 + 1e-4·w1; w2 = w1 - 0.1·v2
    v1 = 1 + 2e-4
    w1 = 2 - 0.1 * v1
    w2 = w1 - 0.1 * (0.9 * v1 + 1 + 1e-4 * w1)
    np.testing.assert_allclose(params['w'], [w2], rtol=1e-6)


def test_a_part_may_learn_slower_or_not_at_all():
    tx = optimizer.by_part(optax.sgd(1.0), 'backbone', 0.0)
    params = {'backbone': {'w': jnp.ones(2)}, 'head': {'w': jnp.ones(2)}}
    updates, _ = tx.update(params, tx.init(params), params)
    np.testing.assert_array_equal(updates['backbone']['w'], 0)
    np.testing.assert_array_equal(updates['head']['w'], -1)


def test_a_part_may_learn_later_than_the_others():
    tx = optimizer.by_part(optax.sgd(1.0), 'backbone', 0.5, after=2)
    params = {'backbone': {'w': jnp.ones(2)}, 'head': {'w': jnp.ones(2)}}
    state, found = tx.init(params), []
    for _ in range(4):
        updates, state = tx.update(params, state, params)
        found.append((float(updates['backbone']['w'][0]), float(updates['head']['w'][0])))
    assert found == [(0, -1), (0, -1), (-0.5, -1), (-0.5, -1)]


@pytest.mark.parametrize(
    'changes, words',
    [
        (dict(name='lamb'), 'unknown optimizer .lamb.'),
        (dict(decay='linear'), 'unknown decay .linear.'),
        (dict(decay_at=(0.1,)), 'inside the warm-up'),
    ],
)
def test_bad_values_are_named(changes, words):
    with pytest.raises(InputError, match=words):
        optimizer.make(_config(**changes), 100)
