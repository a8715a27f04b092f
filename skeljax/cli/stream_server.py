"""A TCP server with a thread for each client; failures of one client do not affect others."""

from collections.abc import Callable
import contextlib
import json
import select
import socket
import sys
import threading
import time

from skeljax.errors import InputError

_POLL = 0.2  # seconds between checks for clients that have ended


def serve(
    address: tuple[str, int], attend: Callable[[socket.socket], object],
    report: Callable[[str], object], *, stall: float, most: int = 8, clients: int | None = None,
):
    """Serves each client in its own thread, until `clients` have been served.

    A client beyond the `most` at a time receives `{"error": ...}` and is disconnected. An error
    in `attend` ends its client alone, and is written to standard error in one line. On Ctrl-C the
    clients' streams end as at their end of file.

    Args:
        address: host and port to listen on.
        attend: serves one connection until its end; limits the time between frames itself.
        report: called with one line when the server listens.
        stall: seconds after which a client that does not read has failed.
        most: largest number of clients at a time.
        clients: number of clients after which the server ends; None: no end. Refused clients do
            not count.

    Raises:
        InputError: the server cannot listen on the address.
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
            report('listening on {}:{}'.format(*server.getsockname()[:2]))
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
    """Returns the connection and address of the next client, or None after `_POLL` seconds."""
    if not select.select([server], [], [], _POLL)[0]:
        return None
    try:
        connection, (host, port, *_) = server.accept()
    except OSError as error:  # the client has disconnected, or too many files are open
        print(f'skeljax stream: no client accepted: {error.strerror}', file=sys.stderr, flush=True)
        time.sleep(_POLL)
        return None
    return connection, f'{host}:{port}'


def _run(attend: Callable, connection: socket.socket, name: str):
    """Serves one client; prints an error in one line."""
    wrong = ''
    with connection:
        try:
            attend(connection)
        except (InputError, OSError) as error:
            wrong = getattr(error, 'strerror', None) or str(error) or type(error).__name__
        except Exception as error:  # a bug: the other clients are still served
            wrong = f'{type(error).__name__}: {error}'
            _refuse(connection, 'the server failed; see its standard error')
    if wrong:
        line = ' '.join(wrong.split())
        print(f'skeljax stream: {name}: {line}', file=sys.stderr, flush=True)


def _refuse(connection: socket.socket, why: str):
    """Sends a client the reason why it is not served, and closes the connection."""
    with connection, contextlib.suppress(OSError):
        connection.setblocking(False)  # a line fits the buffer of any connection that reads
        connection.sendall(json.dumps({'error': why}).encode() + b'\n')
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1 << 16)  # unread bytes would reset the connection before the line arrives


def _forget_ended(running: dict):
    for thread in [thread for thread in running if not thread.is_alive()]:
        del running[thread]


def _end(running: dict[threading.Thread, socket.socket], stall: float):
    """Ends the streams of all clients, and waits until each has received its segments."""
    for connection in running.values():
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RD)
    end = time.monotonic() + stall
    for thread in running:
        thread.join(max(0.0, end - time.monotonic()))
