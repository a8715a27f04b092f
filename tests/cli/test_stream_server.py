"""Clients side by side, without a network to score by: bounded in number, none stops another."""

import contextlib
import json
import signal
import socket
import threading
import time

import pytest

from skeljax.cli import stream_server
from skeljax.errors import InputError


def _echo(connection):
    """Answers each word that comes with itself; 'bad' and 'fault' raise."""
    while data := connection.recv(100):
        if data == b'bad':
            raise InputError('a bad\nword')
        if data == b'fault':
            raise ZeroDivisionError('a fault of the program')
        connection.sendall(data)


@pytest.fixture
def started():
    """Starts a server in a thread; returns how to connect."""
    jobs = []

    def start(**options):
        said = []
        job = threading.Thread(
            target=stream_server.serve, args=(('127.0.0.1', 0), _echo, said.append),
            kwargs={'stall': 5.0, **options},
        )
        job.start()
        jobs.append(job)
        while not said:
            time.sleep(0.01)
        return lambda: socket.create_connection(said[0].split()[-1].split(':'), timeout=30)

    yield start
    for job in jobs:
        job.join(30)
        assert not job.is_alive()


def _says(client, word: bytes):
    client.sendall(word)
    return client.recv(100)


def test_clients_take_turns_as_they_like(started):
    connect = started(clients=2)
    with connect() as one, connect() as other:
        for word in (b'a', b'b'):
            assert _says(one, word) == word and _says(other, word) == word


def test_a_client_too_many_is_refused_and_one_more_is_served_when_one_has_gone(started):
    connect = started(clients=3, most=2)
    with connect() as one:
        with connect() as other:
            assert _says(one, b'a') == _says(other, b'a') == b'a'
            with connect() as third:
                told = json.loads(third.recv(1000))
                assert told == {'error': '2 clients are served already; try again later'}
                assert third.recv(1000) == b''
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with connect() as third, contextlib.suppress(OSError):
                if _says(third, b'c') == b'c':
                    return
    raise AssertionError('the place of the one that has gone was not given to another')


def test_what_one_raises_is_a_line_and_stops_no_other(started, capsys):
    connect = started(clients=3)
    with connect() as good, connect() as bad, connect() as fault:
        assert _says(good, b'a') == b'a'
        assert _says(bad, b'bad') == b''
        assert json.loads(_says(fault, b'fault')) == {
            'error': 'the server failed; see its standard error'
        }
        assert _says(good, b'b') == b'b'
    said = [line.split(': ', 2)[2] for line in capsys.readouterr().err.splitlines()]
    assert said == ['a bad\\nword', 'ZeroDivisionError: a fault of the program']


@pytest.fixture
def interrupts():
    """Lets SIGINT interrupt, which a shell's background jobs are started to ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_ends_the_streams_as_the_clients_would(capsys, interrupts):
    """In the main thread, where a signal is raised; the clients get the end of what they sent."""
    ports, got = [], []

    def talk():
        while not ports:
            time.sleep(0.01)
        with socket.create_connection(('127.0.0.1', ports[0]), timeout=30) as client:
            got.append(_says(client, b'a'))
            signal.raise_signal(signal.SIGINT)
            got.append(client.recv(100))

    talking = threading.Thread(target=talk)
    talking.start()
    with pytest.raises(KeyboardInterrupt):
        stream_server.serve(
            ('127.0.0.1', 0),
            _echo,
            lambda said: ports.append(int(said.rpartition(':')[2])),
            stall=5.0,
        )
    talking.join(30)
    assert got == [b'a', b'']


def test_an_address_that_is_taken():
    with socket.create_server(('127.0.0.1', 0)) as server:
        address = server.getsockname()
        with pytest.raises(InputError, match=f'--listen 127.0.0.1:{address[1]}: '):
            stream_server.serve(address, _echo, print, stall=1.0)


def test_an_address_that_is_none():
    with pytest.raises(InputError, match='--listen no.such.host.invalid:80: '):
        stream_server.serve(('no.such.host.invalid', 80), _echo, print, stall=1.0)
