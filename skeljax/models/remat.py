"""Rematerialization: which intermediates of a block are stored for its gradient."""

from flax import linen as nn
import jax

from skeljax.errors import InputError

# 'none' stores everything, 'blocks' the inputs of each block; the others are names of
# `jax.checkpoint_policies`.
POLICIES = (
    'none', 'blocks', 'everything_saveable', 'nothing_saveable', 'dots_saveable',
    'dots_with_no_batch_dims_saveable',
)


def check(policy: str):
    """Raises InputError if a policy is unknown; the message names the config field."""
    if policy not in POLICIES:
        raise InputError(f'config.model.remat is {policy!r}, known: {", ".join(POLICIES)}')


def call(policy: str, block: nn.Module, *arguments, **constants):
    """Calls a block of a network; its results do not depend on the policy.

    Args:
        policy: one of `POLICIES`.
        block: bound, as a module made in a compact method is.
        arguments: arrays.
        constants: arguments by name that are known at compile time.
    """
    run = lambda block, *arguments: block(*arguments, **constants)
    if policy != 'none':
        saveable = None if policy == 'blocks' else getattr(jax.checkpoint_policies, policy)
        run = nn.remat(run, policy=saveable)
    return run(block, *arguments)
