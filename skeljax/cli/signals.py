"""SIGTERM ends a command as Ctrl-C does: in one line, with what it was making cleaned up."""

from collections.abc import Iterator
import contextlib
import os
import signal
import sys
import threading

_PATIENCE = 5.0  # seconds for Python to get its turn; compiled code may not give it for minutes


class Terminated(KeyboardInterrupt):
    """SIGTERM came; blocks that clean up after Ctrl-C clean up after it too."""


@contextlib.contextmanager
def terminated(verb: str) -> Iterator[None]:
    """Raises `Terminated` in a block where SIGTERM comes.

    Where the block does not return to Python in time, as while a network is compiled, the line
    is written from a thread and the process ends there. A handler that the block sets itself,
    as training does, replaces this one for as long as it is set.

    Args:
        verb: of the command, for that line.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handled = threading.Event()

    def raise_terminated(number, _):
        handled.set()
        raise Terminated

    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.signal(signal.SIGTERM, raise_terminated)
    woken = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def watch():
        while number := os.read(reader, 1):
            mine = signal.getsignal(signal.SIGTERM) is raise_terminated
            if number[0] == signal.SIGTERM and mine and not handled.wait(_PATIENCE):
                print(line(verb, signal.SIGTERM), file=sys.stderr, flush=True)
                os._exit(128 + signal.SIGTERM)
        os.close(reader)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(woken)
        signal.signal(signal.SIGTERM, before)
        os.close(writer)
        watcher.join()


def line(verb: str, number: signal.Signals) -> str:
    """Returns what a command says that a signal has ended."""
    if number == signal.SIGINT:
        return f'skeljax {verb}: interrupted'
    return f'skeljax {verb}: ended by {number.name}'
