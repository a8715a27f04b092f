"""Rematerialisation: what a block keeps for its gradient, and what is computed once more instead."""

from flax import linen as nn
import jax

# 'none' keeps all; 'blocks' what goes into each block; the others are policies of JAX.
POLICIES = (
    'none', 'blocks', 'everything_saveable', 'nothing_saveable', 'dots_saveable',
    'dots_with_no_batch_dims_saveable',
)


def call(policy: str, block: nn.Module, *arguments, **fixed):
    """Calls a block of a network; no number depends on the policy.

    Args:
        policy: of `POLICIES`.
        block: bound, as a module made in a compact method is.
        arguments: arrays.
        fixed: what is known while compiling, by name.
    """
    run = lambda block, *arguments: block(*arguments, **fixed)
    if policy != 'none':
        chosen = None if policy == 'blocks' else getattr(jax.checkpoint_policies, policy)
        run = nn.remat(run, policy=chosen)
    return run(block, *arguments)
