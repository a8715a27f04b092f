"""Rematerialization changes no number and takes less memory."""

import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.models import remat

STACKS = dict(base_channels=4, channel_multipliers=(1, 2), down_stages=(2,))
SMALL = dict(
    agcn=STACKS, stgcn=STACKS | dict(out_channels=0), ctrgcn=STACKS,
    gru=dict(base_channels=4, num_layers=2),
    transformer=dict(base_channels=4, num_layers=2, num_heads=2),
)
MODULES = {name: importlib.import_module(f'skeljax.models.{name}') for name in SMALL}


def _model(name, policy, **options):
    return MODULES[name].Backbone(layout='coco17', remat=policy, **options)


def _clip(frames=8, batch=2):
    joints = np.random.default_rng(0).normal(size=(batch, frames, 1, 17, 3)).astype(np.float32)
    return joints, np.arange(frames)[:, None] < np.full((batch, 1, 1), frames - 2)


def _gradients(model):
    """Makes `(variables, joints, mask) -> (gradients, new statistics)`, dropout drawn."""

    def total(params, variables, joints, mask):
        features, new = model.apply(
            {**variables, 'params': params}, joints, mask, train=True, mutable=['batch_stats'],
            rngs={'dropout': jax.random.key(2)},
        )
        pairs = features.taps.values()
        taps = [jnp.where(valid[..., None], jnp.sin(tap), 0) for tap, valid in pairs]
        return sum(tap.sum() for tap in taps), new

    both = jax.grad(total, has_aux=True)
    return jax.jit(lambda variables, *clip: both(variables['params'], variables, *clip))


@pytest.mark.parametrize(
    ('name', 'policy'), [*((name, 'blocks') for name in SMALL), ('stgcn', 'dots_saveable')]
)
def test_gradients_and_statistics_stay_the_same(name, policy, double):
    """In float32, rounding decides on which side of ReLU's edge a unit is that lies on it."""
    make = functools.partial(_model, name, dropout=0.25, dtype=jnp.float64, **SMALL[name])
    plain, anew = make('none'), make(policy)
    init = lambda model: jax.jit(functools.partial(model.init, train=False))
    variables, others = (init(m)(jax.random.key(0), *_clip()) for m in (plain, anew))
    jax.tree.map(np.testing.assert_array_equal, others, variables)
    (expected, stats), (found, new) = (_gradients(m)(variables, *_clip()) for m in (plain, anew))
    scale = max(np.abs(leaf).max() for leaf in jax.tree.leaves(expected))
    close = functools.partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-10 * scale)
    jax.tree.map(close, found, expected)
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-10), new, stats)
    assert scale > 0


def test_a_gradient_that_keeps_less_takes_less_memory(optimised):
    """By the compiler's analysis; nothing runs."""
    # Otherwise XLA's CPU compiler stores what is computed twice; the launch scripts set it too.
    options = {'xla_disable_hlo_passes': 'cse_barrier_expander'}
    clip, taken = _clip(64, 8), {}
    for policy in ('none', 'dots_saveable', 'blocks'):
        model = _model(
            'stgcn', policy, base_channels=16, out_channels=0, channel_multipliers=(1,) * 6,
            down_stages=(), dropout=0.0,
        )
        init = functools.partial(model.init, train=False)
        variables = jax.eval_shape(init, jax.random.key(0), *clip)
        program = _gradients(model).lower(variables, *clip).compile(compiler_options=options)
        taken[policy] = program.memory_analysis().temp_size_in_bytes
    assert taken['blocks'] < taken['dots_saveable'] < taken['none']
    assert taken['blocks'] < 0.5 * taken['none']


def test_every_policy_is_one_of_jax():
    for policy in remat.POLICIES[2:]:
        assert callable(getattr(jax.checkpoint_policies, policy))
