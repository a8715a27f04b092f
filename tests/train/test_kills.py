"""Kills inside saves: the next start removes what is left of the save, says nothing and goes on."""

import os
from pathlib import Path
import signal
import subprocess
import sys

import jax
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.train import checkpoint
from tests.train import killed_saves

_PROGRAM = Path(killed_saves.__file__)


def _run(folder, seed: int, steps: int):
    return subprocess.run(
        [sys.executable, str(_PROGRAM), str(folder), str(seed), str(steps)],
        capture_output=True, text=True, timeout=300,
        env={**os.environ, 'JAX_NUM_CPU_DEVICES': '1', 'JAX_NUMPY_DTYPE_PROMOTION': 'standard'},
    )


def _state(folder: Path, step: int) -> dict:
    with checkpoint.reader(folder / 'checkpoints') as mngr:
        assert mngr.latest_step() == step
        return checkpoint.restore(mngr, killed_saves.state())


def _kill_and_go_on(folder: Path, kills: int, ends: int):
    """Kills a run inside so many saves, then lets it end; compares it to an undisturbed one."""
    inside, seed = 0, 0
    while inside < kills:
        done = _run(folder / 'killed', seed, ends)
        assert (done.returncode, done.stderr) == (-signal.SIGKILL, ''), f'seed {seed}'
        inside += bool(killed_saves.unfinished(folder / 'killed' / 'checkpoints'))
        seed += 1
    for name in ('killed', 'whole'):
        done = _run(folder / name, -1, ends)
        assert (done.returncode, done.stderr) == (0, '')
    assert not killed_saves.unfinished(folder / 'killed' / 'checkpoints')
    pair = (_state(folder / name, ends) for name in ('killed', 'whole'))
    jax.tree.map(np.testing.assert_array_equal, *pair)
    print(f'kills inside saves: {inside} of {seed}; all {seed} resumed, same end bit for bit')


def test_a_run_killed_inside_a_save_ends_as_an_unkilled_one(tmp_path):
    _kill_and_go_on(tmp_path, kills=2, ends=20)


@pytest.mark.slow
def test_a_run_killed_inside_a_hundred_saves_ends_as_an_unkilled_one(tmp_path):
    _kill_and_go_on(tmp_path, kills=100, ends=400)


def _leave_unfinished(folder: Path, step: int, files: int) -> Path:
    left = folder / f'{step}.{killed_saves.UNFINISHED}-0'
    left.mkdir(parents=True)
    for index in range(files):
        (left / str(index)).touch()
    return left


def test_what_a_kill_left_is_gone_before_the_next_save(tmp_path):
    """With thousands of files a removal in the background would still be at work."""
    left = _leave_unfinished(tmp_path, 1, 3000)
    with checkpoint.manager(tmp_path) as mngr:
        assert not left.exists()
        checkpoint.save(mngr, 1, killed_saves.state())
    assert [path.name for path in tmp_path.iterdir()] == ['1']


def test_reading_leaves_the_save_of_another_process_alone(tmp_path):
    with checkpoint.manager(tmp_path) as mngr:
        checkpoint.save(mngr, 1, killed_saves.state())
    left = _leave_unfinished(tmp_path, 2, 1)
    with checkpoint.reader(tmp_path) as mngr:
        checkpoint.restore(mngr, killed_saves.state())
    assert left.is_dir()
    with (
        pytest.raises(InputError, match='no checkpoint here'),
        checkpoint.reader(tmp_path / 'none'),
    ):
        pass
    assert not (tmp_path / 'none').exists()
