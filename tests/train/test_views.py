"""What the encoders of each stream are shown."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.contrast.methods import View
from skeljax.train import pretrain, views

B, W, T, M, V = 4, 24, 16, 2, 25
STREAMS = ('joint', 'motion', 'bone')


@functools.cache
def _seen(hidden):
    """One pose that nobody moves, seen as it is and with hidden joints."""
    pose = np.random.default_rng(0).normal(size=(B, 1, M, V, 3)).astype(np.float32) + 9
    batch = {
        'joints': jnp.array(np.repeat(pose, W, 1)),
        'mask': jnp.ones((B, W, M), bool),
        'index': jnp.arange(B),
    }
    wanted = {
        'plain': View('query'),
        'less': View('query', shares_crop_with='plain', num_masked_joints=hidden),
    }
    settings = pretrain.Settings(
        layout='ntu25', views={'plain': {}}, crop=dict(length=T), num_steps=1, streams=STREAMS
    )
    make = jax.jit(lambda rng: views.draw(rng, batch, wanted, settings))
    return jax.tree.map(np.asarray, make(jax.random.key(0)))


@pytest.mark.parametrize('stream', STREAMS)
def test_hidden_joints_are_zero_and_nothing_else_is_touched(stream):
    seen = _seen(3)
    (plain, mask, _), (less, same, _) = seen['plain'], seen['less']
    np.testing.assert_array_equal(mask, same)
    # In a stream of positions all hidden joints show; no other number may differ in any stream.
    hidden = (less['joint'] == 0).all(-1)
    assert (hidden.sum(-1) == 3).all() and not (plain['joint'] == 0).any()
    np.testing.assert_array_equal(less[stream], np.where(hidden[..., None], 0, plain[stream]))


def test_what_stands_still_has_no_motion_though_joints_are_hidden():
    less = _seen(3)['less'].streams
    assert not less['motion'].any() and less['bone'].any()
