"""What the machine can do at most, as measured: matrix products and copying."""

import time

import jax
import jax.numpy as jnp

_ROUNDS = 5


def measure(dtype='float32') -> dict[str, float]:
    """Times a large matrix product and the negation of a large array; the best of five counts.

    Args:
        dtype: of the matrices; products are of the default precision, as in the networks.

    Returns:
        matrix_gflops (10^9 operations a second) and copy_gb_per_second (10^9 bytes read
        and written a second).
    """
    accelerated = jax.default_backend() != 'cpu'
    side, length = (8192, 2**28) if accelerated else (2048, 2**25)
    matrix = jnp.ones((side, side), dtype)
    product = _best(jax.jit(lambda a: a @ a), matrix)
    array = jnp.ones(length, jnp.float32)
    copied = _best(jax.jit(jnp.negative), array)
    return {
        'matrix_gflops': 2 * side**3 / product / 1e9,
        'copy_gb_per_second': 2 * array.nbytes / copied / 1e9,
    }


def _best(call, argument) -> float:
    seconds = []
    for _ in range(_ROUNDS + 1):
        start = time.perf_counter()
        jax.block_until_ready(call(argument))
        seconds.append(time.perf_counter() - start)
    return min(seconds[1:])
