import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from skeljax.contrast import info_nce
from skeljax.models import heads


def _info_nce(query, positive, vectors, *, temperature, mask=None):
    negatives = info_nce.Negatives(vectors, mask)
    return info_nce.info_nce(query, positive, negatives, temperature=temperature)


def test_orthogonal_negatives():
    query = jnp.eye(5)[:3]
    values = _info_nce(query, query, jnp.eye(5)[3:], temperature=0.5)
    # The positive has similarity 1, each of the two negatives 0.
    np.testing.assert_allclose(values, np.full(3, np.log1p(2 * np.exp(-2))), rtol=1e-6)


def test_by_hand():
    query = jnp.array([[1.0, 0.0]])
    positive = jnp.array([[0.6, 0.8]])
    negatives = jnp.array([[0.8, 0.6], [-1.0, 0.0]])
    logits = np.array([0.6, 0.8, -1.0]) / 0.07
    expected = np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[0]
    values = _info_nce(query, positive, negatives, temperature=0.07)
    np.testing.assert_allclose(values, [expected], rtol=1e-5)


def test_it_is_the_cross_entropy_of_the_logits():
    rng = np.random.default_rng(2)
    unit = lambda *shape: heads.unit(rng.normal(size=shape).astype(np.float32))
    query, positive = unit(2, 3, 4), unit(2, 3, 4)
    negatives = info_nce.Negatives(unit(5, 4), jnp.array(rng.random((2, 5)) < 0.6))
    logits = info_nce.logits(query, positive, negatives, temperature=0.2)
    expected = optax.softmax_cross_entropy_with_integer_labels(logits, jnp.zeros((2, 3), int))
    found = info_nce.info_nce(query, positive, negatives, temperature=0.2)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_only_the_query_gets_a_gradient():
    rng = np.random.default_rng(0)
    arrays = [jnp.array(rng.normal(size=shape), jnp.float32) for shape in [(4, 8), (4, 8), (16, 8)]]
    total = lambda *a: _info_nce(*a, temperature=0.1).sum()
    query, positive, negatives = jax.grad(total, argnums=(0, 1, 2))(*arrays)
    assert np.abs(query).max() > 0
    assert not np.any(positive) and not np.any(negatives)


def test_bfloat16_vectors_give_float32_losses():
    vectors = jnp.eye(4, dtype=jnp.bfloat16)
    values = _info_nce(vectors[:2], vectors[:2], vectors[2:], temperature=0.07)
    assert values.dtype == jnp.float32
    np.testing.assert_allclose(values, np.log1p(2 * np.exp(-1 / 0.07)), rtol=1e-5, atol=1e-7)


def test_masked_negatives_are_left_out():
    rng = np.random.default_rng(0)
    unit = lambda *shape: heads.unit(rng.normal(size=shape).astype(np.float32))
    query, positive, negatives = unit(2, 4), unit(2, 4), unit(3, 4)
    mask = np.array([[True, False, True], [False, True, False]])
    masked = _info_nce(query, positive, negatives, temperature=0.2, mask=mask)
    for row, kept in enumerate(mask):
        alone = _info_nce(query[row], positive[row], negatives[kept], temperature=0.2)
        np.testing.assert_allclose(masked[row], alone, rtol=1e-6)


def test_snippets_have_the_negatives_of_their_video():
    rng = np.random.default_rng(1)
    unit = lambda *shape: heads.unit(rng.normal(size=shape).astype(np.float32))
    query, positive, negatives = unit(2, 3, 4), unit(2, 3, 4), unit(5, 4)
    mask = rng.random((2, 5)) < 0.6
    masked = _info_nce(query, positive, negatives, temperature=0.2, mask=mask)
    for row, kept in enumerate(mask):
        alone = _info_nce(query[row], positive[row], negatives[kept], temperature=0.2)
        np.testing.assert_allclose(masked[row], alone, rtol=1e-6)


def _mined(logits, which):
    """The mean of -log softmax over the positive and the named ones, in numpy."""
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return -np.stack([logs[i, [0, *which[i]]].mean() for i in range(len(logits))])


@pytest.mark.parametrize(('count', 'which'), [(1, [[3], [1]]), (2, [[3, 1], [1, 2]])])
def test_nearest_negatives_join_the_positive(count, which):
    logits = np.array([[9.0, 1, -1, 2], [0, 3, 1, 0.5]], np.float32)
    mined = info_nce.nearest(jnp.array(logits), count)
    expected = np.zeros((2, 4), bool)
    for row, found in enumerate(which):
        expected[row, found] = True
    np.testing.assert_array_equal(mined, expected)
    found = info_nce.multi_positive_nce(logits, mined)
    np.testing.assert_allclose(found, _mined(logits, which), rtol=1e-5, atol=1e-6)
    none = jnp.zeros_like(mined)
    alone = _mined(logits, [[], []])
    np.testing.assert_allclose(
        info_nce.multi_positive_nce(logits, none), alone, rtol=1e-5, atol=1e-6
    )


def test_masked_negatives_are_never_mined():
    mask = np.array([[False, False, True]])
    unit = np.eye(3, dtype=np.float32)
    negatives = info_nce.Negatives(unit, mask)
    logits = info_nce.logits(unit[:1], unit[:1], negatives, temperature=0.1)
    np.testing.assert_array_equal(info_nce.nearest(logits, 2), [[False, False, False, True]])
    nothing = info_nce.Negatives(unit, np.zeros((1, 3), bool))
    logits = info_nce.logits(unit[:1], unit[:1], nothing, temperature=0.1)
    assert not info_nce.nearest(logits).any() and not info_nce.nearest(logits, 5).any()
    np.testing.assert_allclose(
        info_nce.multi_positive_nce(logits, info_nce.nearest(logits)), 0, atol=1e-6
    )


def test_distillation_by_hand():
    teacher = np.log(np.array([[0.5, 0.25, 0.25]], np.float32))
    student = np.log(np.array([[0.2, 0.3, 0.5]], np.float32))
    expected = -(0.5 * np.log(0.2) + 0.25 * np.log(0.3) + 0.25 * np.log(0.5))
    np.testing.assert_allclose(
        info_nce.distillation_loss(teacher, student + 3), [expected], rtol=1e-6
    )
    to_teacher, to_student = jax.grad(
        lambda *a: info_nce.distillation_loss(*a).sum(), argnums=(0, 1)
    )(jnp.array(teacher), jnp.array(student))
    # The gradient of cross-entropy: softmax of the student minus the wanted distribution.
    np.testing.assert_allclose(to_student, [[-0.3, 0.05, 0.25]], atol=1e-6)
    assert not np.any(to_teacher)


def test_distributions_with_nothing_left_of_some_negatives_stay_finite():
    """Where log(softmax) would be -inf and 0 times it no number."""
    teacher = jnp.array([[0.0, -1e9, -2e4]])
    student = jnp.array([[-5e3, -1e9, 0.0]])
    value, gradient = jax.value_and_grad(lambda x: info_nce.distillation_loss(teacher, x).sum())(
        student
    )
    np.testing.assert_allclose(value, 5e3, rtol=1e-6)
    assert np.isfinite(gradient).all()
