"""Checks that losses and weights are finite, without waiting for the device at every step."""

import json
import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from skeljax.errors import InputError, writing
from skeljax.train import cluster


class FiniteCheck:
    """Collects the loss of every step on the device and checks them at intervals.

    Args:
        batches: with `places(number)`, what a batch was cut from, in types of JSON.
        folder: where `not_finite.json` is written: the step, its loss, the rows of its batch.
    """

    def __init__(self, batches, folder):
        self._batches, self._path = batches, Path(folder) / 'not_finite.json'
        self._losses: list[tuple[int, jax.Array]] = []

    def add(self, step: int, loss):
        """Adds the loss of a step, or of the K steps up to it as [K], without waiting for it."""
        self._losses.append((step, loss))

    def check(self, state=None):
        """Checks the losses since the last check, and a state on the host.

        Every process must call it after the same steps.

        Raises:
            InputError: a number is not finite. It names the first step whose loss is not, or the
                last step if it is the state.
        """
        fetched = jax.device_get(self._losses)
        self._losses = fetched[-1:]  # for a check of the state after the same step
        for last, losses in fetched:
            losses = np.ravel(losses)
            for step, loss in enumerate(losses, last + 1 - len(losses)):
                if not math.isfinite(loss):
                    self._fail(step, float(loss), f'the loss is {loss}')
        if state is not None and not _finite(state):
            self._fail(step, float(loss), f'the loss is {loss}, but the weights are not finite')

    def _fail(self, step: int, loss: float, found: str):
        rows = sum(cluster.gather(self._batches.places(step - 1)), [])
        record = {'step': step, 'loss': str(loss), 'batch': rows}
        with cluster.together():
            if cluster.is_first():
                with writing(self._path):
                    self._path.write_text(json.dumps(record, indent=1) + '\n')
            raise InputError(
                f'step {step}: {found}; its batch is described in {self._path}, the checkpoints '
                f'are from before it; try a lower learning rate'
            )


def _finite(state) -> bool:
    """Returns whether all floats of a state are finite."""
    leaves = (x for x in jax.tree.leaves(state) if jnp.issubdtype(x.dtype, jnp.floating))
    return all(np.isfinite(leaf).all() for leaf in leaves)
