"""On SIGTERM a command removes unfinished files and ends with one line."""

from collections.abc import Callable, Iterator
import contextlib
import os
import signal
import sys
import threading

_cleanups: list[Callable[[], object]] = []  # of unfinished files, the last one first


class Terminated(KeyboardInterrupt):
    """SIGTERM was received; for commands with a handler of their own."""


@contextlib.contextmanager
def terminated(verb: str) -> Iterator[None]:
    """Runs a block; on SIGTERM runs the functions of `cleaned`, prints a line and exits.

    The handler raises no exception: one during the import of compiled modules, or when they call
    Python, can crash them, and one in a destructor is lost. The handler runs when compiled code
    returns to Python. A handler that the block sets itself, as training does, replaces it.

    Args:
        verb: of the command, for the line.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number, _):
        signal.signal(number, signal.SIG_IGN)  # a second one must not interrupt the cleaning
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
    """Runs a block; calls `remove` if SIGTERM is received in it, but not at its end."""
    _cleanups.append(remove)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # the handler has taken it
            _cleanups.remove(remove)


def line(verb: str, number: signal.Signals) -> str:
    """Returns the message of a command that a signal ended."""
    if number == signal.SIGINT:
        return f'skeljax {verb}: interrupted'
    return f'skeljax {verb}: ended by {number.name}'
