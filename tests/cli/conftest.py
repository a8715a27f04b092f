"""The command line is run as users run it: optax as it is, compiled programs kept."""

import jax
from jax.experimental.compilation_cache import compilation_cache
import pytest


@pytest.fixture(scope='package', autouse=True)
def as_users_run_it(tmp_path_factory):
    jax.config.update('jax_compilation_cache_dir', str(tmp_path_factory.mktemp('xla')))
    # Optax's Adam mixes floats and integers.
    with jax.numpy_dtype_promotion('standard'):
        yield
    jax.config.update('jax_compilation_cache_dir', None)
    compilation_cache.reset_cache()  # else it is kept in use
