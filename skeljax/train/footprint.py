"""Memory of a contrastive loss with the negatives of a batch, as the compiler reports it."""

from collections.abc import Sequence
from typing import Any

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

from skeljax.contrast import info_nce
from skeljax.errors import InputError
from skeljax.train import negatives, parallel


def measure(counts: Sequence[int], *, embed: int = 128, forms=negatives.FORMS) -> list[dict]:
    """Compiles loss and gradient of a batch of snippets over all local devices.

    Snippets are projected by a matrix, so that there is a gradient to reduce; nothing else of a
    network is in it.

    Args:
        counts: snippets of the global batch.
        embed: size of an embedding.
        forms: of `negatives.FORMS`.

    Returns:
        One row for each count and form: form, snippets, devices, temporary_mib (what the
        program holds at most beside its arguments and results, on one device).

    Raises:
        InputError: a count is not divisible by the devices.
    """
    devices = jax.local_device_count()
    if odd := [count for count in counts if count < devices or count % devices]:
        raise InputError(f'{odd[0]} snippets are not divisible by {devices} devices')
    return [_row(count, form, embed, devices) for count in counts for form in forms]


def _row(count: int, form: str, embed: int, devices: int) -> dict:
    def step(state, batch, rng):
        def loss_fn(weights):
            query, key = (_unit(batch[side] @ weights) for side in ('query', 'key'))
            far = negatives.collect({}, lax.stop_gradient(key), batch['subject'], ('batch',), form)
            return lax.pmean(info_nce.info_nce(query, key, far, temperature=0.07).mean(), parallel.AXIS)

        value, gradient = jax.value_and_grad(loss_fn)(state)
        return state - lax.pmean(gradient, parallel.AXIS), {'loss': value}

    shaped = lambda *shape, dtype=np.float32: jax.ShapeDtypeStruct(shape, dtype)
    rows = shaped(devices, count // devices, embed)
    subject = shaped(devices, count // devices, dtype=np.int32)
    batch = {'query': rows, 'key': rows, 'subject': subject}
    arguments = shaped(embed, embed), batch, jax.eval_shape(lambda: jax.random.key(0))
    mapped: Any = parallel.data_parallel(step)
    program = mapped.lower(*arguments).compile()
    return {
        'form': form,
        'snippets': count,
        'devices': devices,
        'temporary_mib': program.memory_analysis().temp_size_in_bytes / 2**20,
    }


def _unit(x):
    return x / jnp.linalg.norm(x, axis=-1, keepdims=True)
