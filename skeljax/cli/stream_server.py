"""Listens for clients and serves them side by side: bounded in number, none stops another."""

from collections.abc import Callable
import contextlib
import json
import select
import socket
import sys
import threading
import time

from skeljax.errors import InputError

_LOOK = 0.2  # seconds between looks for clients that have ended


def serve(
    address: tuple[str, int], attend: Callable[[socket.socket], object],
    say: Callable[[str], object], *, stall: float, most: int = 8, clients: int | None = None,
):
    """Serves clients, each in a thread of its own, until so many have come and gone.

    A client beyond the `most` that are served at a time gets `{"error": ...}` and is closed. What
    `attend` raises ends its client alone, and is written to standard error in one line. On
    Ctrl-C the clients' streams end as if the clients had ended them.

    Args:
        address: to listen at.
        attend: serves one connection until its end; bounds the time between frames itself.
        say: is given a line when the server listens.
        stall: seconds after which a client that does not read has failed.
        most: clients at a time.
        clients: that are served before the server ends; None for no end. Refused ones do not count.

    Raises:
        InputError: the address cannot be listened at.
    """
    try:
        server = socket.create_server(address)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, 'strerror', None) or error
        raise InputError(f'--listen {address[0]}:{address[1]}: {reason}') from None
    running: dict[threading.Thread, socket.socket] = {}
    served = 0
    try:
        with server:
            say('listening on {}:{}'.format(*server.getsockname()[:2]))
            while clients is None or served < clients:
                _forget_ended(running)
                accepted = _accept(server)
                if accepted is None:
                    continue
                connection, name = accepted
                connection.settimeout(stall)
                if len(running) >= most:
                    _refuse(connection, f'{most} clients are served already; try again later')
                    continue
                served += 1
                thread = threading.Thread(target=_run, args=(attend, connection, name), daemon=True)
                running[thread] = connection
                thread.start()
        for thread in running:
            thread.join()
    except KeyboardInterrupt:
        _end(running, stall)
        raise


def _accept(server: socket.socket) -> tuple[socket.socket, str] | None:
    """Waits a moment for a client; returns its connection and address."""
    if not select.select([server], [], [], _LOOK)[0]:
        return None
    try:
        connection, (host, port, *_) = server.accept()
    except OSError as error:  # it has gone again, or there are too many open files
        print(f'skeljax stream: no client accepted: {error.strerror}', file=sys.stderr, flush=True)
        time.sleep(_LOOK)
        return None
    return connection, f'{host}:{port}'


def _run(attend: Callable, connection: socket.socket, name: str):
    """Serves one client; whatever goes wrong with it is one line."""
    wrong = ''
    with connection:
        try:
            attend(connection)
        except (InputError, OSError) as error:
            wrong = getattr(error, 'strerror', None) or str(error) or type(error).__name__
        except Exception as error:  # a fault of this program: the other clients go on
            wrong = f'{type(error).__name__}: {error}'
            _refuse(connection, 'the server failed; see what it has written')
    if wrong:
        line = ' '.join(wrong.split())
        print(f'skeljax stream: {name}: {line}', file=sys.stderr, flush=True)


def _refuse(connection: socket.socket, why: str):
    """Tells a client why it is not served and closes the connection."""
    with connection, contextlib.suppress(OSError):
        connection.setblocking(False)  # a line fits the buffer of any connection that reads
        connection.sendall(json.dumps({'error': why}).encode() + b'\n')
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1 << 16)  # what is left unread would reset the connection before the line


def _forget_ended(running: dict):
    for thread in [thread for thread in running if not thread.is_alive()]:
        del running[thread]


def _end(running: dict[threading.Thread, socket.socket], stall: float):
    """Ends the streams of all clients, and waits until each has got what was found."""
    for connection in running.values():
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RD)
    end = time.monotonic() + stall
    for thread in running:
        thread.join(max(0.0, end - time.monotonic()))
