"""A run stopped by a signal goes on, and ends as one that was not, bit for bit."""

import json
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

STEPS = 40
# A network that is traced in seconds, host and snippets with a queue each: starting again is most
# of what these tests do.
COMMAND = [
    sys.executable, '-m', 'skeljax', 'pretrain', '--config', 'ui_prmd', '--quiet',
    '--config.data.corpus=synthetic/tiny', '--config.data.unlabeled=("synthetic/tiny",)',
    '--config.model.name=gru', '--config.model.base_channels=4', '--config.model.gru.num_layers=1',
    f'--config.pretrain.num_steps={STEPS}', '--config.pretrain.batch_size=8',
    '--config.pretrain.window=32', '--config.pretrain.crop.length=16',
    '--config.pretrain.negatives=("queue",)', '--config.pretrain.snippet.negatives=average',
    '--config.pretrain.queue_size=16', '--config.pretrain.log_every=1',
]
OFTEN = '--config.pretrain.checkpoint_every=1'


def _command(workdir, tiny):
    return [*COMMAND, f'--workdir={workdir}', f'--config.data.data_dir={tiny}']


def _environment(tmp_path):
    chosen = {
        'JAX_COMPILATION_CACHE_DIR': str(tmp_path / 'cache'),
        'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0',  # each start takes all from there
        'JAX_NUM_CPU_DEVICES': '1',
        'JAX_NUMPY_DTYPE_PROMOTION': 'standard',
    }
    return {**os.environ, **chosen}


def _run(workdir, tiny, environment, *more):
    command = [*_command(workdir, tiny), *more]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def _same_end(found, expected):
    """Sees that two runs end alike, bit for bit, and logged every step once, alike."""
    jax.tree.map(np.testing.assert_array_equal, _state(found), _state(expected))
    lines = [_metrics(workdir) for workdir in (found, expected)]
    assert [line['step'] for line in lines[0]] == list(range(1, STEPS + 1))
    assert lines[0] == lines[1]


def _state(workdir):
    with checkpoint.manager(workdir / 'checkpoints') as mngr:
        assert mngr.latest_step() == STEPS
        return dict(mngr.restore(STEPS).items())


def _metrics(workdir):
    lines = (workdir / 'metrics.jsonl').read_text().splitlines()
    return [{k: v for k, v in json.loads(x).items() if 'per_second' not in k} for x in lines]


def test_a_stopped_run_ends_as_an_unstopped_one(tiny, tmp_path):
    environment = _environment(tmp_path)
    whole, stopped = tmp_path / 'whole', tmp_path / 'stopped'
    _run(whole, tiny, environment)
    command = [*_command(stopped, tiny), OFTEN]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    metrics = stopped / 'metrics.jsonl'
    while not (metrics.exists() and metrics.read_text().count('\n') >= 3):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 128 + signal.SIGTERM
    assert 'stopped by SIGTERM' in said and 'the same command goes on' in said
    with checkpoint.manager(stopped / 'checkpoints') as mngr:
        assert mngr.latest_step() < STEPS
    _run(stopped, tiny, environment, OFTEN)
    _same_end(stopped, whole)


UNFINISHED = 'orbax-checkpoint-tmp'


def _steps(folder) -> tuple[set[str], set[str]]:
    """Lists the checkpoints that are whole, and what there is of unfinished ones."""
    names = set(os.listdir(folder)) if folder.exists() else set()
    return {name for name in names if name.isdigit()}, {n for n in names if UNFINISHED in n}


def _kill(process, folder, during: str, delay: float):
    """Kills a run so long after it starts, or after a save is begun or done; tells if it ran."""
    place = {'step': 0, 'save': 1}.get(during)
    before = _steps(folder)
    while place is not None and process.poll() is None and _steps(folder)[place] <= before[place]:
        time.sleep(0.002)
    time.sleep(delay)
    process.kill()
    return process.wait(timeout=120) == -signal.SIGKILL


@pytest.fixture(scope='module')
def unkilled(tiny, tmp_path_factory):
    """An undisturbed run, and the environment that has its programs compiled."""
    folder = tmp_path_factory.mktemp('unkilled')
    environment = _environment(folder)
    _run(folder / 'run', tiny, environment)
    return folder / 'run', environment


@pytest.mark.slow
@pytest.mark.parametrize('seed', range(4))
def test_a_run_killed_five_times_ends_as_an_unkilled_one(unkilled, tiny, tmp_path, seed):
    """`kill -9` at twenty seeded instants: after a step, during a save, while it starts."""
    whole, environment = unkilled
    killed, instants = tmp_path / 'killed', random.Random(seed)
    kinds = ['step', 'save', 'save', 'start']
    instants.shuffle(kinds)
    folder, unfinished = killed / 'checkpoints', 0
    longest = {'step': 0.05, 'save': 0.005}
    for during in ['step', *kinds]:
        command, begun = [*_command(killed, tiny), OFTEN], time.monotonic()
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        delay = instants.uniform(0, longest.get(during, 0))
        assert _kill(process, folder, during, delay), f'ended before it was killed: {during}'
        longest.setdefault('start', time.monotonic() - begun)  # as long as the first one took
        unfinished += bool(_steps(folder)[1])
    assert unfinished, 'no save was under way at any of them'
    _run(killed, tiny, environment, OFTEN)
    _same_end(killed, whole)
