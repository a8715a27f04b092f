import functools
import itertools

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.contrast.methods import vicreg
from skeljax.errors import InputError
from skeljax.models import pooling
from skeljax.train import parallel


def _views(count, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(6, 4)).astype(np.float32) for _ in range(count)]


def _losses(seen):
    method = vicreg.Method(num_views=len(seen))
    outputs = {name: {'video': z} for name, z in zip(method.views, seen, strict=True)}
    return method.losses(outputs, None, jnp.float32(0))


@pytest.mark.parametrize('count', [2, 4])
def test_the_three_losses_by_hand(count):
    seen = _views(count)
    wide = [z.astype(float) for z in seen]
    mean = np.mean(wide[:-1], axis=0)
    alike = sum(((z - wide[-1]) ** 2).mean() + ((z - mean) ** 2).mean() for z in wide[:-1])
    spread = 0.0
    for z in wide:
        matrix = np.cov(z.T)
        off = matrix - np.diag(np.diag(matrix))
        spread += 5 * np.maximum(0, 1 - np.sqrt(np.diag(matrix) + 1e-4)).mean() + (off**2).sum() / 4
    crossed = 0.0
    for a, b in itertools.combinations(wide, 2):
        a, b = ((z - z.mean(0)) / np.sqrt(z.var(0) + 1e-4) for z in (a, b))
        matrix = a.T @ b / 6
        weights = np.where(np.eye(4, dtype=bool), 1, 0.005)
        crossed += (weights * (matrix - np.eye(4)) ** 2).sum()
    losses = _losses(seen)
    assert set(losses) == {'similarity', 'spread', 'correlation'}
    np.testing.assert_allclose(losses['similarity'], 5 * alike, rtol=1e-5)
    np.testing.assert_allclose(losses['spread'], spread, rtol=1e-5)
    np.testing.assert_allclose(losses['correlation'], 1e-3 * crossed, rtol=1e-5)


def test_equal_views_are_alike_and_a_constant_is_no_reason_for_nan():
    z = _views(1)[0]
    assert float(_losses([z, z, z])['similarity']) < 1e-10
    flat = np.ones((6, 4), np.float32)
    outputs = lambda z: sum(_losses([z, z]).values())
    value, grad = jax.value_and_grad(outputs)(jnp.array(flat))
    assert np.isfinite(value) and np.isfinite(grad).all() and value > 5


def test_views_are_all_trained_and_include_the_snippet_losses():
    for count in (2, 3, 4):
        views = vicreg.Method(num_views=count).views
        assert len(views) == count and {'query', 'key'} <= set(views)
        assert {view.encoder for view in views.values()} == {'query'}
    with pytest.raises(InputError, match='num_views is 5, expected 2 to 4 views'):
        vicreg.Method(num_views=5).check_layout('ntu25')


def test_the_projector_does_not_look_at_padding():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(5, 4, 6)).astype(np.float32)
    longer = np.concatenate([x, 100 * rng.normal(size=(5, 3, 6)).astype(np.float32)], 1)
    mask = np.ones((5, 4), bool)
    wide = np.arange(7)[None].repeat(5, 0) < 4
    mask[0, 2:] = wide[0, 2:] = False
    made = vicreg.Heads(embed_dim=3, hidden_dim=4)
    features = lambda x, mask: pooling.Features(
        None, None, {1: (x[:, :2], mask[:, :2]), 4: (x, mask)}
    )
    variables = made.init(jax.random.key(0), features(x, mask), 'query', train=True)
    apply = lambda x, mask: made.apply(
        variables, features(x, mask), 'query', train=True, mutable=['batch_stats']
    )
    close = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)
    jax.tree.map(close, apply(longer, wide), apply(x, mask))
    # Three layers with batch norm and ReLU between them, of the mean over time, in plain numpy.
    y = np.stack([rows[there].mean(0) for rows, there in zip(x.astype(float), mask, strict=True)])
    weights = jax.tree.map(np.asarray, variables['params'])
    for number in (1, 2):
        y = y @ weights[f'hidden{number}']['kernel']
        y = np.maximum((y - y.mean(0)) / np.sqrt(y.var(0) + 1e-5), 0)
    close(apply(x, mask)[0]['video'], y @ weights['project']['kernel'])


@pytest.mark.slow
@pytest.mark.parametrize('devices', [2, 8])
def test_gradients_are_those_of_the_whole_batch(devices):
    """Projections and statistics of all devices, every loss summed; nothing else to hide behind."""
    rng = np.random.default_rng(4)
    method = vicreg.Method(num_views=3, hidden_dim=6)
    seen = {view: rng.normal(size=(8, 2, 5)).astype(np.float32) for view in method.views}
    mask = rng.random((8, 2)) < 0.8
    made = method.heads(embed_dim=4, layout='ntu25', axis_name=parallel.AXIS)
    features = lambda x, mask: pooling.Features(None, None, {1: (x, mask)})
    variables = made.init(jax.random.key(0), features(seen['query'], mask), 'query', train=True)

    def gradient(params, seen, mask):
        def loss_fn(params):
            outputs = {}
            for view, x in seen.items():
                tree = {**variables, 'params': params}
                outputs[view], _ = made.apply(
                    tree, features(x, mask), view, train=True, mutable=['batch_stats']
                )
            whole = jax.tree.map(parallel.gather, outputs)
            return lax.pmean(
                sum(method.losses(whole, None, jnp.float32(0)).values()), parallel.AXIS
            )

        return lax.pmean(jax.grad(loss_fn)(params), parallel.AXIS)

    def run(devices):
        chosen = jax.devices()[:devices]
        every = jax.pmap(
            gradient, parallel.AXIS, in_axes=(None, 0, 0), out_axes=None, devices=chosen
        )
        return every(variables['params'], *parallel.shard((seen, mask), chosen))

    one, several = run(1), run(devices)
    assert all(np.abs(g).max() > 1e-3 for g in (one['project']['kernel'], one['hidden1']['kernel']))
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5)
    jax.tree.map(close, several, one)
