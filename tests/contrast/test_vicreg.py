import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.contrast import vicreg
from skeljax.errors import InputError


def _views(count, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(6, 4)).astype(np.float32) for _ in range(count)]


def _terms(seen):
    host = vicreg.Host(num_views=len(seen))
    outputs = {name: {'video': z} for name, z in zip(host.views, seen, strict=True)}
    return host.terms(outputs, None, jnp.float32(0))


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
    terms = _terms(seen)
    assert set(terms) == {'similarity', 'spread', 'correlation'}
    np.testing.assert_allclose(terms['similarity'], 5 * alike, rtol=1e-5)
    np.testing.assert_allclose(terms['spread'], spread, rtol=1e-5)
    np.testing.assert_allclose(terms['correlation'], 1e-3 * crossed, rtol=1e-5)


def test_equal_views_are_alike_and_a_constant_is_no_reason_for_nan():
    z = _views(1)[0]
    assert float(_terms([z, z, z])['similarity']) < 1e-10
    flat = np.ones((6, 4), np.float32)
    outputs = lambda z: sum(_terms([z, z]).values())
    value, grad = jax.value_and_grad(outputs)(jnp.array(flat))
    assert np.isfinite(value) and np.isfinite(grad).all() and value > 5


def test_views_are_all_trained_and_include_the_snippet_terms():
    for count in (2, 3, 4):
        views = vicreg.Host(num_views=count).views
        assert len(views) == count and {'query', 'key'} <= set(views)
        assert {view.encoder for view in views.values()} == {'query'}
    with pytest.raises(InputError, match='2 to 4 views, not 5'):
        vicreg.Host(num_views=5).check('ntu25')
