"""Sets eight CPU devices, strict dtypes and fast compilation for all tests, before JAX starts."""

import os
from pathlib import Path

os.environ.setdefault('JAX_NUM_CPU_DEVICES', '8')
os.environ.setdefault('JAX_PLATFORMS', 'cpu')
os.environ.setdefault('JAX_NUMPY_DTYPE_PROMOTION', 'strict')
# Most tests compile for minutes what then runs for milliseconds; see `optimised`.
os.environ.setdefault('JAX_DISABLE_MOST_OPTIMIZATIONS', '1')
os.environ.setdefault('MPLBACKEND', 'agg')

import hypothesis
import pytest

# A busy machine is no fault of the code.
hypothesis.settings.register_profile('patient', deadline=None)
hypothesis.settings.load_profile('patient')


@pytest.fixture
def optimised(monkeypatch):
    """Compiles as outside of tests, here and in processes started: for speed and memory."""
    import jax

    monkeypatch.setenv('JAX_DISABLE_MOST_OPTIMIZATIONS', '0')
    before = jax.config.values['jax_disable_most_optimizations']
    jax.config.update('jax_disable_most_optimizations', False)
    yield
    jax.config.update('jax_disable_most_optimizations', before)


@pytest.fixture
def double(monkeypatch):
    """Computes in float64 throughout."""
    import jax
    import jax.numpy as jnp

    monkeypatch.setattr(jnp, 'float32', jnp.float64)
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope='module', autouse=True)
def few_programs():
    """Looks at the end of each file, as counting takes a while, for the sake of the next ones."""
    yield
    _forget()


@pytest.fixture(autouse=True)
def few_programs_of_slow_tests(request):
    """Looks after each slow test: a file of them alone may compile too many."""
    yield
    if request.node.get_closest_marker('slow'):
        _forget()


def _forget():
    """Forgets compiled programs before they are too many.

    Each takes three or four maps of memory, and Linux gives a process 65,530: the compiler
    ends with a segmentation fault where there are no more.
    """
    maps = Path('/proc/self/maps')
    if maps.exists() and maps.read_bytes().count(b'\n') > 30_000:
        import jax

        jax.clear_caches()


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
    from skeljax.data import preparation

    folder = tmp_path_factory.mktemp('data')
    preparation.prepare('synthetic/tiny', data_dir=folder)
    return folder


@pytest.fixture(scope='session')
def smplh_folder(tmp_path_factory) -> Path:
    """A folder laid out as the SMPL-H release, with made-up bodies: male and female."""
    import numpy as np

    from skeljax.formats import smplh

    folder = tmp_path_factory.mktemp('model') / 'smplh'
    for seed, gender in enumerate(('male', 'female')):
        rng = np.random.default_rng(seed)
        regressor = np.zeros((52, 6890))
        for joint in range(52):
            regressor[joint, rng.choice(6890, 30, replace=False)] = 1 / 30
        weights = rng.random((6890, 52)) ** 8
        posedirs = np.zeros((6890, 3, 459), np.float32)  # of the landmarks only, to be quick
        landmarks = list(smplh.LANDMARKS.values())
        posedirs[landmarks] = rng.normal(0, 0.01, (len(landmarks), 3, 459))
        parents = np.array([2**32 - 1, *smplh.PARENTS[1:]], np.uint32)
        (folder / gender).mkdir(parents=True)
        np.savez(
            folder / gender / 'model.npz',
            v_template=rng.normal(0, 1.5, (6890, 3)),
            shapedirs=rng.normal(0, 0.02, (6890, 3, 16)),
            posedirs=posedirs,
            J_regressor=regressor,
            weights=weights / weights.sum(1, keepdims=True),
            kintree_table=np.stack([parents, np.arange(52, dtype=np.uint32)]),
            f=np.zeros((13776, 3), np.uint32),
            hands_meanl=rng.normal(0, 0.3, 45),
            hands_meanr=rng.normal(0, 0.3, 45),
            hands_componentsl=np.eye(45),
            hands_componentsr=np.eye(45),
        )
    return folder


@pytest.fixture(scope='session')
def write_own():
    """Writes a folder of someone's own recordings; see `own.write`."""
    from tests import own

    return own.write
