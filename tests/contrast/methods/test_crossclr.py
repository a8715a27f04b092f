import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.contrast import info_nce
from skeljax.contrast.methods import cmd, crossclr

T, STREAMS = 0.07, ('joint', 'motion', 'bone')


def _unit(rng, *shape):
    x = rng.normal(size=shape)
    return (x / np.linalg.norm(x, axis=-1, keepdims=True)).astype(np.float32)


def _case(seed=0, videos=3, queue=6):
    rng = np.random.default_rng(seed)
    outputs, negatives = {}, {}
    for stream in STREAMS:
        outputs[stream] = {view: {'video': _unit(rng, videos, 8)} for view in ('query', 'key')}
        negatives[stream] = info_nce.Negatives(_unit(rng, queue, 8))
    return outputs, negatives


def _cosines(outputs, negatives, stream, view='query'):
    z = outputs[stream][view]['video'].astype(np.float64)
    key = outputs[stream]['key']['video'].astype(np.float64)
    return (z * key).sum(-1), z @ negatives[stream].vectors.T.astype(np.float64)


def _log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def test_streams_mine_for_each_other_by_hand():
    outputs, negatives = _case()
    losses = crossclr.Method().cross_stream_losses(outputs, negatives, jnp.float32(0.6))
    assert set(losses) == {f'cross_{a}_{b}' for a, b in itertools.permutations(STREAMS, 2)}
    for one, other in itertools.permutations(STREAMS, 2):
        (near, far), (_, theirs) = (_cosines(outputs, negatives, s) for s in (one, other))
        for row in range(len(near)):
            logs = _log_softmax(
                np.concatenate([near[row, None], far[row], far[row] * theirs[row]]) / T
            )
            place = 1 + theirs[row].argmax()
            expected = -(logs[0] + logs[place] + logs[place + len(far[row])]) / 3
            found = losses[f'cross_{one}_{other}'][row]
            np.testing.assert_allclose(found, expected / 2, rtol=1e-5)  # the mean of the two others


@pytest.mark.parametrize(
    ('progress', 'early'), [(0.0, True), (0.499, True), (0.5, False), (1.0, False)]
)
def test_no_term_is_there_twice_and_none_is_missing(progress, early):
    outputs, negatives = _case()
    method, progress = crossclr.Method(), jnp.float32(progress)
    across = method.cross_stream_losses(outputs, negatives, progress)
    for stream in STREAMS:
        near, far = _cosines(outputs, negatives, stream)
        alone = -_log_softmax(np.concatenate([near[:, None], far], 1) / T)[:, 0]
        found = method.losses(outputs[stream], negatives[stream], progress)['video']
        np.testing.assert_allclose(found, alone if early else 0 * alone, rtol=1e-5, atol=1e-6)
    assert all(np.any(value) != early for value in across.values())


def test_both_streams_of_a_pair_learn_and_no_key_does():
    """The context is a product of both streams' similarities."""
    outputs, negatives = _case()

    def total(outputs, vectors):
        far = {stream: info_nce.Negatives(v) for stream, v in vectors.items()}
        return (
            crossclr.Method()
            .cross_stream_losses(outputs, far, jnp.float32(1))['cross_joint_bone']
            .sum()
        )

    vectors = {stream: far.vectors for stream, far in negatives.items()}
    grads, pushed = jax.grad(total, (0, 1))(*jax.tree.map(jnp.array, (outputs, vectors)))
    moved = {(s, v) for s in STREAMS for v in ('query', 'key') if np.any(grads[s][v]['video'])}
    assert moved == {('joint', 'query'), ('bone', 'query')}
    assert not any(np.any(grad) for grad in pushed.values())


def test_others_of_the_batch_that_do_not_count_are_not_in_the_context():
    outputs, negatives = _case(videos=2, queue=3)
    counts = np.array([[True, False, True], [True, True, False]])
    hidden = {s: info_nce.Negatives(n.vectors, counts) for s, n in negatives.items()}
    found = crossclr.Method().cross_stream_losses(outputs, hidden, jnp.float32(1))[
        'cross_joint_bone'
    ]
    for row, kept in enumerate(counts):
        left = {s: info_nce.Negatives(n.vectors[kept]) for s, n in negatives.items()}
        alone = crossclr.Method().cross_stream_losses(outputs, left, jnp.float32(1))[
            'cross_joint_bone'
        ]
        np.testing.assert_allclose(found[row], alone[row], rtol=1e-5)


def test_published_only_the_motion_keys_move_on():
    late, early = jnp.float32(0.7), jnp.float32(0.2)
    published = crossclr.Method(faithful=('momentum_freeze',))
    assert [float(published.momentum_scale(s, late)) for s in STREAMS] == [0, 1, 0]
    assert [float(published.momentum_scale(s, early)) for s in STREAMS] == [1, 1, 1]
    assert [float(crossclr.Method().momentum_scale(s, late)) for s in STREAMS] == [1, 1, 1]


@pytest.mark.parametrize('top', [2, 6, 100])
def test_cmd_distils_between_streams_by_hand(top):
    outputs, negatives = _case(seed=1)
    losses = cmd.Method(top_k=top).cross_stream_losses(outputs, negatives, jnp.float32(0))
    assert set(losses) == {f'distil_{a}_{b}' for a, b in itertools.permutations(STREAMS, 2)}
    for one, other in itertools.permutations(STREAMS, 2):
        teacher = _cosines(outputs, negatives, one, 'key')[1] / 0.05
        student = _cosines(outputs, negatives, other)[1] / 0.1
        for row in range(len(teacher)):
            place = np.argsort(-teacher[row])[:top]
            p, q = _log_softmax(teacher[row, place]), _log_softmax(student[row, place])
            expected = (np.exp(p) * (p - q)).sum()
            np.testing.assert_allclose(
                losses[f'distil_{one}_{other}'][row], expected, rtol=1e-4, atol=1e-6
            )


def test_cmd_contrasts_every_stream_as_well_and_teaches_only_students():
    outputs, negatives = _case(seed=2)
    method = cmd.Method(top_k=4)
    near, far = _cosines(outputs, negatives, 'bone')
    alone = -_log_softmax(np.concatenate([near[:, None], far], 1) / T)[:, 0]
    found = method.losses(outputs['bone'], negatives['bone'], jnp.float32(0))['video']
    np.testing.assert_allclose(found, alone, rtol=1e-5)

    def total(outputs):
        return method.cross_stream_losses(outputs, negatives, jnp.float32(0))[
            'distil_joint_bone'
        ].sum()

    grads = jax.grad(total)(jax.tree.map(jnp.array, outputs))
    moved = {(s, v) for s in STREAMS for v in ('query', 'key') if np.any(grads[s][v]['video'])}
    assert moved == {('bone', 'query')}
