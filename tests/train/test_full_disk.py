"""A full or read-only disk: one line, no partial files, and earlier checkpoints stay."""

from pathlib import Path
import resource
import subprocess
import sys
import textwrap

import pytest

from skeljax.train import tensorboard

_RUN = textwrap.dedent("""
    import pathlib, resource, sys
    sys.path.insert(0, sys.argv[1])
    import killed_saves, numpy as np
    from skeljax.errors import InputError

    killed_saves.state = lambda: {
        'weights': {
            f'w{i}': np.random.default_rng(i).normal(size=2000).astype('f') for i in range(20)
        }
    }
    killed_saves.step = lambda state, batch, rng: (state, {'loss': batch['x'].mean()})
    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(exist_ok=True)
    if sys.argv[3:]:  # no file may be longer: the first checkpoint meets it, then all do
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), -1))
    try:
        killed_saves.main(folder, -1, 300)
    except InputError as error:
        print(f'skeljax pretrain: {error}', file=sys.stderr)
        sys.exit(2)
""")


def _run(folder: Path, *limit, before=()) -> str:
    """Trains until the disk is full; returns the line that was written."""
    command = [
        sys.executable,
        '-c',
        _RUN,
        str(Path(__file__).parent),
        str(folder),
        *map(str, limit),
    ]
    done = subprocess.run([*before, *command], capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and not done.stdout, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_a_file_that_may_not_grow_is_told_in_a_line(tmp_path):
    line = _run(tmp_path / 'run', 20_000)
    assert f'{tmp_path}/run/checkpoints: cannot be written: ' in line and 'File too large' in line


def _small_disk(folder: Path, size: str) -> list[str]:
    """Returns words before a command that mount a disk of some size at a folder, or skips."""
    mount = f'mount -t tmpfs -o size={size} tmpfs {folder} && exec "$@"'
    words = ['unshare', '-rm', 'sh', '-c', mount, 'sh']
    try:
        tried = subprocess.run([*words, 'true'], capture_output=True)
    except FileNotFoundError:
        tried = None
    if tried is None or tried.returncode:
        pytest.skip('no mount in a namespace of its own here')
    return words


@pytest.mark.parametrize('size', ['350k', '550k'])
def test_a_full_disk_is_told_in_a_line(tmp_path, size):
    line = _run(tmp_path / 'run', before=_small_disk(tmp_path, size))
    assert line.startswith(f'skeljax pretrain: {tmp_path}/run/')
    assert 'cannot be written: ' in line and 'No space left on device' in line


def test_a_board_that_cannot_be_written_goes_on_without_a_word(tmp_path, capfd):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = tensorboard.open_board(tmp_path, purge_step=1)
    writer.add_scalar('loss', 1.0, 1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
    try:
        for step in range(100):
            writer.add_scalar('loss', 1.0, step)
        writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert capfd.readouterr() == ('', '')
    (path,) = tmp_path.glob('events.*')
    assert 0 < path.stat().st_size <= 200
