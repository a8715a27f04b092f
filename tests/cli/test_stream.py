"""The verb `stream`: frames on a pipe or a socket, one line for a segment or an error."""

import json
import os
import socket
import threading
import time

import numpy as np
import pytest

from skeljax import localize
from skeljax.cli import main, stream as verb, stream_server
from skeljax.formats import wire
from skeljax.inference import predictor, streaming, windowing
from skeljax.localize import decoders
from tests import untrained

V = 25
WINDOW = ('--window', '64', '--hop', '8', '--ahead', '16')
LOW = ('--decoder', 'hysteresis', '--threshold', '0.26', '--keep', '0.98')


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    return untrained.make(tmp_path_factory.mktemp('runs') / 'tuned')


@pytest.fixture(scope='module')
def bodies():
    rng = np.random.default_rng(0)
    pose = rng.uniform(0, 1.7, (1, 1, V, 3))
    return (pose + rng.normal(0, 0.15, (200, 1, V, 3)).cumsum(0)).astype(np.float32)


def lines(bodies) -> bytes:
    return b''.join(json.dumps(body.tolist()).encode() + b'\n' for body in bodies)


class Pipe:
    """Stands for standard input: what is written comes out of a pipe, which may stay open."""

    def __init__(self, data: bytes, open_=False):
        self._ends = os.pipe()
        self._open = open_
        self._writer = threading.Thread(target=self._write, args=(data,))
        self._writer.start()

    def _write(self, data):
        with open(self._ends[1], 'wb', closefd=not self._open) as file:
            file.write(data)

    def fileno(self):
        return self._ends[0]

    def close(self):
        self._writer.join()
        os.close(self._ends[0])
        if self._open:
            os.close(self._ends[1])


@pytest.fixture
def stream(run, monkeypatch, capsysbinary):
    """Runs the verb on bytes: status, segments, lines of errors."""

    def on(data: bytes, *words, fps='30', open_=False):
        pipe = Pipe(data, open_)
        monkeypatch.setattr('sys.stdin', pipe)
        rate = ['--fps', fps] if fps else []
        status = main.main(['stream', '--workdir', str(run), *rate, *WINDOW, '--quiet', *words])
        pipe.close()
        shown = capsysbinary.readouterr()
        errors = shown.err.decode().splitlines()
        assert not any('Traceback' in line for line in errors)
        return status, [json.loads(line) for line in shown.out.splitlines()], errors

    return on


def test_what_is_written_is_what_predict_finds_with_the_same_window(run, stream, bodies, tmp_path):
    status, found, errors = stream(lines(bodies), *LOW)
    assert (status, errors) == (0, []) and len(found) > 2
    raw = stream(bodies.tobytes(), *LOW, '--format', 'float32')
    assert raw == (0, found, [])
    np.savez(tmp_path / 'a.npz', joints=bodies, fps=30.0, layout='ntu25')
    given = ['--workdir', str(run), '--out', str(tmp_path / 'out'), '--format', 'json', *WINDOW]
    assert (
        main.main(['predict', str(tmp_path / 'a.npz'), *given, '--min-score', '0', '--quiet']) == 0
    )
    with np.load(tmp_path / 'out' / 'a.scores.npz') as stored:
        runs = localize.hysteresis_runs(stored['probabilities'], threshold=0.26, keep=0.98)
    expected = localize.to_json_dict(runs, classes=untrained.CLASSES, fps=30.0)
    assert [{**item, 'score': 0} for item in found] == [{**item, 'score': 0} for item in expected]
    np.testing.assert_allclose(
        [i['score'] for i in found], [i['score'] for i in expected], atol=1e-5
    )


def test_what_the_stream_promises(run, bodies, monkeypatch, capsys):
    for words, told in (
        (
            ('--lag', '2'),
            'a segment is written 3.00 s after its end: 24 frames (0.80 s) of the '
            'window, then the lag',
        ),
        (
            ('--decoder', 'hysteresis'),
            'a segment is written 24 frames (0.80 s) after its end, or sooner',
        ),
    ):
        pipe = Pipe(b'')
        monkeypatch.setattr('sys.stdin', pipe)
        given = ['stream', '--workdir', str(run), '--fps', '30', *WINDOW, *words]
        assert main.main(given) == 0
        pipe.close()
        assert f'skeljax stream: {told}' in capsys.readouterr().err.splitlines()


def test_what_was_found_before_a_bad_frame_is_written(stream, bodies):
    short = [joints[:-1] for joints in bodies[100].tolist()]
    data = lines(bodies[:100]) + json.dumps(short).encode() + b'\n'
    status, found, errors = stream(data, *LOW)
    assert status == 2 and errors == [
        'skeljax stream: frame 100: person 0: 24 x 3 numbers, expected 25 joints of 3'
    ]
    assert found == stream(lines(bodies[:100]), *LOW)[1] and found


def test_a_frame_that_ends_too_early(stream, bodies):
    status, _, errors = stream(bodies[:3].tobytes()[:-8], '--format', 'float32')
    assert (status, errors) == (2, ['skeljax stream: frame 2: ends after 292 of 300 bytes'])


def test_a_stream_that_stalls(stream, bodies):
    status, found, errors = stream(lines(bodies[:60]), *LOW, '--stall', '0.5', open_=True)
    assert (status, errors) == (2, ['skeljax stream: no frame for 0.5 seconds, after 60 of them'])
    assert found  # what was found until then


@pytest.mark.parametrize(
    'words, message',
    [
        ((), '--fps is missing, expected the frame rate of the stream'),
        (('--fps', '0'), '--fps: frame rate is 0.0, expected 0.1 to 10000 frames per second'),
        (('--fps', '30', '--stall', '0'), '--stall 0: expected a number above 0'),
        (('--fps', '30', '--stall', 'nan'), '--stall is nan, expected a number'),
        (('--fps', '30', '--stall', 'inf'), '--stall inf: expected a number above 0'),
        (('--fps', '30', '--persons', '0'), '--persons 0: expected a number above 0'),
        (
            ('--fps', '30', '--persons', '100000000'),
            '100000000 persons in a frame, expected 1 to 6250 ',
        ),
        (('--fps', '30', '--at-once', '-1'), '--at-once -1: expected a number above 0'),
        (
            ('--fps', '30', '--decoder', 'hysteresis', '--threshold', '7'),
            'threshold is 7, expected 0 to 1',
        ),
        (
            ('--fps', '30', '--decoder', 'hysteresis', '--keep', 'nan'),
            '--keep is nan, expected a number',
        ),
        (
            ('--fps', '30', '--decoder', 'hysteresis', '--min-frames', '-1'),
            'min_frames is -1, expected 0 or more',
        ),
        (
            ('--fps', '30', '--threshold', '0.5'),
            '--threshold needs --decoder hysteresis, found sequence',
        ),
        (
            ('--fps', '30', '--decoder', 'hysteresis', '--lag', '2'),
            '--lag needs --decoder sequence, found',
        ),
        (('--fps', '30', '--lag', '-1'), 'lag is -1 seconds, expected a finite number from 0'),
        (('--fps', '30', '--min-score', 'nan'), '--min-score is nan, expected a number'),
        (('--fps', '30', '--layout', 'none'), "unknown joint layout 'none', known: "),
        (('--fps', '30', '--listen', 'here'), '--listen here: expected HOST:PORT, or a port'),
        (
            ('--fps', '30', '--hop', '60'),
            'a window of 64 frames that moves by 60 and looks 16 ahead',
        ),
    ],
)
def test_options_that_cannot_be(stream, words, message):
    status, found, (line,) = stream(b'', *words, fps='')
    assert (status, found) == (2, []) and line.startswith(f'skeljax stream: {message}')


def test_nothing_at_all_is_no_error(stream):
    assert stream(b'') == (0, [], [])


ATTACKS = {
    'an integer of 400 digits': json.dumps([[10**400, 0, 0]] * V),
    'an integer of 5000 digits': '[[' + '9' * 5000 + ',0,0]]',
    'texts': json.dumps([['1', '2', '3']] * V),
    'texts that say nan': json.dumps([['nan', 'inf', '0']] * V),
    'booleans': json.dumps([[True, False, True]] * V),
    'one boolean': json.dumps([[0.5, 0.5, 0.5]] * (V - 1) + [[0.5, True, 0.5]]),
    'infinity': json.dumps([[float('inf'), 0, 0]] * V),
    '1e400': '[' + ','.join(['[1e400, 0, 0]'] * V) + ']',
    'the largest double': '[' + ','.join(['[1.7e308, 0, 0]'] * V) + ']',
    'objects for joints': json.dumps([{'x': 1, 'y': 2, 'z': 3}] * V),
    'empty objects': json.dumps([{}] * V),
    'four levels': json.dumps([[[[1, 2, 3]] * V]]),
    'a hundred thousand levels': '[' * 100_000,
    'a joint too few': json.dumps([[1, 2, 3]] * (V - 1)),
    'a joint too many': json.dumps([[1, 2, 3]] * (V + 1)),
    'two numbers a joint': json.dumps([[1, 2]] * V),
    'rows of two lengths': json.dumps([[1, 2, 3]] * (V - 1) + [[1, 2]]),
    'too many persons': json.dumps([[[1, 2, 3]] * V] * 50),
    'no joints': '{"joints": []}',
    'joints as a text': '{"joints": "all of them"}',
    'another object': '{"pose": [1]}',
    'null': 'null',
    'a number': '7',
    'no JSON': 'hello',
    'half a line': '[[1, 2, 3], [1, 2',
    'a request of a browser': 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'bytes that are no text': b'\xff\xfe\x00\x01',
    'the greeting of TLS': b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n',
    'zeros': b'\0' * 1000 + b'\n',
    'two megabytes without the end of a line': b'[' + b'1,' * (1 << 20),
}


@pytest.fixture
def server(run):
    """Starts `serve` on the verb's own streams; returns how to connect, and joins it at the end."""
    model, job = predictor.of_run(run), None

    def begin():
        made = streaming.Stream(
            model.run, windowing.Window(64, 8, 16), fps=30.0, layout='ntu25',
            runs=decoders.HysteresisDecoder(0.26, 0.98, 3),
        )
        return made, wire.Lines(1, V)

    def start(clients: int, stall=20.0):
        nonlocal job
        said = []
        tell = lambda found: localize.to_json_dict(found, classes=model.classes, fps=30.0)
        attend = lambda connection: verb._attend(connection, begin, tell, stall)
        job = threading.Thread(
            target=stream_server.serve, args=(('127.0.0.1', 0), attend, said.append),
            kwargs={'stall': stall, 'clients': clients},
        )
        job.start()
        while not said:
            time.sleep(0.01)
        port = int(said[0].rpartition(':')[2])
        return lambda: socket.create_connection(('127.0.0.1', port), timeout=60)

    yield start
    job.join(60)
    assert not job.is_alive()


def _rest(client) -> list[dict]:
    """Ends a client's stream; returns all that it was sent."""
    client.shutdown(socket.SHUT_WR)
    told = b''.join(iter(lambda: client.recv(4096), b''))
    return [json.loads(line) for line in told.splitlines()]


def test_no_attack_disturbs_a_client_beside_it(server, bodies, capsys):
    connect = server(len(ATTACKS) + 2)
    with connect() as alone:
        alone.sendall(lines(bodies[:100]))
        undisturbed = _rest(alone)
    assert undisturbed
    with connect() as good:
        good.sendall(lines(bodies[:50]))
        for what, data in ATTACKS.items():
            with connect() as attacker:
                try:
                    attacker.sendall(data.encode() + b'\n' if isinstance(data, str) else data)
                    told = _rest(attacker)
                except OSError:  # the server closed while this was still sending
                    continue
                assert [*told[-1]] == ['error'] and '\n' not in told[-1]['error'], what
                assert 'failed' not in told[-1]['error'], what
        good.sendall(lines(bodies[50:100]))
        assert _rest(good) == undisturbed
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == len(ATTACKS)
    assert all(line.startswith('skeljax stream: 127.0.0.1:') for line in errors)
    print(f'{len(ATTACKS)} of {len(ATTACKS)} attacks on the socket got one line each')


def test_clients_are_served_side_by_side_and_a_slow_one_fails_alone(server, bodies):
    connect = server(2, stall=3.0)
    with connect() as slow, connect() as quick:
        slow.sendall(lines(bodies[:100]) + b'[[')
        quick.sendall(lines(bodies[:100]))
        found = _rest(quick)
        told = b''.join(iter(lambda: slow.recv(4096), b''))
    assert found
    error = {'error': 'no frame for 3 seconds, after 100 of them'}
    assert [json.loads(line) for line in told.splitlines()] == [*found, error]


def test_addresses():
    assert verb._address('7000') == ('127.0.0.1', 7000)
    assert verb._address('0.0.0.0:1') == ('0.0.0.0', 1)
    assert verb._address('[::1]:80') == ('::1', 80)
