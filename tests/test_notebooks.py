"""The notebooks: every cell runs, in order and in a new folder, and no output is kept in the file.

They are run without Jupyter: the cells as one program, `!` lines through a shell as in IPython.
"""

import json
import os
from pathlib import Path
import subprocess
import sys

import pytest

FOLDER = Path(__file__).resolve().parents[1] / 'docs' / 'notebooks'
NOTEBOOKS = sorted(FOLDER.glob('*.ipynb'))
SHELL = """
import subprocess, sys
def _shell(line):
    assert line.startswith('skeljax '), line
    subprocess.run(f'"{sys.executable}" -P -m {line}', shell=True, check=True)
"""


def _cells(path, kind) -> list[dict]:
    return [cell for cell in json.loads(path.read_text())['cells'] if cell['cell_type'] == kind]


def program(path) -> str:
    """Writes the code of a notebook as one program."""
    lines = [
        line
        for cell in _cells(path, 'code')
        for line in [*''.join(cell['source']).splitlines(), '']
    ]
    return SHELL + '\n'.join(
        f'_shell({line[1:]!r})' if line.startswith('!') else line for line in lines
    )


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_stale_is_kept(path):
    cells = _cells(path, 'code')
    assert cells and _cells(path, 'markdown')
    assert not [cell for cell in cells if cell['outputs'] or cell['execution_count'] is not None]


def test_first_steps_run_from_nothing_to_a_page(tmp_path):
    (path,) = [path for path in NOTEBOOKS if path.stem == 'first_steps']
    done = subprocess.run(
        [sys.executable, '-P', '-c', program(path)], capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, 'JAX_NUMPY_DTYPE_PROMOTION': 'standard'},  # as users have it
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert 'segments' in done.stdout and 'mAP@0.5' in done.stdout
    assert (tmp_path / 'page.html').stat().st_size > 100_000


def test_there_is_a_notebook():
    assert NOTEBOOKS
