import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.contrast import queue
from skeljax.errors import InputError


def _pushed(size, batch, times, advance=True):
    state = queue.create(jax.random.key(0), size, 2)
    push = jax.jit(queue.push, static_argnames='advance')
    for number in range(times):
        rows = jnp.full((batch, 2), number, jnp.float32) + jnp.arange(batch)[:, None] / 10
        state = push(state, rows, advance=advance)
    return state


def test_starts_with_different_unit_vectors():
    vectors = queue.create(jax.random.key(0), 64, 8)['vectors']
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-6)
    assert len(np.unique(np.asarray(vectors), axis=0)) == 64


def test_holds_the_newest_after_n_pushes():
    # Eight slots, two a push: after six pushes, batches 2..5, the oldest at the pointer.
    state = _pushed(8, 2, 6)
    np.testing.assert_allclose(
        state['vectors'][:, 0], [4.0, 4.1, 5.0, 5.1, 2.0, 2.1, 3.0, 3.1], rtol=1e-6
    )
    assert state['pointer'] == 4


def test_first_pushes_replace_random_vectors_only():
    before = queue.create(jax.random.key(0), 8, 2)['vectors']
    after = _pushed(8, 2, 1)['vectors']
    np.testing.assert_array_equal(before[2:], after[2:])
    np.testing.assert_allclose(after[:2, 0], [0.0, 0.1], rtol=1e-6)


def test_the_release_overwrites_the_same_slots():
    state = _pushed(8, 2, 6, advance=False)
    np.testing.assert_allclose(state['vectors'][:2, 0], [5.0, 5.1], rtol=1e-6)
    before = queue.create(jax.random.key(0), 8, 2)['vectors']
    np.testing.assert_array_equal(state['vectors'][2:], before[2:])


def test_size_must_be_whole_batches():
    queue.check_size(8, 4)
    with pytest.raises(InputError, match='queue of 8 .* global batch of 3'):
        queue.check_size(8, 3)
