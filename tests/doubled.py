"""Runs skeljax in double precision: `python tests/doubled.py VERB ARGUMENTS...`.

Wherever the library says float32 it gets float64; say --config.model.dtype=float64 too.
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update('jax_enable_x64', True)
jnp.float32 = jnp.float64  # before Flax is imported, which takes it for what parameters are

from skeljax.cli.main import main  # noqa: E402
from skeljax.data import batches  # noqa: E402

_window = batches.window


def window(*arguments, **options):
    """Cuts a window whose joints are float64 from there on."""
    cut = _window(*arguments, **options)
    return {**cut, 'joints': cut['joints'].astype(np.float64)}


if __name__ == '__main__':
    batches.window = window
    sys.exit(main())
