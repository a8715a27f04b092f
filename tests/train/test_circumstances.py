"""Runs in changed circumstances: devices, clocks, read-only folders, little memory."""

import os
from pathlib import Path
import subprocess
import sys
import textwrap
import time

import jax
import numpy as np
import pytest

from skeljax.train import run_dir, tensorboard
from tests.train.test_loop import _steps, _train

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(('before', 'after'), [(8, 1), (1, 8), (2, 4)])
def test_a_run_goes_on_with_another_number_of_devices(tmp_path, before, after):
    whole = _train(tmp_path / 'whole', 6, devices=jax.devices()[:before])
    _train(tmp_path / 'parts', 4, devices=jax.devices()[:before])
    parts = _train(tmp_path / 'parts', 6, devices=jax.devices()[:after])
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    jax.tree.map(close, parts, whole)
    assert _steps(tmp_path / 'parts') == list(range(1, 7))


def test_a_clock_that_goes_back_changes_nothing(tmp_path, monkeypatch):
    whole = _train(tmp_path / 'whole', 6)
    _train(tmp_path / 'parts', 4)
    now = time.time()
    monkeypatch.setattr(time, 'time', lambda: now - 86_400)
    parts = _train(tmp_path / 'parts', 6)
    jax.tree.map(np.testing.assert_array_equal, parts, whole)
    assert _steps(tmp_path / 'parts') == list(range(1, 7))


def test_boards_of_one_second_do_not_replace_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr(time, 'time', lambda: 1_000_000_000.0)
    for step in (1, 1, 5):
        tensorboard.open_board(tmp_path, purge_step=step).close()
    assert len(list(tmp_path.glob('events.*'))) == 3


def test_no_key_of_an_account_is_written_down(tmp_path, monkeypatch):
    monkeypatch.setenv('WANDB_API_KEY', 'secret-of-someone')
    described = {'stage': 'finetune', 'config': {}, 'corpus': {}}
    run_dir.create_run_dir(tmp_path, described, ['skeljax', 'finetune'])
    assert 'secret-of-someone' not in (tmp_path / 'run.json').read_text()


_LITTLE = textwrap.dedent("""
    import resource, sys
    from skeljax.cli import main

    main.parse(['inspect', 'x'])  # what it imports has its memory
    with open('/proc/self/statm') as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + (100 << 20),) * 2)
    words = ['inspect', sys.argv[1], '--fps', '30', '--layout', 'ntu25', '--processes', '1']
    sys.exit(main.main(words))
""")


def test_too_little_memory_is_a_line(tmp_path):
    """A file without blocks, of 450 MB, in an address space with 100 MB to spare (`ulimit -v`)."""
    path = tmp_path / 'a.npy'
    with path.open('wb') as file:
        header = {'descr': '<f4', 'fortran_order': False, 'shape': (1_500_000, 25, 3)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + 4 * 75 * 1_500_000)
    done = subprocess.run(
        [sys.executable, '-c', _LITTLE, str(path)], capture_output=True, text=True, timeout=300,
        env={**os.environ, 'OPENBLAS_NUM_THREADS': '1'},
    )
    assert done.returncode == 2 and done.stderr.count('\n') == 1, done.stderr
    assert done.stderr.startswith('skeljax inspect: ') and 'Traceback' not in done.stderr


def _read_only(folder: Path) -> list[str]:
    """Words before a command for which a folder is on a disk that cannot be written."""
    mount = f'mount --bind {folder} {folder} && mount -o remount,bind,ro {folder} && exec "$@"'
    words = ['unshare', '-rm', 'sh', '-c', mount, 'sh']
    try:
        tried = subprocess.run([*words, 'true'], capture_output=True)
    except FileNotFoundError:
        tried = None
    if tried is None or tried.returncode:
        pytest.skip('no mount in a namespace of its own here')
    return words


def test_data_that_cannot_be_written_are_read_and_not_prepared_again(tiny):
    before = _read_only(tiny)
    run = lambda *words: subprocess.run(
        [*before, sys.executable, '-m', 'skeljax', *words],
        capture_output=True,
        text=True,
        timeout=300,
    )
    done = run('inspect', 'synthetic/tiny', '--data-dir', str(tiny))
    assert done.returncode == 0 and 'ntu25' in done.stdout, done.stderr
    done = run(
        'prepare', 'synthetic/tiny', '--data-dir', str(tiny), '--overwrite', '--processes', '1'
    )
    assert done.returncode == 2 and done.stderr.count('\n') == 1, done.stderr
    assert 'Read-only file system' in done.stderr
