"""The private interface of JAX that processes exchange errors and settings by.

If these tests fail with a new version of JAX, only skeljax/train/coordination.py has to change:
training by one process does not use it, training by several cannot start.
"""

import ast
from pathlib import Path
import subprocess
import sys

import jax
import pytest

from skeljax.train import coordination

ROOT = Path(__file__).resolve().parents[2]


def test_one_module_imports_private_parts_of_jax():
    private = set()
    for path in (ROOT / 'skeljax').rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if any(name and name.startswith('jax._src') for name in names):
                private.add(path.name)
    assert private == {'coordination.py'}


def test_one_process_uses_nothing_private(monkeypatch):
    monkeypatch.setattr(coordination, '_state', lambda: pytest.fail('used'))
    assert not jax.distributed.is_initialized()
    assert (coordination.process_id(), coordination.process_count()) == (0, 1)


def test_the_store_of_a_joined_process_has_what_is_used():
    code = """
import socket
import jax
from skeljax.train import coordination
with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    port = free.getsockname()[1]
jax.distributed.initialize(f'127.0.0.1:{port}', 1, 0)
assert (coordination.process_id(), coordination.process_count()) == (0, 1)
assert coordination.exchange('said', 'a/0', timeout=9) == ['said']
assert coordination.exchange('more', 'a/1', timeout=9) == ['more']
jax.distributed.shutdown()
"""
    subprocess.run([sys.executable, '-c', code], check=True, cwd=ROOT, timeout=120)
