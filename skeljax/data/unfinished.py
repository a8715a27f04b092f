"""A temporary folder for a corpus during preparation; removes those of killed processes."""

from collections.abc import Iterator
import contextlib
import fcntl
import functools
from pathlib import Path
import shutil
import tempfile
import time

from skeljax import signals

_PREFIX, _HELD = '.preparing-', '.held'
_YOUNG = 3600  # seconds in which a folder without a lock may be a new one


@contextlib.contextmanager
def folder(data_dir) -> Iterator[str]:
    """Makes a folder in `data_dir` that is removed when the block ends, for any reason.

    The folder is locked, and the system releases the lock when this process ends. Folders
    without a lock, of processes that were killed, are removed first.
    """
    _remove_abandoned(Path(data_dir))
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=data_dir) as made:
        remove = functools.partial(shutil.rmtree, made, ignore_errors=True)
        with signals.cleaned(remove), (Path(made) / _HELD).open('w') as lock:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield made


def _remove_abandoned(data_dir: Path):
    for left in data_dir.glob(f'{_PREFIX}*'):
        try:
            with (left / _HELD).open('r+') as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
        except FileNotFoundError:
            with contextlib.suppress(OSError):
                if time.time() - left.stat().st_mtime > _YOUNG:
                    shutil.rmtree(left, ignore_errors=True)
        except OSError:  # locked by a running command, or of another user
            continue
