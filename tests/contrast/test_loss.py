import jax
import jax.numpy as jnp
import numpy as np

from skeljax.contrast import loss
from skeljax.models import heads


def test_orthogonal_negatives():
    query = jnp.eye(5)[:3]
    values = loss.info_nce(query, query, jnp.eye(5)[3:], temperature=0.5)
    # The positive has similarity 1, each of the two negatives 0.
    np.testing.assert_allclose(values, np.full(3, np.log1p(2 * np.exp(-2))), rtol=1e-6)


def test_by_hand():
    query = jnp.array([[1.0, 0.0]])
    positive = jnp.array([[0.6, 0.8]])
    negatives = jnp.array([[0.8, 0.6], [-1.0, 0.0]])
    logits = np.array([0.6, 0.8, -1.0]) / 0.07
    expected = np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[0]
    values = loss.info_nce(query, positive, negatives, temperature=0.07)
    np.testing.assert_allclose(values, [expected], rtol=1e-5)


def test_only_the_query_gets_a_gradient():
    rng = np.random.default_rng(0)
    arrays = [jnp.array(rng.normal(size=shape), jnp.float32) for shape in [(4, 8), (4, 8), (16, 8)]]
    total = lambda *a: loss.info_nce(*a, temperature=0.1).sum()
    query, positive, negatives = jax.grad(total, argnums=(0, 1, 2))(*arrays)
    assert np.abs(query).max() > 0
    assert not np.any(positive) and not np.any(negatives)


def test_bfloat16_vectors_give_float32_losses():
    vectors = jnp.eye(4, dtype=jnp.bfloat16)
    values = loss.info_nce(vectors[:2], vectors[:2], vectors[2:], temperature=0.07)
    assert values.dtype == jnp.float32
    np.testing.assert_allclose(values, np.log1p(2 * np.exp(-1 / 0.07)), rtol=1e-5, atol=1e-7)


def test_negatives_that_do_not_count_are_left_out():
    rng = np.random.default_rng(0)
    unit = lambda *shape: heads.unit(rng.normal(size=shape).astype(np.float32))
    query, positive, negatives = unit(2, 4), unit(2, 4), unit(3, 4)
    counts = np.array([[True, False, True], [False, True, False]])
    masked = loss.info_nce(query, positive, negatives, temperature=0.2, counts=counts)
    for row, kept in enumerate(counts):
        alone = loss.info_nce(query[row], positive[row], negatives[kept], temperature=0.2)
        np.testing.assert_allclose(masked[row], alone, rtol=1e-6)
