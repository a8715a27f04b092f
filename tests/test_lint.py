"""The linter finds nothing; its rules stand in pyproject.toml."""

from pathlib import Path
import subprocess
import sys

ROOT = Path(__file__).parents[1]


def test_the_linter_finds_nothing():
    command = [sys.executable, '-m', 'ruff', 'check', '--no-cache', '--output-format=concise', '.']
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
