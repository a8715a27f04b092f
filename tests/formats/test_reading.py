"""`skeljax.read`: which reader reads a file, what it is told, and that asking for it is cheap."""

import gzip
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import skeljax
from skeljax import formats
from skeljax.errors import FormatError, InputError
from skeljax.formats import texts
from skeljax.formats.motion import Motion


@pytest.mark.parametrize(
    ('name', 'module', 'stem'),
    [
        ('Walk.BVH', 'bvh', 'Walk'),
        ('a.b.csv.gz', 'table', 'a.b'),
        ('m01_s01_e01_positions.txt.gz', 'ui_prmd', 'm01_s01_e01'),
        ('13_01.amc.gz', 'amc', '13_01'),
        ('jump_poses.npz', 'amass', 'jump'),
        ('jump.npz', 'arrays', 'jump'),
        ('photo.jpg', None, 'photo.jpg'),
        ('_poses.npz', 'amass', '_poses.npz'),  # a name is never empty
    ],
)
def test_the_ending_tells_the_reader(name, module, stem):
    assert formats.find(name) == module and formats.stem(f'folder/{name}') == stem


@pytest.mark.parametrize('zipped', [False, True])
@pytest.mark.parametrize(
    ('head', 'module'),
    [
        ('Timestamp,HipCenterX,HipCenterY', 'kinder_gator'),
        ('\ufeffHipCenter; Spine; ShoulderCenter', 'precog'),
        ('timestamp,HipCenter_x', 'table'),
        ('', 'table'),
    ],
)
def test_the_first_line_of_a_table_selects_its_reader(tmp_path, monkeypatch, head, module, zipped):
    path = tmp_path / ('a.csv.gz' if zipped else 'a.csv')
    path.write_bytes(gzip.compress(head.encode()) if zipped else head.encode())
    taken = []

    def read(path, name):
        taken.append(name)
        return Motion(np.ones((2, 1, 25, 3)), 30.0, 'ntu25', np.ones((2, 1), bool))

    for name in ('kinder_gator', 'precog', 'table'):
        reader = SimpleNamespace(read=lambda path, name=name: read(path, name))
        monkeypatch.setitem(sys.modules, f'skeljax.formats.{name}', reader)
    skeljax.read(path)
    assert taken == [module]


def test_a_table_that_cannot_be_unpacked_is_an_error(tmp_path):
    path = tmp_path / 'a.csv.gz'
    path.write_bytes(b'Timestamp,HipCenterX,')
    with pytest.raises(FormatError, match='a.csv.gz: cannot be read'):
        skeljax.read(path)


def test_a_reader_gets_what_was_told_and_it_asks_for(tmp_path, monkeypatch):
    given = {}

    class Reader:
        @staticmethod
        def read(path, *, unit=1.0, fps: float = 120.0):
            given.update(unit=unit, fps=fps)
            return Motion(np.ones((2, 1, 25, 3)), fps, 'ntu25', np.ones((2, 1), bool))

    monkeypatch.setitem(sys.modules, 'skeljax.formats.bvh', Reader)
    (tmp_path / 'a.bvh').write_text('')
    skeljax.read(tmp_path / 'a.bvh', layout='ntu25')
    assert given == {'unit': 1.0, 'fps': 120.0}  # its own defaults
    skeljax.read(tmp_path / 'a.bvh', unit='cm', fps=60)
    assert given == {'unit': 0.01, 'fps': 60}


def test_whatever_a_reader_raises_is_told_in_a_line(tmp_path, monkeypatch):
    class Reader:
        @staticmethod
        def read(path):
            raise SystemError('from far below\nin two lines')

    monkeypatch.setitem(sys.modules, 'skeljax.formats.bvh', Reader)
    (tmp_path / 'a.bvh').write_text('')
    with pytest.raises(FormatError) as caught:
        skeljax.read(tmp_path / 'a.bvh')
    told = f'{tmp_path}/a.bvh: cannot be read: SystemError: from far below in two lines'
    assert str(caught.value) == told


def test_a_gzipped_text_unpacks_to_no_more_than_is_told(tmp_path, monkeypatch):
    path = tmp_path / 'a.csv.gz'
    path.write_bytes(gzip.compress(b'x' * (2 << 20)))
    assert len(texts.read(path)) == 2 << 20
    monkeypatch.setattr(texts, 'UNPACKED', 1 << 20)
    with pytest.raises(FormatError, match='a.csv.gz: unpacks to more than 1 MiB; unpack it first'):
        texts.read(path)


def test_what_is_no_option_is_told(tmp_path):
    np.save(tmp_path / 'a.npy', np.ones((2, 25, 3)))
    with pytest.raises(TypeError, match='rate'):
        skeljax.read(tmp_path / 'a.npy', rate=30)
    with pytest.raises(InputError, match="unit is 'mile', expected one of m, cm, mm"):
        skeljax.read(tmp_path / 'a.npy', unit='mile')
    (tmp_path / 'a.jpg').write_bytes(b'')
    with pytest.raises(FormatError, match=r'a.jpg: unknown format, known: .amc'):
        skeljax.read(tmp_path / 'a.jpg')
    with pytest.raises(InputError, match='no such file'):
        skeljax.read(tmp_path)


def test_the_library_is_imported_without_anything_large():
    code = 'import skeljax, sys; sys.exit(any(m in sys.modules for m in ("numpy", "jax")))'
    assert subprocess.run([sys.executable, '-c', code]).returncode == 0
