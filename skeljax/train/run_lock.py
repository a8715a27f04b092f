"""Locks the folder of a run while a process trains in it."""

from collections.abc import Iterator, Sequence
import contextlib
import fcntl
from pathlib import Path

from skeljax.errors import InputError, writing
from skeljax.train import run_dir


@contextlib.contextmanager
def create_locked(workdir, described: dict, command: Sequence[str] = ()) -> Iterator[Path]:
    """Makes the folder of a run (`run_dir.create_run_dir`) and locks it while the block runs.

    The system releases the lock when the process ends, by a kill too.

    Raises:
        InputError: another process trains there, or the folder cannot be written.
    """
    path = Path(workdir) / 'run.json'
    with contextlib.ExitStack() as locks:
        if path.exists():  # it may be replaced, but not while a process trains here
            locks.enter_context(_locked(path))
        folder = run_dir.create_run_dir(workdir, described, command)
        locks.pop_all().close()
        with _locked(path):
            yield folder


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with writing(path):
        file = path.open('r+b')
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f'{path.parent}: another process is training here; wait for it or stop it'
            raise InputError(message) from None
        except OSError:  # a file system without locks
            pass
        yield
