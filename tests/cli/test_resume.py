"""A run stopped by a signal goes on, and ends as one that was not, bit for bit."""

import os
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from skeljax.train import checkpoint

STEPS = 12
COMMAND = [
    sys.executable, '-m', 'skeljax', 'pretrain', '--config', 'ui_prmd', '--quiet',
    '--config.data.corpus=synthetic/tiny', '--config.data.unlabelled=("synthetic/tiny",)',
    '--config.model.width=4', f'--config.pretrain.num_steps={STEPS}', '--config.pretrain.batch=8',
    '--config.pretrain.window=48', '--config.pretrain.crop.length=32',
    '--config.pretrain.queue_size=16', '--config.pretrain.log_every=1',
]


def _command(workdir, tiny):
    return [*COMMAND, f'--workdir={workdir}', f'--config.data.data_dir={tiny}']


def _environment(tmp_path):
    chosen = {
        'JAX_COMPILATION_CACHE_DIR': str(tmp_path / 'cache'),
        'JAX_NUM_CPU_DEVICES': '1',
        'JAX_NUMPY_DTYPE_PROMOTION': 'standard',
    }
    return {**os.environ, **chosen}


def _state(workdir):
    with checkpoint.manager(workdir / 'checkpoints') as mngr:
        assert mngr.latest_step() == STEPS
        return dict(mngr.restore(STEPS).items())


@pytest.mark.parametrize(
    'number', [signal.SIGTERM, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)]
)
def test_a_stopped_run_ends_as_an_unstopped_one(tiny, tmp_path, number):
    environment = _environment(tmp_path)
    whole, stopped = tmp_path / 'whole', tmp_path / 'stopped'
    subprocess.run(_command(whole, tiny), env=environment, check=True, capture_output=True)

    often = '--config.pretrain.checkpoint_every=1'
    command = [*_command(stopped, tiny), often]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    metrics = stopped / 'metrics.jsonl'
    while not (metrics.exists() and metrics.read_text().count('\n') >= 3):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(number)
    said = process.communicate(timeout=120)[1]
    if number == signal.SIGTERM:
        assert process.returncode == 128 + signal.SIGTERM
        assert 'stopped by SIGTERM' in said and 'the same command goes on' in said
    else:
        assert process.returncode == -signal.SIGKILL
    with checkpoint.manager(stopped / 'checkpoints') as mngr:
        assert mngr.latest_step() < STEPS

    subprocess.run(command, env=environment, check=True, capture_output=True)
    jax.tree.map(np.testing.assert_array_equal, _state(stopped), _state(whole))
    steps = [line.split(',')[0] for line in metrics.read_text().splitlines()]
    assert steps == [f'{{"step": {n}' for n in range(1, STEPS + 1)]
