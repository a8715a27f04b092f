"""Several processes end as one does: metrics, weights, and the state that is kept as best."""

import functools
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from tests import started

STEPS = 4
# A small network at a low rate: what is compared is where it ran, not how rounding grows.
OPTIONS = [
    '--config', 'ui_prmd', '--quiet', '--config.data.corpus=synthetic/tiny',
    '--config.data.unlabeled=("synthetic/tiny",)', '--config.model.name=gru',
    '--config.model.base_channels=8', '--config.model.gru.num_layers=1',
    *(f'--config.{stage}.{option}' for stage in ('pretrain', 'finetune') for option in (
        f'num_steps={STEPS}', 'batch_size=8', 'window=48', 'crop.length=32', 'log_every=1',
        'optimizer.name=sgd', 'optimizer.peak_lr=0.001',
    )),
    '--config.pretrain.queue_size=16', '--config.finetune.validate_every=2',
    '--config.finetune.label_fraction=1.0',
]  # fmt: skip


def _words(stage, tiny, workdir):
    return [stage, *OPTIONS, f'--config.data.data_dir={tiny}', f'--workdir={workdir}']


@pytest.fixture
def pod(tmp_path):
    """launch/pod_sim.sh in an environment whose `skeljax` is this one."""
    return functools.partial(started.pod, started.make_venv(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize(
    ('stage', 'form'), [('pretrain', 'pmap'), ('finetune', 'pmap'), ('finetune', 'shard_map')]
)
def test_two_processes_of_two_devices_are_as_one_of_four(pod, tiny, tmp_path, stage, form):
    one, two = tmp_path / 'one', tmp_path / 'two'
    done = pod(2, 2, [*_words(stage, tiny, two), f'--config.parallel={form}'])
    assert done.returncode == 0, done.stderr
    command = [sys.executable, '-m', 'skeljax', *_words(stage, tiny, one)]
    subprocess.run(command, env=started.environment(4), check=True, capture_output=True)
    found, expected = started.metrics(two), started.metrics(one)
    near = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)
    jax.tree.map(near, found, expected)
    # The optimizer's memory is a sum of gradients: as exact as they are, for their length.
    length = max(1, *(line.get('gradient_norm', 0) for line in expected))

    def close(path, a, b):
        name = jax.tree_util.keystr(path)
        atol = 1e-5 * (length if 'opt_state' in name else 1)
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=atol, err_msg=name)

    for name in ('checkpoints', 'best')[: 1 + (stage == 'finetune')]:
        found, expected = started.state(two / name), started.state(one / name)
        assert 'backbone' in found and found.keys() == expected.keys()
        jax.tree_util.tree_map_with_path(close, found, expected)
    assert len(list(two.glob('events*'))) == 1  # one process writes
    assert not list(two.glob('*/*tmp*'))


@pytest.mark.slow
def test_processes_that_differ_do_not_start(pod, tiny, tmp_path):
    """Each error is told once, by the first process, and all end with its status."""
    words = _words('pretrain', tiny, tmp_path / 'run')
    program = tmp_path / 'venv' / 'bin' / 'skeljax'
    real = program.read_text()
    for option, said in [
        (
            '--config.pretrain.batch_size=16',
            'config.pretrain.batch_size is 16, but 8 for process 0',
        ),
        ('--config.data.data_dir=/nowhere', 'process 1: /nowhere/synthetic/tiny: no prepared'),
    ]:
        extra = f'[ "$JAX_PROCESS_ID" != 1 ] || set -- "$@" {option}\n'
        program.write_text(real.replace('exec', f'{extra}exec'))
        done = pod(2, 1, words)
        assert done.returncode == 2, done.stderr
        told = [line for line in done.stderr.splitlines() if 'skeljax' in line]
        assert len(told) == 1 and told[0].startswith('[0] skeljax pretrain: '), told
        assert said in told[0]
        assert not (tmp_path / 'run').exists()


@pytest.mark.slow
def test_two_processes_evaluate_as_one(pod, tiny, tmp_path):
    """Each scores a share, one recording more for the first; the files are those of one."""
    one, two = tmp_path / 'one', tmp_path / 'two'
    words = [sys.executable, '-m', 'skeljax', *_words('finetune', tiny, one)]
    subprocess.run(words, env=started.environment(1), check=True, capture_output=True)
    shutil.copytree(one, two)
    command = [sys.executable, '-m', 'skeljax', 'evaluate', '--workdir', str(one), '--diagnose']
    alone = subprocess.run(
        command, env=started.environment(1), check=True, capture_output=True, text=True
    )
    done = pod(2, 1, ['evaluate', '--workdir', str(two), '--diagnose'])
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if '[Gloo]' not in line]
    told = [line.removeprefix('[0] ') for line in lines]
    assert told == alone.stdout.replace(str(one), str(two)).splitlines()  # and nothing by [1]
    for kind in ('json', 'md', 'npz'):
        found, expected = ((run / f'evaluate-test.{kind}') for run in (two, one))
        if kind == 'npz':
            with np.load(found) as a, np.load(expected) as b:
                jax.tree.map(np.testing.assert_array_equal, dict(a), dict(b))
        else:
            assert found.read_text().replace(str(two), str(one)) == expected.read_text()
    assert sorted(p.name for p in two.iterdir()) == sorted(p.name for p in one.iterdir())

    done = pod(2, 1, ['evaluate', '--workdir', str(two), '--split', 'nowhere'])
    assert done.returncode == 2, done.stderr
    told = [line for line in done.stderr.splitlines() if 'skeljax' in line]
    assert len(told) == 1 and told[0].startswith('[0] skeljax evaluate: '), told


def _worker(pod: subprocess.Popen, index: int) -> int:
    """Finds the process of a pod that has this index."""
    for path in Path('/proc').glob('[0-9]*'):
        try:
            variables = (path / 'environ').read_bytes().split(b'\0')
            words = (path / 'cmdline').read_bytes().split(b'\0')
        except OSError:  # it has gone, or is another user's
            continue
        mine = f'SKELJAX_POD_PORT={pod.port}'.encode() in variables
        if mine and f'JAX_PROCESS_ID={index}'.encode() in variables and b'--distributed' in words:
            if b'skeljax' in words[0] or b'python' in words[0]:
                return int(path.name)
    raise AssertionError('no such process')


@pytest.mark.slow
@pytest.mark.parametrize(
    ('during', 'victim'), [('compiling', 1), ('compiling', 0), ('training', 1)]
)
def test_when_one_process_dies_the_others_end_in_a_line_and_the_run_resumes(
    tiny, tmp_path, during, victim
):
    run, venv = tmp_path / 'run', started.make_venv(tmp_path)
    often = ['--config.pretrain.checkpoint_every=1', '--config.pretrain.num_steps=60']
    words = [*_words('pretrain', tiny, run), *often]
    port = 21_000 + os.getpid() % 9000
    environment = {**started.environment(1), 'SKELJAX_VENV': str(venv), 'PYTHON': sys.executable}
    command = ['bash', str(started.ROOT / 'launch' / 'pod_sim.sh'), '2', *words]
    environment['SKELJAX_POD_PORT'] = str(port)
    pod = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    pod.port = port
    seen = run / ('run.json' if during == 'compiling' else 'checkpoints/3')
    while not seen.exists():
        assert pod.poll() is None, pod.stderr.read()
        time.sleep(0.02)
    os.kill(_worker(pod, victim), signal.SIGKILL)
    begun = time.monotonic()
    said = pod.communicate(timeout=300)[1].splitlines()
    assert pod.returncode not in (0, None)
    own = [line for line in said if 'another process' in line]
    others = [line for line in said if line not in own and 'the others are stopped' not in line]
    assert len(own) <= 1 and not others, said
    assert own or len(said) == 1, said
    print(
        f'{during}, process {victim} killed: ended {time.monotonic() - begun:.0f} s later: {said}'
    )
    environment['SKELJAX_POD_PORT'] = str(port + 1)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stderr
    assert [line['step'] for line in started.metrics(run)] == list(range(1, 61))
