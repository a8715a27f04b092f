"""What XLA is told: on CPU alone, and never against the user."""

import os
import subprocess
import sys

from skeljax.cli import compiler

FLAG = '--xla_disable_hlo_passes=cse_barrier_expander'


def _told(monkeypatch, accelerators=(), **environment):
    monkeypatch.setattr(compiler, 'ACCELERATORS', accelerators)
    compiler.prepare(environment)
    return environment.get('XLA_FLAGS')


def test_xla_is_told_on_cpu_alone_and_never_against_the_user(monkeypatch, tmp_path):
    assert _told(monkeypatch) == FLAG
    assert _told(monkeypatch, XLA_FLAGS='--xla_dump_to=x') == f'--xla_dump_to=x {FLAG}'
    own = '--xla_disable_hlo_passes=algsimp'
    assert _told(monkeypatch, XLA_FLAGS=own) == own
    (tmp_path / 'accel0').touch()
    assert _told(monkeypatch, [str(tmp_path / 'accel0')]) is None
    assert _told(monkeypatch, [str(tmp_path / 'none')]) == FLAG


def test_the_command_tells_it_before_jax_begins():
    """JAX accepts it: a flag that XLA does not know ends the process."""
    program = (
        'import skeljax.cli.main as command, os, jax; command.main(["runs", "/nowhere"]); '
        'jax.jit(lambda x: x + 1)(1.0); print(os.environ["XLA_FLAGS"])'
    )
    environment = {k: v for k, v in os.environ.items() if k != 'XLA_FLAGS'}
    done = subprocess.run(
        [sys.executable, '-c', program], env=environment, capture_output=True, text=True
    )
    accelerated = any(os.path.exists(place) for place in compiler.ACCELERATORS)
    assert accelerated or (done.returncode == 0 and done.stdout.split()[-1] == FLAG), done.stderr
