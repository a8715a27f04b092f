"""The scripts of launch/: what they pass on, and what they refuse."""

import os
from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / 'launch').glob('*.sh'))


def _venv(folder: Path) -> Path:
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
    for extra in ('run', 'test', 'test,beam,compare'):
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
    assert done.stdout.splitlines()[:-1] == ['python', '-m', 'pytest', '-q', *expected]


def test_an_old_python_is_refused(tmp_path):
    old = tmp_path / 'python'
    old.write_text('#!/usr/bin/env bash\n[ "$1" = -V ] && echo "Python 3.8.1" || exit 1\n')
    old.chmod(0o755)
    done = _bash('demo.sh', PYTHON=str(old), SKELJAX_VENV=str(tmp_path / 'venv'))
    assert done.returncode == 2
    assert 'needs Python 3.11' in done.stderr and '3.8.1' in done.stderr
    assert not (tmp_path / 'venv').exists()
