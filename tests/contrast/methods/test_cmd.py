"""What CMD's distillation makes of negatives that do not count; by hand it is in test_crossclr."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.contrast import info_nce
from skeljax.contrast.methods import cmd
from skeljax.errors import InputError

STREAMS = ('joint', 'bone')
PAIRS = [f'distil_{one}_{other}' for one, other in itertools.permutations(STREAMS)]


def _case(counts, far=5):
    rng = np.random.default_rng(0)
    unit = lambda *shape: (lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True))(
        rng.normal(size=shape)
    ).astype(np.float32)
    videos = len(counts)
    outputs = {s: {v: {'video': unit(videos, 8)} for v in ('query', 'key')} for s in STREAMS}
    vectors = {stream: unit(far, 8) for stream in STREAMS}
    return outputs, vectors, np.array(counts)


def _across(outputs, vectors, counts, top):
    negatives = {stream: info_nce.Negatives(vectors[stream], counts) for stream in STREAMS}
    return cmd.Method(top_k=top).cross_stream_losses(outputs, negatives, jnp.float32(0))


@pytest.mark.parametrize('top', [2, 4, 8192])
def test_negatives_that_do_not_count_are_neither_taught_nor_compared(top):
    outputs, vectors, counts = _case([[1, 0, 1, 1, 0], [0, 1, 1, 1, 1], [1, 1, 0, 0, 0]])
    found = _across(outputs, vectors, counts.astype(bool), top)
    for row, kept in enumerate(counts.astype(bool)):
        alone = jax.tree.map(lambda x, row=row: x[row : row + 1], outputs)
        left = {stream: x[kept] for stream, x in vectors.items()}
        expected = _across(alone, left, None, min(top, kept.sum()))
        for name in PAIRS:
            np.testing.assert_allclose(found[name][row], expected[name][0], rtol=1e-4, atol=1e-6)


def test_without_any_negative_there_is_nothing_to_distil():
    """A step of one person's only video, with negatives of the same person alone."""
    outputs, vectors, _ = _case([[0] * 5, [1] * 5])
    counts = np.array([[False] * 5, [True] * 5])

    def total(outputs):
        return sum(_across(outputs, vectors, counts, 3)[name][0] for name in PAIRS)

    value, grads = jax.value_and_grad(total)(jax.tree.map(jnp.array, outputs))
    np.testing.assert_allclose(value, 0, atol=1e-6)
    assert not any(np.any(grad) for grad in jax.tree.leaves(grads))


def test_equal_similarities_at_equal_temperatures_teach_nothing():
    """A divergence, unlike a cross-entropy, is 0 where both agree, and positive elsewhere."""
    outputs, vectors, counts = _case([[1] * 5] * 3)
    same = {'query': outputs['joint']['key'], 'key': outputs['joint']['key']}
    far = {stream: info_nce.Negatives(vectors['joint'], None) for stream in STREAMS}
    method = cmd.Method(top_k=4, teacher_temperature=0.1, student_temperature=0.1)
    for name, value in method.cross_stream_losses(
        {s: same for s in STREAMS}, far, jnp.float32(0)
    ).items():
        np.testing.assert_allclose(value, 0, atol=1e-6, err_msg=name)
    other = method.cross_stream_losses(outputs, far, jnp.float32(0))
    assert all((np.asarray(value) > 1e-3).all() for value in other.values())


def test_comparing_nothing_is_told():
    cmd.Method(top_k=1).check_layout('ntu25')
    with pytest.raises(InputError, match='cmd.top_k is 0, expected 1 or more'):
        cmd.Method(top_k=0).check_layout('ntu25')
