"""Measures the peak rates of the machine: matrix products and copying."""

import time

import jax
import jax.numpy as jnp

_ROUNDS = 5


def measure(dtype='float32') -> dict[str, float]:
    """Times a large matrix product and the negation of a large array; the best of five counts.

    Args:
        dtype: of the matrices. Products have the default precision, as in the networks.

    Returns:
        matrix_gflops (10^9 operations per second) and copy_gb_per_second (10^9 bytes read and
        written per second).
    """
    on_accelerator = jax.default_backend() != 'cpu'
    side, length = (8192, 2**28) if on_accelerator else (2048, 2**25)
    matrix = jnp.ones((side, side), dtype)
    product = _best(jax.jit(lambda a: a @ a), matrix)
    array = jnp.ones(length, jnp.float32)
    copy = _best(jax.jit(jnp.negative), array)
    return {
        'matrix_gflops': 2 * side**3 / product / 1e9,
        'copy_gb_per_second': 2 * array.nbytes / copy / 1e9,
    }


def _best(function, argument) -> float:
    seconds = []
    for _ in range(_ROUNDS + 1):
        start = time.perf_counter()
        jax.block_until_ready(function(argument))
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])
