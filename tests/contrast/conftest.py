"""Arrays of different ranks are broadcast explicitly: implicit rank promotion is an error."""

import jax
import pytest


@pytest.fixture(scope='module', autouse=True)
def strict_ranks():
    """Raises where JAX would add leading axes to an array of lower rank."""
    with jax.numpy_rank_promotion('raise'):
        yield
