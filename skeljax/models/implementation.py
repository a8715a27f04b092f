"""Selection between the plain layers and the forms that are fast on CPU.

Both have the same parameters and, up to rounding, the same results. A module holds its choice
in the field `implementation`, so that the choice is part of the key of a jitted function.
"""

import dataclasses

import jax
from jax import lax
import jax.numpy as jnp

# 'plain': ordinary JAX operations; 'cpu': the forms of `models.cpu`.
IMPLEMENTATIONS = ('plain', 'cpu')


def default_implementation() -> str:
    """Returns 'cpu' if CPU is the default backend of JAX, else 'plain'."""
    return 'cpu' if jax.default_backend() == 'cpu' else 'plain'


def field():
    """Returns the dataclass field `implementation`, whose default follows the platform."""
    return dataclasses.field(default_factory=default_implementation)


def is_cpu_form(implementation: str, x) -> bool:
    """Returns whether an operation on x has a CPU form.

    CPU forms exist for float32 and float64 and for shapes without symbolic dimensions: a
    program with symbolic dimensions is exported for every platform.
    """
    is_static = all(isinstance(size, int) for size in x.shape)
    return implementation == 'cpu' and is_static and x.dtype in (jnp.float32, jnp.float64)


def materialize(x, implementation: str):
    """Returns x, with the 'cpu' implementation behind an optimization barrier.

    Without the barrier XLA's CPU compiler recomputes large intermediates for each use. It
    removes barriers before it fuses operations unless its pass `cse_barrier_expander` is
    disabled, as `skeljax.cli.compiler` and the launch scripts do. No number depends on this.
    """
    return lax.optimization_barrier(x) if implementation == 'cpu' else x
