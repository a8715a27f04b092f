"""Timing of readers: every file is counted with its reader; unreadable files are errors."""

import json

import pytest

from benchmarks import __main__ as command, readers
from skeljax.errors import FormatError, InputError
from tests import kinect_files


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'deep').mkdir()
    for number, frames in enumerate((30, 40)):
        data = kinect_files.skeleton(kinect_files.motion(frames))
        (tmp_path / 'deep' / f'S001C001P001R00{number}A001.skeleton').write_bytes(data)
    (tmp_path / '0002-L.txt').write_bytes(kinect_files.table(kinect_files.motion(50)))
    (tmp_path / 'picture.png').write_bytes(b'')
    return tmp_path


def test_files_are_measured_by_their_readers(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp('figures') / 'read.json'
    words = ['--files', str(folder), '--steps', '2', '--json', str(out)]
    assert command.main(['read', *words]) == 0
    found = json.loads(out.read_text())['readers']
    counts = {name: (r['files'], r['frames']) for name, r in found.items()}
    assert counts == {'ntu': (2, 70), 'pku': (1, 50)}
    for figures in found.values():
        assert figures['files_per_second'] * figures['seconds'] == pytest.approx(figures['files'])
        assert figures['times_line_by_line'] > 0  # how many: tests/formats/test_ntu.py
    size = sum(path.stat().st_size for path in folder.rglob('*.skeleton'))
    assert found['ntu']['megabytes'] == pytest.approx(size / 1e6)


def test_unreadable_files_are_errors(folder, capsys):
    with pytest.raises(InputError, match='no such file or folder'):
        readers.measure([folder / 'none'])
    with pytest.raises(InputError, match='no file of a known format'):
        readers.measure([folder / 'picture.png'])
    (folder / 'labels.txt').write_text('1,2,3,2\n')
    with pytest.raises(FormatError, match='labels.txt:1: 1 fields, expected 150'):
        readers.measure([folder])
    assert command.main(['read']) == 2
    assert 'read needs --files' in capsys.readouterr().err
