"""SIGTERM ends a command in one line, with what it was making removed."""

from collections.abc import Callable, Iterator
import contextlib
import os
import signal
import sys
import threading

_cleanups: list[Callable[[], object]] = []  # of what is being made, the last one first


class Terminated(KeyboardInterrupt):
    """SIGTERM came; for commands that raise it themselves."""


@contextlib.contextmanager
def terminated(verb: str) -> Iterator[None]:
    """Ends the process where SIGTERM comes in a block: what `cleaned` told is removed, a line told.

    The handler raises nothing: an exception within the import of compiled modules, or where they
    call Python, can crash them, and one within a destructor is lost. It runs when compiled code
    has returned to Python. A handler that the block sets itself, as training does, replaces it
    for as long as it is set.

    Args:
        verb: of the command, for that line.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number, _):
        signal.signal(number, signal.SIG_IGN)  # a second one does not disturb the cleaning
        while _cleanups:
            with contextlib.suppress(Exception):
                _cleanups.pop()()
        # Not by print, whose file may be in use; behind a progress bar on a line of its own.
        bars = getattr(sys.modules.get('tqdm'), 'tqdm', None)
        head = '\n' if bars and getattr(bars, '_instances', None) else ''
        with contextlib.suppress(OSError):
            os.write(2, f'{head}{line(verb, signal.SIGTERM)}\n'.encode())
        os._exit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def cleaned(remove: Callable[[], object]) -> Iterator[None]:
    """Has something removed where SIGTERM comes in a block; it is not called at the block's end."""
    _cleanups.append(remove)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # SIGTERM is just taking it
            _cleanups.remove(remove)


def line(verb: str, number: signal.Signals) -> str:
    """Returns what a command says that a signal has ended."""
    if number == signal.SIGINT:
        return f'skeljax {verb}: interrupted'
    return f'skeljax {verb}: ended by {number.name}'
