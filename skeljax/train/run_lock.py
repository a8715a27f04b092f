"""Holds a run's folder while a process trains in it, so that no other one does."""

from collections.abc import Iterator, Sequence
import contextlib
import fcntl
from pathlib import Path

from skeljax.errors import InputError, writing
from skeljax.train import run_dir as workdirs


@contextlib.contextmanager
def held(workdir, described: dict, command: Sequence[str] = ()) -> Iterator[Path]:
    """Claims the folder of a run (`workdir.claim`) and locks it for as long as the block runs.

    The system lets go of the lock when the process ends, however it does.

    Raises:
        InputError: another process trains there, or the folder cannot be written.
    """
    path = Path(workdir) / 'run.json'
    with contextlib.ExitStack() as locks:
        if path.exists():  # it may be replaced, but not while a process trains by it
            locks.enter_context(_locked(path))
        folder = workdirs.claim(workdir, described, command)
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
            told = f'{path.parent}: another process is training here; wait for it or stop it'
            raise InputError(told) from None
        except OSError:  # a file system without locks
            pass
        yield
