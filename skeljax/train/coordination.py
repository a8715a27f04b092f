"""The key-value store of processes that JAX has joined: a private interface of JAX, used here only.

JAX 0.10 has no public one: `jax.experimental.multihost_utils` needs devices, and programs compiled
on all of them, where one process may have failed already. One process alone needs nothing of it.
"""

import jax


def _state():
    from jax._src import distributed  # Orbax uses it too

    return distributed.global_state


def process_id() -> int:
    """Returns the index of this process, 0 of one alone; touches no device."""
    return _state().process_id if jax.distributed.is_initialized() else 0


def process_count() -> int:
    """Returns the number of processes; touches no device."""
    return _state().num_processes if jax.distributed.is_initialized() else 1


def exchange(text: str, key: str, *, timeout: float) -> list[str]:
    """Returns the text of every process, in their order.

    Args:
        text: of this process.
        key: the same on all processes, another for every exchange.
        timeout: seconds to wait for the others.

    Raises:
        jax.errors.JaxRuntimeError: another process does not answer.
    """
    client = _state().client
    client.key_value_set(f'{key}/{process_id()}', text)
    client.wait_at_barrier(key, int(timeout * 1000))
    texts = {name.rpartition('/')[2]: value for name, value in client.key_value_dir_get(key)}
    return [texts[str(index)] for index in range(process_count())]
