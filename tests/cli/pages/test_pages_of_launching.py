"""The commands that launch: run by bash as they stand, among stand-ins for what they call."""

from pathlib import Path
import shutil
import subprocess
import sys

import pytest

from tests import cloud as stand_ins, documented

LAUNCH = documented.ROOT / 'launch'


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose environment is made, on a machine with a GPU and an account."""
    place = tmp_path / 'skeljax'
    shutil.copytree(LAUNCH, place / 'launch')
    told = shutil.copy(documented.ROOT / 'pyproject.toml', place)
    subprocess.run(['git', 'init', '-q', place], check=True)
    number = subprocess.run(
        ['cksum'], input=Path(told).read_bytes(), capture_output=True
    ).stdout.split()[0]
    venv = tmp_path / 'venv'
    venv.mkdir()
    for extra in ('run', 'test', 'cuda', 'test,docs', 'test,docs,beam,compare'):
        (venv / f'skeljax-{number.decode()}-{extra}').touch()
    made = stand_ins.Cloud(tmp_path / 'cloud')
    made.stand_in('skeljax', 'python')
    made.answer(
        {'match': 'nvidia-smi', 'out': '580.65.06', 'stay': True},
        {'match': 'queued-resources describe', 'out': 'ACTIVE', 'stay': True},
        {'match': 'tpu-vm describe', 'out': 'READY', 'stay': True},
    )

    def run(commands, **more) -> list[list[str]]:
        """Runs the lines as one script, and returns what was called."""
        before = len(made.calls())
        script = '\n'.join(command.text for command in commands)
        done = made.bash(
            '-euc', script, cwd=place, PYTHON=sys.executable, SKELJAX_VENV=str(venv), **more
        )
        assert done.returncode == 0, done.stderr
        return made.calls()[before:]

    return run


@pytest.mark.documented('README.md', 'launch/')
@pytest.mark.documented('docs/contributing.md', 'launch/')
@pytest.mark.documented('docs/benchmarks.md', 'bash launch/demo.sh')
@pytest.mark.documented('docs/index.md')
def test_the_demo_and_the_tests(checkout, told):
    for words in (call for call in checkout(told.take('demo.sh')) if call[0] == 'skeljax'):
        assert documented.parsed(words).verb == 'demo'
    tests = checkout(told.take('test.sh'))
    assert [call[:3] for call in tests] == [['python', '-m', 'pytest']] * 3
    assert [call[-1] for call in tests] == ['not slow', 'tests/formats', 'loadfile']
    assert (documented.ROOT / 'tests' / 'formats').is_dir()
    assert checkout(told.take('environment.sh')) == []


@pytest.mark.documented('docs/clusters.md', 'launch/tpu_vm.sh', 'launch/queued.sh', 'P="')
def test_tpus(checkout, told):
    placed, *commands = told.take()
    calls = checkout([placed, *commands], text='pod\n')
    asked = [call[4] for call in calls if call[0] == 'gcloud']
    assert asked[:7] == ['create', 'scp', 'ssh', 'ssh', 'ssh', 'ssh', 'delete']
    assert asked[7:] == ['describe', 'describe', 'scp', 'ssh', 'ssh', 'delete']
    assert all('my-project' in ' '.join(call) and 'pod' in ' '.join(call) for call in calls)
    runs = [
        word
        for call in calls
        for word in call
        if 'pretrain' in word and word.startswith('--command=')
    ]
    assert len(runs) == 2
    for run in runs:
        words = run[run.index('pretrain'):].split()
        assert documented.parsed(['skeljax', *words]).workdir == 'gs://my-bucket/runs/pretrain'


@pytest.mark.documented('docs/clusters.md', 'launch/gpu.sh', 'launch/slurm.sh')
def test_gpus(checkout, told, tmp_path):
    *_, words = checkout(told.take('gpu.sh'))
    assert documented.parsed(words).workdir == 'runs/pretrain'
    ((program, job),) = checkout(told.take('slurm.sh'))
    assert program == 'sbatch'
    (line,) = [line for line in Path(job).read_text().splitlines() if line.startswith('srun')]
    words = line.partition('skeljax ')[2].split('|')[0].split()
    assert documented.parsed(['skeljax', *words]).workdir == '/shared/runs/pretrain'
