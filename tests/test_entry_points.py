"""Readers and layouts of another package, that of docs/formats.md, found by entry points."""

import json
from pathlib import Path
import re
import subprocess
import sys

import numpy as np
import pytest

import skeljax
from skeljax import formats, plugins
from skeljax.data import preparation
from skeljax.data.corpus import Corpus
from skeljax.errors import FormatError, InputError
from skeljax.skeletons import skeleton

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / 'docs' / 'formats.md').read_text()
(EXAMPLE,) = re.findall(r'```python\n(import numpy.*?)```', PAGE, re.DOTALL)
CODE = EXAMPLE + """
class Nothing:
    pass

class Wrong:
    def read(path):
        return 'text'
"""
READERS = """[skeljax.readers]
.gait = clinic_gait
[skeljax.layouts]
clinic4 = clinic_gait:CLINIC4
"""


def _forget():
    plugins.found.cache_clear()
    plugins.load.cache_clear()
    skeleton.get.cache_clear()


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs packages of one module `clinic_gait` with the entry points given by their names."""
    site = tmp_path / 'site'
    site.mkdir()
    (site / 'clinic_gait.py').write_text(CODE)
    monkeypatch.syspath_prepend(str(site))

    def install(**entries):
        for name, text in entries.items():
            folder = site / f'{name}-1.0.dist-info'
            folder.mkdir()
            (folder / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n')
            (folder / 'entry_points.txt').write_text(text)
        _forget()
        return site

    yield install
    sys.modules.pop('clinic_gait', None)
    _forget()


def _write(path, frames=60):
    rng = np.random.default_rng(0)
    body = np.array([[0, 1, 0], [0, 1.7, 0], [0.7, 1.2, 0], [-0.7, 1.2, 0]])
    values = body + rng.normal(0, 0.05, (frames, 1, 1)) + rng.normal(0, 0.01, (frames, 4, 3))
    np.savetxt(path, values.reshape(frames, -1), fmt='%.4f')
    return path


def test_a_reader_and_a_layout_of_another_package_are_used_as_built_in_ones(installed, tmp_path):
    with pytest.raises(FormatError, match='unknown format'):
        skeljax.read(_write(tmp_path / 'walk.gait'))
    installed(clinic=READERS)
    motion = skeljax.read(tmp_path / 'walk.gait')
    assert motion.joints.shape == (60, 1, 4, 3) and motion.fps == 50
    assert skeleton.get(motion.layout).joints == ('Pelvis', 'Head', 'LeftHand', 'RightHand')
    assert formats.stem(tmp_path / 'walk.gait') == 'walk' and '.gait' in formats.endings()
    halved = skeljax.read(tmp_path / 'walk.gait', unit=0.5, fps=30)  # has no option fps
    np.testing.assert_allclose(halved.joints, motion.joints / 2, rtol=1e-6)
    assert halved.fps == 50
    np.save(tmp_path / 'array.npy', motion.joints)
    found = skeljax.read(tmp_path / 'array.npy', fps=30, layout='clinic4', unit='m')
    assert found.layout == motion.layout


def test_a_corpus_of_it_is_read_where_the_package_is_not_installed(installed, tmp_path):
    site = installed(clinic=READERS)
    raw = tmp_path / 'raw'
    raw.mkdir()
    for name in 'abc':
        _write(raw / f'{name}.gait')
    (raw / 'splits.csv').write_text('recording,split\na,train\nb,validation\nc,test\n')
    preparation.prepare('folder/clinic', data_dir=tmp_path / 'data', manual_dir=raw)
    (site / 'clinic-1.0.dist-info' / 'entry_points.txt').unlink()
    _forget()
    with pytest.raises(InputError, match='unknown joint layout'):
        skeleton.get('clinic4')
    corpus = Corpus(tmp_path / 'data', 'folder/clinic', 'train')
    assert json.loads(corpus.layout)['name'] == 'clinic4' and len(corpus[0].joints) == 60


def test_other_processes_find_it(installed, tmp_path):
    site = installed(clinic=READERS)
    code = 'import skeljax, sys; print(skeljax.read(sys.argv[1]).joints.shape)'
    paths = f'import sys; sys.path[:0] = {[str(site), *sys.path]!r}; '
    command = [sys.executable, '-c', paths + code, str(_write(tmp_path / 'walk.gait'))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == '(60, 1, 4, 3)\n', done.stderr


def test_the_longest_ending_decides_and_equal_ones_stay_with_skeljax(installed):
    installed(clinic='[skeljax.readers]\n_gait.csv = clinic_gait\n.bvh = clinic_gait\n')
    assert formats.find('a_gait.csv') == '_gait.csv' and formats.find('a.csv') == 'table'
    assert formats.find('A_GAIT.CSV') == '_gait.csv' and formats.find('a.bvh') == 'bvh'


@pytest.mark.parametrize(
    ('entries', 'expected'),
    [
        (dict(a='[skeljax.readers]\ngait = clinic_gait\n'), 'expected the ending of file names'),
        (dict(a='[skeljax.readers]\n.gait = no_such_module\n'), "'.gait' .* in a: no_such_module"),
        (dict(a='[skeljax.readers]\n.gait = clinic_gait:Nothing\n'), 'has no function read'),
        (dict(a='[skeljax.readers]\n.gait = clinic_gait:Wrong\n'), "'text', expected a Motion"),
        (
            dict(a=READERS, b='[skeljax.readers]\n.gait = clinic_gait:Wrong\n'),
            'provided by (a and by b|b and by a)',
        ),
        (dict(a='[skeljax.readers]\n.gait = clinic_gait\n'), "unknown joint layout 'clinic4'"),
        (
            dict(a=READERS.replace(':CLINIC4', ':Wrong')), 'expected a Layout of this name',
        ),
    ],
)
def test_what_is_wrong_with_a_package_is_named(installed, tmp_path, entries, expected):
    installed(**entries)
    with pytest.raises(InputError, match=expected) as error:
        skeljax.read(_write(tmp_path / 'walk.gait'))
    assert '\n' not in str(error.value)
