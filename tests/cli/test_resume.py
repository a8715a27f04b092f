"""A run stopped by a signal goes on, and ends as one that was not, bit for bit."""

import os
import random
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


def _state(workdir, steps=STEPS):
    with checkpoint.manager(workdir / 'checkpoints') as mngr:
        assert mngr.latest_step() == steps
        return dict(mngr.restore(steps).items())


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


UNFINISHED = '*.orbax-checkpoint-tmp*'


def _kill(process, checkpoints, during: str, delay: float):
    """Kills a run as it starts, or so long after a new checkpoint is begun or whole."""
    pattern = {'save': UNFINISHED, 'step': '[0-9]*[0-9]'}.get(during)
    names = lambda: {path.name for path in checkpoints.glob(pattern)}
    before = names() if pattern else ()
    while pattern and process.poll() is None and names() <= before:
        time.sleep(0.001)
    time.sleep(delay)
    process.kill()
    process.communicate(timeout=120)
    return process.returncode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize('seed', [0, 1])
def test_a_run_killed_again_and_again_ends_as_an_unkilled_one(tiny, tmp_path, seed):
    """`kill -9` at seeded instants: between steps, during a save, while it starts."""
    steps, environment, instants = 30, _environment(tmp_path), random.Random(seed)
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    longer = f'--config.pretrain.num_steps={steps}'
    subprocess.run(
        [*_command(whole, tiny), longer], env=environment, check=True, capture_output=True
    )
    command = [*_command(killed, tiny), longer, '--config.pretrain.checkpoint_every=1']
    unfinished = 0
    for during, longest in [('step', 0.3), ('save', 0.05), ('start', 3.0)]:
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        assert _kill(process, killed / 'checkpoints', during, instants.uniform(0, longest))
        unfinished += bool(list((killed / 'checkpoints').glob(UNFINISHED)))
    assert unfinished  # a save was under way at one of them
    subprocess.run(command, env=environment, check=True, capture_output=True)
    jax.tree.map(np.testing.assert_array_equal, _state(killed, steps), _state(whole, steps))
    lines = (killed / 'metrics.jsonl').read_text().splitlines()
    assert [line.split(',')[0] for line in lines] == [f'{{"step": {n}' for n in range(1, steps + 1)]
