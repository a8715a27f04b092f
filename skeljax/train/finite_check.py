"""Sees that losses and weights stay finite, without waiting for the device at every step."""

import json
import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from skeljax.errors import InputError, writing
from skeljax.train import cluster


class Watch:
    """Notes the loss of every step on the device and looks at them once in a while.

    Args:
        batches: with `places(number)`, what a batch was cut from, which can be written as JSON.
        folder: gets `not_finite.json`: the step, its loss, the rows of its batch.
    """

    def __init__(self, batches, folder):
        self._batches, self._path = batches, Path(folder) / 'not_finite.json'
        self._losses: list[tuple[int, jax.Array]] = []

    def note(self, step: int, loss):
        """Keeps the loss of a step, or of several up to it [K], still on the device."""
        self._losses.append((step, loss))

    def look(self, state: dict | None = None):
        """Looks at the losses since it last did, and at a state on the host.

        Every process must call it after the same steps.

        Raises:
            InputError: naming the first step whose loss is not finite, or the last one where
                it is the state that is not.
        """
        noted = jax.device_get(self._losses)
        self._losses = noted[-1:]  # which may be asked for again, with the state
        for last, losses in noted:
            losses = np.ravel(losses)
            for step, loss in enumerate(losses, last + 1 - len(losses)):
                if not math.isfinite(loss):
                    self._stop(step, float(loss), f'the loss is {loss}')
        if state is not None and not _finite(state):
            self._stop(step, float(loss), f'the loss is {loss}, but the weights are not finite')

    def _stop(self, step: int, loss: float, found: str):
        rows = sum(cluster.gather(self._batches.places(step - 1)), [])
        told = {'step': step, 'loss': str(loss), 'batch': rows}
        with cluster.together():
            if cluster.is_first():
                with writing(self._path):
                    self._path.write_text(json.dumps(told, indent=1) + '\n')
            raise InputError(
                f'step {step}: {found}; its batch is told in {self._path}, the checkpoints are of '
                f'before; try a lower learning rate'
            )


def _finite(state) -> bool:
    """Says whether no number of a state is infinite or none."""
    leaves = (x for x in jax.tree.leaves(state) if jnp.issubdtype(x.dtype, jnp.floating))
    return all(np.isfinite(leaf).all() for leaf in leaves)
