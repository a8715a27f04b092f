"""Commands of pages on files and on an untrained run: seconds each, so for every change."""

import json
import os
import shutil
import socket
import threading
import time
import types

import numpy as np
import pytest

from benchmarks import __main__ as benchmarks
from skeljax.cli import main
from skeljax.data.corpus import Corpus
from tests import documented, licensed

LABELS = 'recording,start,end,label\na,0,1,sit\na,2,3,walk\n'


@pytest.mark.documented('docs/files.md', 'found.json --truth', 'found.csv', '--workdir runs/tuned')
@pytest.mark.documented('docs/protocols.md', 'skeljax evaluate --workdir W')
def test_files_of_segments(tuned, told):
    (tuned / 'labels.csv').write_text(LABELS)
    (tuned / 'found.csv').write_text(
        LABELS.replace('label\n', 'label,score\n')
        .replace('sit', 'sit,0.9')
        .replace('walk', 'walk,0.8')
    )
    (tuned / 'labels.json').write_text(
        '{"database": {"a": {"annotations": [{"segment": [0, 1], "label": "sit"}]}}}'
    )
    (tuned / 'found.json').write_text(
        '{"results": {"a": [{"segment": [0, 1], "label": "sit", "score": 1}]}}'
    )
    told.skeljax(part='found.json --truth')
    told.skeljax(part='found.csv')
    assert (tuned / 'figures.json').is_file()
    (tuned / 'W').symlink_to(tuned / 'runs' / 'tuned')
    told.skeljax()


@pytest.mark.documented('docs/viewer.md')
@pytest.mark.documented('docs/tracking.md', 'skeljax runs')
@pytest.mark.documented('README.md', '--help', 'completion')
def test_the_viewer_and_what_only_tells(tuned, told, capsys):
    told.skeljax('--force', part='skeljax view')
    assert (tuned / 'page.html').stat().st_size > 100_000
    assert told.skeljax(part='skeljax runs', instead={'DIR': 'runs'}).count('tuned  finetune') == 2
    assert '_skeljax' in told.skeljax(part='completion')
    own, suite = told.take('--help')
    for run, words, line in (
        (main.main, own.words()[1:], 'skeljax predict walk.bvh'),
        (benchmarks.main, suite.text.split()[3:], 'time a training step'),
    ):
        with pytest.raises(SystemExit, match='0'):
            run(words)
        assert line in capsys.readouterr().out


@pytest.mark.documented('README.md', '--fuse')
def test_runs_are_fused(tuned, told):
    for name in ('joint', 'motion', 'bone'):
        (tuned / 'runs' / name).symlink_to(tuned / 'runs' / 'tuned')
    assert 'mAP' in told.skeljax()


@pytest.mark.documented('docs/report.md')
def test_reports(tuned, told):
    shutil.copytree(tuned / 'runs' / 'tuned', tuned / 'runs' / 'scratch')
    told.skeljax()
    assert '| tuned |' in (tuned / 'compared.md').read_text()


def _bodies(joints: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 1.7, (60, joints, 3))


@pytest.mark.documented('docs/streaming.md', 'camera |', 'cat frames.f32 |')
def test_streams(tuned, told, monkeypatch):
    for part, joints in (('camera |', 25), ('cat frames.f32 |', 17)):
        bodies, file = _bodies(joints), tuned / 'frames'
        lines = '\n'.join(json.dumps(body.tolist()) for body in bodies).encode()
        file.write_bytes(lines if joints == 25 else (1000 * bodies).astype('<f4').tobytes())
        with file.open('rb') as stream:
            monkeypatch.setattr('sys.stdin', types.SimpleNamespace(fileno=stream.fileno))
            told.skeljax(part=part)
            assert (
                os.lseek(stream.fileno(), 0, os.SEEK_CUR) == file.stat().st_size
            )  # all of it was read


@pytest.mark.documented('docs/streaming.md', '--listen', 'skeljax predict recording.npz')
def test_a_stream_through_a_socket_is_scored_as_a_recording(tuned, told):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        address = free.getsockname()
    answers = []

    def client():
        until = time.monotonic() + 60
        while True:
            try:
                link = socket.create_connection(address, timeout=60)
                break
            except ConnectionRefusedError:
                assert time.monotonic() < until
                time.sleep(0.05)
        with link, link.makefile('rb') as lines:
            link.sendall(''.join(json.dumps(body.tolist()) + '\n' for body in _bodies(25)).encode())
            link.shutdown(socket.SHUT_WR)
            answers.extend(map(json.loads, lines))

    job = threading.Thread(target=client)
    job.start()
    host = '{}:{}'.format(*address)
    steady = ['--decoder', 'hysteresis', '--threshold', '0']
    told.skeljax('--clients', '1', *steady, part='--listen', instead={'127.0.0.1:7000': host})
    job.join()
    assert answers and all(answer['end_seconds'] <= 2 for answer in answers)
    np.savez('recording.npz', joints=_bodies(25)[:, None], fps=30.0, layout='ntu25')
    told.skeljax('--decoder', 'argmax', '--min-score', '0', part='recording.npz')
    found = json.loads((tuned / 'recording.json').read_text())['segments']
    assert {answer['label'] for answer in answers} <= {segment['label'] for segment in found}


@pytest.mark.documented('docs/files.md', '--truth pku_mmd/part1_xsub')
@pytest.mark.documented('docs/benchmarks.md', 'skeljax prepare pku_mmd', 'skeljax prepare ntu_rgbd')
def test_corpora_that_are_licensed(here, told):
    more = ('--manual-dir', str(licensed.ntu_rgbd(here / 'ntu')), '--data-dir', 'data')
    told.skeljax(*more, part='ntu_rgbd/xsub60')
    more = ('--manual-dir', str(licensed.pku_mmd(here / 'pku')), '--data-dir', 'data')
    told.skeljax(*more, part='prepare pku_mmd/part1_xsub')
    corpus = Corpus(here / 'data', 'pku_mmd/part1_xsub', 'test')
    (here / 'results').mkdir()
    for recording in corpus:
        spans = zip(recording.segment_label + 1, recording.segment_start, recording.segment_end)
        rows = ''.join(f'{label},{start},{end},0.9\n' for label, start, end in spans)
        (here / 'results' / f'{recording.name}.txt').write_text(rows)
    assert '100.0' in told.skeljax()


@pytest.mark.documented('tfds_builders/folder/README.md')
def test_a_folder(here, told, write_own):
    write_own(here / 'mine', 6)
    told.skeljax('--manual-dir', 'mine', '--data-dir', 'data')
    assert (here / 'data' / 'folder' / 'mine').is_dir()


def test_the_program_of_the_first_page(tuned, capsys):
    np.savez('walk.npz', joints=_bodies(25)[:, None], fps=30.0, layout='ntu25')
    (program,) = documented.blocks('docs/index.md', 'python')
    names = {}
    exec(program.replace('walk.bvh', 'walk.npz'), names)
    shown = capsys.readouterr().out.splitlines()
    assert [line.partition(':')[0] for line in shown] == list(names['found'].names)


def test_the_program_of_a_stream(tuned):
    (program,) = documented.blocks('docs/streaming.md', 'python')
    names = {'frames': _bodies(25)[:, None].astype(np.float32)}
    exec(program, names)
    assert type(names['closed']).__name__ == 'Segments'  # of untrained weights, maybe none
