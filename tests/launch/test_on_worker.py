"""launch/on_worker.sh: one run at a time that outlives its connection; gs:// places; its status."""

import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import time

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(not shutil.which('flock'), reason='no flock (util-linux) here')


@pytest.fixture
def worker(cloud):
    """A worker's home with an environment that looks installed."""
    made = Worker(cloud)
    yield made
    made.run('--stop')


class Worker:
    def __init__(self, cloud):
        self.cloud, self.state = cloud, cloud.there / 'state'
        self._venv = self.state / 'venv'
        (self._venv / 'bin').mkdir(parents=True)
        text = (ROOT / 'pyproject.toml').read_bytes()
        told = subprocess.run(['cksum'], input=text, capture_output=True, check=True).stdout
        (self._venv / f'skeljax-{told.split()[0].decode()}-tpu').touch()
        self.environment = dict(
            HOME=str(cloud.there), SKELJAX_STATE=str(self.state), SKELJAX_VENV=str(self._venv),
            PYTHON=sys.executable,
        )

    def program(self, script):
        """Makes `skeljax` a shell script that counts its runs."""
        path = self._venv / 'bin' / 'skeljax'
        count = f'echo run >>{self.state}/runs\n'
        path.write_text(f'#!/usr/bin/env bash\n{count}{script}\n')
        path.chmod(0o755)

    def run(self, *words):
        return self.cloud.run('on_worker.sh', *words, **self.environment)

    def start(self, *words):
        command = ['bash', str(ROOT / 'launch' / 'on_worker.sh'), *words]
        environment = {**os.environ, **self.environment}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    def runs(self):
        return (self.state / 'runs').read_text().count('run')

    def wait(self, name):
        end = time.monotonic() + 20
        while not (self.state / name).exists():
            assert time.monotonic() < end, f'{name} was never written'
            time.sleep(0.02)


def test_training_verbs_are_one_of_many_and_arguments_stay_as_they_are(worker):
    worker.program('printf "<%s>" "$@"')
    done = worker.run('pretrain', '--workdir', 'a b', '*', '')
    assert done.returncode == 0, done.stderr
    assert done.stdout == '<pretrain><--distributed><--workdir><a b><*><>'
    assert worker.run('evaluate', '--split', 'x').stdout == '<evaluate><--distributed><--split><x>'


@pytest.mark.parametrize(
    ('status', 'told'), [(0, 0), (1, 70), (2, 2), (75, 75), (134, 134), (143, 143), (255, 70)]
)
def test_the_status_is_the_runs_unless_it_could_be_sshs(worker, status, told):
    worker.program(f'exit {status}')
    assert worker.run('pretrain').returncode == told


def test_a_run_outlives_its_connection_and_is_found_again(worker):
    worker.program(
        'echo begun; touch "$SKELJAX_STATE/begun"\n'
        'while [ ! -e "$SKELJAX_STATE/go" ]; do sleep 0.05; done\n'
        'echo ended; exit 143'
    )
    first = worker.start('--id', 'a', 'pretrain', '--workdir', 'w')
    worker.wait('begun')
    first.kill()
    first.stdout.close()
    first.wait()
    other = worker.run('--id', 'b', 'pretrain', '--workdir', 'other')
    assert other.returncode == 2
    assert 'something else runs here: pretrain --workdir w' in other.stderr
    second = worker.start('--id', 'a', 'pretrain', '--workdir', 'w')
    while second.stdout.readline() != 'begun\n':
        assert second.poll() is None
    (worker.state / 'go').touch()
    said, _ = second.communicate(timeout=30)
    assert second.returncode == 143 and 'ended' in said
    assert worker.run('--id', 'a', 'pretrain', '--workdir', 'w').returncode == 143
    assert worker.runs() == 1
    assert worker.run('--id', 'c', 'pretrain', '--workdir', 'w').returncode == 143
    assert worker.runs() == 2
    shown = worker.run('--logs', '2').stdout.splitlines()
    assert shown == ['begun', 'ended']


def test_stop_lets_the_program_save(worker):
    worker.program(
        'trap "echo saved; exit 143" TERM; touch "$SKELJAX_STATE/begun"\n'
        'while :; do sleep 0.05; done'
    )
    run = worker.start('pretrain')
    worker.wait('begun')
    assert worker.run('--stop').returncode == 0
    said, _ = run.communicate(timeout=30)
    assert run.returncode == 128 + signal.SIGTERM and said.splitlines() == ['saved']
    assert worker.run('--stop').returncode == 0  # nothing runs: nothing to stop


def test_buckets_become_places_on_this_machine(worker):
    worker.program('printf "%s\\n" "$@"')
    worker.cloud.tool('mountpoint', 'exit 1')
    done = worker.run('finetune', '--workdir', 'gs://b/runs/one',
                      '--config.data.data_dir=gs://d/x/',
                      '--config.finetune.init_from=gs://b/runs/two', '--config.seed=3')
    assert done.returncode == 0, done.stderr
    home = worker.cloud.there
    assert done.stdout.splitlines()[-6:] == [
        '--distributed', '--workdir', f'{home}/gcs/b/runs/one',
        f'--config.data.data_dir={home}/data/d/x',
        f'--config.finetune.init_from={home}/gcs/b/runs/two', '--config.seed=3',
    ]
    mount, copy, again = worker.cloud.calls()
    assert mount[0] == 'gcsfuse' and mount[-2:] == ['b', f'{home}/gcs/b'] and again == mount
    assert '--metadata-cache-ttl-secs=0' in mount
    assert copy == ['gcloud', 'storage', 'rsync', '--recursive', 'gs://d/x', f'{home}/data/d/x']
    assert (home / 'data' / 'd' / 'x').is_dir()


def test_data_that_cannot_be_copied_ends_it(worker):
    worker.program('true')
    worker.environment['SKELJAX_TRIES'] = '1'
    worker.cloud.answer(dict(match='storage rsync', status=1, stay=True))
    assert worker.run('pretrain', '--config.data.data_dir=gs://d').returncode != 0
    assert not (worker.state / 'runs').exists()


def test_no_log_is_told(worker):
    done = worker.run('--logs', '5')
    assert done.returncode == 2 and done.stderr == 'on_worker.sh: nothing has run here\n'
