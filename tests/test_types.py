"""The type checker finds nothing; it also checks a user's code. Its rules are in pyproject.toml."""

import os
from pathlib import Path
import re
import subprocess
import sys

import pytest

pytest.importorskip('mypy', reason='needs mypy (pip install skeljax[test])')
ROOT = Path(__file__).parents[1]
# What a user writes, and a mistake in a line that says so.
USE = """
import skeljax

model = skeljax.load('model/')
motion = skeljax.read('a.bvh', fps=30)
found = skeljax.predict(model, motion)
seconds = found.start / motion.fps
names: list[str] = found.names
mean: float = skeljax.evaluate({'a': found}, 'labels.csv', fps=30.0).mean
decode = skeljax.localize.protocol('thumos').decode

skeljax.read(3)  # wrong
skeljax.predict(model, motion, layout='ntu25')  # wrong
skeljax.evaluate(found)  # wrong
found.label.names  # wrong
model.fps.upper()  # wrong
"""


def _mypy(*words, **options):
    command = [sys.executable, '-m', 'mypy', '--no-error-summary', *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **options)


def test_the_package_is_clean():
    done = _mypy()
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_a_user_writes_is_checked(tmp_path):
    (tmp_path / 'use.py').write_text(USE)
    rules = ['--config-file', '', '--ignore-missing-imports', '--follow-imports=silent']
    told = _mypy(*rules, '--cache-dir', '.mypy_cache/use', str(tmp_path / 'use.py'),
                 env={**os.environ, 'MYPYPATH': str(ROOT)}).stdout
    wrong = [n for n, line in enumerate(USE.splitlines(), 1) if line.endswith('# wrong')]
    assert sorted({int(n) for n in re.findall(r'use\.py:(\d+): error', told)}) == wrong, told
