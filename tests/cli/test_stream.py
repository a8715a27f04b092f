"""The verb `stream`: frames down a pipe or a socket, a line for a segment, a line for what is wrong."""

import json
import os
import socket
import threading
import time

import numpy as np
import pytest
import untrained

from skeljax import localize
from skeljax.cli import main, stream as verb
from skeljax.errors import InputError
from skeljax.formats import wire
from skeljax.localize import decoding, steady
from skeljax.localize.sequence import SequenceDecoder
from skeljax.train import fit_decoder, ready, streaming, tiles

V = 25
WINDOW = ('--window', '64', '--hop', '8', '--ahead', '16')
LOW = ('--decoder', 'steady', '--threshold', '0.26', '--keep', '0.98')
# So that the scores of a network that has learned nothing change class now and then.
DECODER = SequenceDecoder(
    log_mean=(-1.0,) * 4, log_std=(0.5,) * 4, weight=30.0, floor=1e-3, penalty=-2.0
)


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    folder = untrained.make(tmp_path_factory.mktemp('runs') / 'tuned')
    told = {'step': 7, 'decoding': decoding.to_json_dict(decoding.of_sequence(DECODER))}
    (folder / fit_decoder.FILE).write_text(json.dumps(told))
    return folder


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
    assert main.main(['predict', str(tmp_path / 'a.npz'), *given, '--min-score', '0', '--quiet']) == 0
    with np.load(tmp_path / 'out' / 'a.scores.npz') as stored:
        runs = localize.steady_runs(stored['probabilities'], threshold=0.26, keep=0.98)
    expected = localize.to_json_dict(runs, classes=untrained.CLASSES, fps=30.0)
    assert [{**item, 'score': 0} for item in found] == [{**item, 'score': 0} for item in expected]
    np.testing.assert_allclose([i['score'] for i in found], [i['score'] for i in expected], atol=1e-5)


def test_a_lag_as_long_as_the_stream_finds_what_predict_finds(run, stream, bodies, tmp_path):
    status, found, errors = stream(lines(bodies), '--lag', '10')
    assert (status, errors) == (0, []) and len(found) > 5
    assert stream(lines(bodies), '--decoder', 'sequence', '--lag', '10') == (0, found, [])
    np.savez(tmp_path / 'a.npz', joints=bodies, fps=30.0, layout='ntu25')
    given = ['--workdir', str(run), '--out', str(tmp_path / 'out'), '--format', 'json', *WINDOW]
    assert main.main(['predict', str(tmp_path / 'a.npz'), *given, '--quiet']) == 0
    expected = json.loads((tmp_path / 'out' / 'a.json').read_text())['segments']
    assert [{**item, 'score': 0} for item in found] == [{**item, 'score': 0} for item in expected]
    np.testing.assert_allclose([i['score'] for i in found], [i['score'] for i in expected], atol=1e-4)


def test_segments_that_are_older_than_the_lag_are_the_same_whatever_follows(stream, bodies):
    _, whole, _ = stream(lines(bodies), '--lag', '1')
    ends = [item['end_frame'] for item in whole]
    for frames in (104, 200):
        _, found, _ = stream(lines(bodies[:frames]), '--lag', '1')
        # Frames of the window, a lag of 30, and a decoding every 3.
        final = [item for item, end in zip(whole, ends) if end <= frames - 24 - 33]
        assert final and found[:len(final)] == final


def test_what_the_stream_promises(run, bodies, monkeypatch, capsys):
    for words, told in (
        (('--lag', '2'), 'a segment is written 3.00 s after its end: 24 frames (0.80 s) of the '
                         'window, then the lag'),
        (('--decoder', 'steady'), 'a segment is written 24 frames (0.80 s) after its end, or sooner'),
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


@pytest.mark.parametrize('words, message', [
    ((), '--fps is missing: how many frames a second come'),
    (('--fps', '0'), '--fps: frame rate is 0.0, expected 0.1 to 10000 frames a second'),
    (('--fps', '30', '--stall', '0'), '--stall 0: expected a number above 0'),
    (('--fps', '30', '--persons', '0'), '--persons 0: expected a number above 0'),
    (('--fps', '30', '--layout', 'none'), "unknown joint layout 'none', known: "),
    (('--fps', '30', '--listen', 'here'), '--listen here: expected HOST:PORT, or a port'),
    (('--fps', '30', '--lag', '-1'), 'lag is -1 seconds, expected a finite number from 0'),
    (('--fps', '30', '--lag', 'nan'), 'lag is nan seconds, expected a finite number from 0'),
    (('--fps', '30', '--decoder', 'steady', '--lag', '2'), '--lag needs --decoder sequence, found steady'),
    (('--fps', '30', '--threshold', '0.5'), '--threshold needs --decoder steady, found sequence'),
    (('--fps', '30', '--min-frames', '5'), '--min-frames needs --decoder steady, found sequence'),
    (('--fps', '30', '--hop', '60'), 'a window of 64 frames that moves by 60 and looks 16 ahead'),
])
def test_options_that_cannot_be(stream, words, message):
    status, found, (line,) = stream(b'', *words, fps='')
    assert (status, found) == (2, []) and line.startswith(f'skeljax stream: {message}')


def test_nothing_at_all_is_no_error(stream):
    assert stream(b'') == (0, [], [])


def test_clients_come_one_after_the_other(run, bodies):
    model = ready.of_run(run)

    def begin():
        made = streaming.Stream(
            model.trained, tiles.Window(64, 8, 16), fps=30.0, layout='ntu25',
            runs=steady.Runs(0.26, 0.98, 3),
        )
        return made, wire.Lines(1, V)

    tell = lambda found: localize.to_json_dict(found, classes=model.classes, fps=30.0)
    said, found = [], []
    job = threading.Thread(target=verb.serve, args=(('127.0.0.1', 0), begin, tell, 20.0, 2, said.append))
    job.start()
    while not said:
        time.sleep(0.05)
    port = int(said[0].rpartition(':')[2])
    for data in (lines(bodies[:100]) + b'{}\n', lines(bodies[:100])):
        with socket.create_connection(('127.0.0.1', port), timeout=60) as client:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            told = b''.join(iter(lambda: client.recv(4096), b''))
            found.append([json.loads(line) for line in told.splitlines()])
    job.join(60)
    assert not job.is_alive() and found[1]
    assert found[0] == [*found[1], {'error': "frame 100: no list of joints: '{}'"}]


def test_an_address_that_is_taken():
    with socket.create_server(('127.0.0.1', 0)) as server:
        address = server.getsockname()
        with pytest.raises(InputError, match=f'--listen 127.0.0.1:{address[1]}: '):
            verb.serve(address, None, None, 1.0, 1, print)


def test_addresses():
    assert verb._address('7000') == ('127.0.0.1', 7000)
    assert verb._address('0.0.0.0:1') == ('0.0.0.0', 1)
    assert verb._address('[::1]:80') == ('::1', 80)
