"""Gives every test eight fake devices and strict dtypes; runs before JAX starts."""

import os
from pathlib import Path

os.environ.setdefault('JAX_NUM_CPU_DEVICES', '8')
os.environ.setdefault('JAX_PLATFORMS', 'cpu')
os.environ.setdefault('JAX_NUMPY_DTYPE_PROMOTION', 'strict')
os.environ.setdefault('MPLBACKEND', 'agg')

import pytest


@pytest.fixture(scope='session')
def real_data() -> Path:
    """The folder of real motion data, which is not part of the project."""
    default = Path(__file__).resolve().parents[2] / 'shared' / 'data'
    folder = Path(os.environ.get('SKELJAX_TEST_DATA', default))
    if not folder.is_dir():
        pytest.skip(f'no real motion data in {folder} (set SKELJAX_TEST_DATA)')
    return folder


@pytest.fixture(scope='session')
def tiny(tmp_path_factory) -> Path:
    """A folder of records in which synthetic/tiny is prepared."""
    from skeljax.cli import prepare

    folder = tmp_path_factory.mktemp('data')
    prepare.prepare('synthetic/tiny', data_dir=folder)
    return folder


@pytest.fixture(scope='session')
def write_own():
    """Writes a folder of someone's own recordings; see `own.write`."""
    import own

    return own.write
