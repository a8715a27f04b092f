"""The scripts of launch/: what they pass on, and what they refuse."""

import os
from pathlib import Path
import re
import shutil
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / 'launch').glob('*.sh'))


def _venv(folder: Path, *extras: str) -> Path:
    """Makes a virtual environment that looks installed; its `skeljax` tells what it was given."""
    (folder / 'bin').mkdir(parents=True)
    stub = '#!/usr/bin/env bash\nprintf "%s\\n" "$(basename "$0")" "$@"\n'
    stub += 'echo "cache=${JAX_COMPILATION_CACHE_DIR-none}" "arenas=$MALLOC_ARENA_MAX"\n'
    for name in ('skeljax', 'python'):
        tool = folder / 'bin' / name
        tool.write_text(stub)
        tool.chmod(0o755)
    text = (ROOT / 'pyproject.toml').read_bytes()
    told = subprocess.run(['cksum'], input=text, capture_output=True, check=True).stdout
    number = told.split()[0]
    for extra in extras or ('run', 'test,docs', 'test,docs,beam,compare'):
        (folder / f'skeljax-{number.decode()}-{extra}').touch()
    return folder


def _bash(script, *arguments, **environment):
    return subprocess.run(
        ['bash', str(ROOT / 'launch' / script), *arguments],
        env={**os.environ, **environment}, capture_output=True, text=True, cwd='/',
    )


@pytest.mark.parametrize('script', [*SCRIPTS, ROOT / '.ci' / 'run'], ids=lambda p: p.name)
def test_a_script_parses(script):
    subprocess.run(['bash', '-n', str(script)], check=True)


def test_the_demo_passes_its_arguments_on(tmp_path):
    venv = _venv(tmp_path / 'venv')
    done = _bash('demo.sh', '--corpus', 'ui_prmd', '--manual-dir', 'a b',
                 PYTHON=sys.executable, SKELJAX_VENV=str(venv), JAX_COMPILATION_CACHE_DIR='/c')
    assert done.returncode == 0, done.stderr
    passed = ['skeljax', 'demo', '--corpus', 'ui_prmd', '--manual-dir', 'a b']
    assert done.stdout.splitlines() == [*passed, 'cache=/c arenas=1']


@pytest.mark.parametrize(
    ('given', 'expected'),
    [([], ['-m', 'not slow']), (['-x'], ['-m', 'not slow', '-x']), (['--all', '-x'], ['-x'])],
)
def test_slow_tests_run_on_request(tmp_path, given, expected):
    venv = _venv(tmp_path / 'venv')
    done = _bash('test.sh', *given, PYTHON=sys.executable, SKELJAX_VENV=str(venv))
    assert done.returncode == 0, done.stderr
    two = ['-n', '2', '--dist', 'loadfile']
    assert done.stdout.splitlines()[:-1] == ['python', '-m', 'pytest', '-q', *two, *expected]


def test_an_old_python_is_refused(tmp_path):
    old = tmp_path / 'python'
    old.write_text('#!/usr/bin/env bash\n[ "$1" = -V ] && echo "Python 3.8.1" || exit 1\n')
    old.chmod(0o755)
    done = _bash('demo.sh', PYTHON=str(old), SKELJAX_VENV=str(tmp_path / 'venv'))
    assert done.returncode == 2
    assert 'needs Python 3.11' in done.stderr and '3.8.1' in done.stderr
    assert not (tmp_path / 'venv').exists()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which('shellcheck'), reason='no shellcheck here')
def test_shellcheck_finds_nothing():
    listed = [str(path) for path in (*SCRIPTS, ROOT / '.ci' / 'run')]
    done = subprocess.run(
        ['shellcheck', '--external-sources', *listed], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout


def _gpus(folder, driver):
    """Makes a folder for the path with an `nvidia-smi` that tells a driver."""
    folder.mkdir()
    (folder / 'nvidia-smi').write_text(f'#!/usr/bin/env bash\n{driver}\n')
    (folder / 'nvidia-smi').chmod(0o755)
    return f'{folder}:{os.environ["PATH"]}'


@pytest.mark.parametrize(
    ('driver', 'words', 'extra'),
    [('580.65.06', [], 'cuda'), ('550.54', [], 'cuda12'), ('590.1', ['--cuda', '12'], 'cuda12')],
)
def test_gpus_take_the_cuda_that_their_driver_can(tmp_path, driver, words, extra):
    venv = _venv(tmp_path / 'venv', extra)  # with another extra it would be installed, and fail
    path = _gpus(tmp_path / 'bin', f'echo {driver}; echo {driver}')
    given = ['pretrain', '--workdir', 'a b']
    done = _bash('gpu.sh', *words, *given, PYTHON=sys.executable, SKELJAX_VENV=str(venv), PATH=path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:-1] == ['skeljax', *given]


@pytest.mark.parametrize(
    ('driver', 'said'),
    [('exit 9', 'no NVIDIA GPU here'), ('echo 470.1', "driver '470.1' is too old")],
)
def test_no_fit_gpu_is_one_line(tmp_path, driver, said):
    done = _bash('gpu.sh', 'pretrain', PATH=_gpus(tmp_path / 'bin', driver))
    assert done.returncode == 2 and said in done.stderr and done.stderr.count('\n') == 1


def test_a_pod_is_as_many_processes_with_their_places(tmp_path):
    venv = _venv(tmp_path / 'venv')
    tool = venv / 'bin' / 'skeljax'
    tool.write_text(
        '#!/usr/bin/env bash\n'
        'echo "$JAX_PROCESS_ID of $JAX_NUM_PROCESSES at $JAX_COORDINATOR_ADDRESS:" "$@"\n'
        'echo "$JAX_PLATFORMS $JAX_NUM_CPU_DEVICES" >&2\n'
        'exit $((JAX_PROCESS_ID * 5))\n'
    )
    done = _bash('pod_sim.sh', '3', '4', 'pretrain', '--workdir', 'w', PYTHON=sys.executable,
                 SKELJAX_VENV=str(venv), SKELJAX_POD_PORT='1234')
    assert done.returncode == 5  # of the first that failed
    assert sorted(done.stdout.splitlines()) == [
        f'[{i}] {i} of 3 at 127.0.0.1:1234: pretrain --distributed --workdir w' for i in range(3)
    ]
    assert sorted(done.stderr.splitlines()) == [f'[{i}] cpu 4' for i in range(3)]


_ABORTS = r"""#!/usr/bin/env bash
if [ "$JAX_PROCESS_ID" = 1 ]; then echo 'disk full' >&2; exit 9; fi
if [ "$JAX_PROCESS_ID" = 2 ]; then trap '' TERM; while :; do sleep 0.05; done; fi
echo 'sound' >&2
echo 'E1201 14:17:03.707650   31229 coordination_service.cc:1549] [3723] Use error polling:' >&2
printf '1\nThe tasks have crashed. Check the task logs.\n' >&2
echo 'F1201 14:17:03.708171   31240 client.h:80] Terminating process because the JAX distributed service' >&2
printf '*** Check failure stack trace: ***\n    @     0x7fb37d040634  absl\n' >&2
kill -ABRT $$
"""


def test_a_process_that_dies_ends_the_pod_in_a_line(tmp_path):
    """The one that aborts for it says so in one line, the one that hangs is killed."""
    venv = _venv(tmp_path / 'venv')
    (venv / 'bin' / 'skeljax').write_text(_ABORTS)
    done = _bash('pod_sim.sh', '3', 'pretrain', PYTHON=sys.executable, SKELJAX_VENV=str(venv),
                 SKELJAX_POD_PATIENCE='1')
    assert done.returncode in (9, 134)  # of whichever was seen first
    lines = sorted(done.stderr.splitlines())
    told = 'another process of this run died; the same command goes on from the last checkpoint'
    ended = re.escape('pod_sim.sh: process ') + r'\d ended with status \d+; the others are stopped'
    assert lines[:3] == [f'[0] skeljax: {told}', '[0] sound', '[1] disk full']
    assert len(lines) == 4 and re.fullmatch(ended, lines[3])


def test_a_pod_is_stopped_as_one(tmp_path):
    venv = _venv(tmp_path / 'venv')
    (venv / 'bin' / 'skeljax').write_text(
        '#!/usr/bin/env bash\ntrap "echo saved; exit 143" TERM\necho begun\n'
        'while :; do sleep 0.05; done\n'
    )
    pod = subprocess.Popen(
        ['bash', str(ROOT / 'launch' / 'pod_sim.sh'), '2', 'pretrain'],
        env={**os.environ, 'PYTHON': sys.executable, 'SKELJAX_VENV': str(venv)},
        stdout=subprocess.PIPE, text=True,
    )
    assert sorted(pod.stdout.readline() for _ in range(2)) == ['[0] begun\n', '[1] begun\n']
    pod.terminate()
    said, _ = pod.communicate(timeout=30)
    assert pod.returncode == 143 and sorted(said.splitlines()) == ['[0] saved', '[1] saved']


def test_a_slurm_job_says_what_it_needs_and_is_submitted(cloud, tmp_path):
    script = tmp_path / 'job.sbatch'
    options = ['--name=run-1', '--nodes=2', '--gpus=4', '--time=12:00:00', '--lead=90',
               '--partition=spot', '--flag=--mem=0', f'--script={script}']
    done = cloud.run('slurm.sh', *options, 'pretrain', '--workdir', 'a b')
    assert done.returncode == 0, done.stderr
    assert cloud.calls() == [['sbatch', str(script)]]
    lines = script.read_text().splitlines()
    asked = {line.removeprefix('#SBATCH ') for line in lines if line.startswith('#SBATCH')}
    assert asked == {
        '--job-name=run-1', '--nodes=2', '--ntasks-per-node=4', '--gpus-per-node=4',
        '--time=12:00:00', '--partition=spot', '--mem=0', '--signal=TERM@90', '--requeue',
        '--open-mode=append', '--output=run-1-%j.log',
    }
    assert f'cd {ROOT}' in lines and '. launch/environment.sh cuda || exit' in lines


@pytest.mark.parametrize(
    ('status', 'state', 'again'),
    [
        (0, 'RUNNING', False), (143, 'RUNNING', True), (143, 'CANCELLED', False),
        (1, 'RUNNING', False),
    ],
)
def test_a_slurm_job_comes_back_after_a_checkpoint_only(cloud, tmp_path, status, state, again):
    script = tmp_path / 'job.sbatch'
    given = ['pretrain', '--workdir', 'a b', "it's"]
    cloud.run('slurm.sh', '--name=run', '--gpus=0', f'--script={script}', *given)
    cloud.tool('srun', f'printf "%s\\n" "$@" >{tmp_path}/words; exit {status}')
    cloud.tool('scontrol', f'echo "$@" >>{tmp_path}/control; echo "JobState={state} Reason"')
    venv = _venv(tmp_path / 'venv')
    environment = {**os.environ, 'PATH': f'{tmp_path}/cloud/bin:{os.environ["PATH"]}',
                   'SLURM_JOB_ID': '7', 'PYTHON': sys.executable, 'SKELJAX_VENV': str(venv)}
    done = subprocess.run(['bash', str(script)], env=environment, capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    words = (tmp_path / 'words').read_text().splitlines()
    assert words == ['--kill-on-bad-exit=0', 'skeljax', given[0], '--distributed', *given[1:]]
    control = tmp_path / 'control'
    assert ('requeue 7' in control.read_text() if control.exists() else False) == again
