"""What the wheel holds: the package, and inside it the configs and builders."""

from pathlib import Path
import subprocess
import sys
import zipfile

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope='module')
def installed(tmp_path_factory):
    """The wheel, unpacked where nothing else is."""
    folder = tmp_path_factory.mktemp('wheel')
    subprocess.run(
        [sys.executable, '-m', 'pip', 'wheel', str(ROOT), '--no-deps', '--no-build-isolation',
         '--quiet', '--disable-pip-version-check', '--wheel-dir', str(folder)],
        check=True,
    )
    (wheel,) = folder.glob('skeljax-*.whl')
    with zipfile.ZipFile(wheel) as archive:
        assert len(set(archive.namelist())) == len(archive.namelist())
        archive.extractall(folder / 'site')
    return folder / 'site'


def test_configs_and_builders_are_inside(installed):
    for kept in ('configs/default.py', 'tfds_builders/ui_prmd/README.md',
                 'tfds_builders/ui_prmd/CITATIONS.bib', 'tfds_builders/ui_prmd/TAGS.txt',
                 'viz/viewer/page/page.html', 'viz/viewer/page/style.css',
                 'viz/viewer/page/app.js', 'viz/report/report.html',
                 'viz/report/report.css', 'py.typed'):
        assert (installed / 'skeljax' / kept).is_file(), kept
    for name in ('configs', 'tfds_builders'):  # the folders, not what finds them in a checkout
        assert '__path__' not in (installed / 'skeljax' / name / '__init__.py').read_text()
    packages = {p.name for p in installed.iterdir() if not p.name.endswith('.dist-info')}
    assert packages == {'skeljax'}
    (entry,) = installed.glob('*.dist-info/entry_points.txt')
    assert 'skeljax = skeljax.cli.main:main' in entry.read_text()


def test_the_command_finds_them_there(installed, tmp_path):
    code = f"""
import sys
sys.path.insert(0, {str(installed)!r})
import skeljax
assert skeljax.__file__.startswith({str(installed)!r}), skeljax.__file__
from skeljax.cli import config_args, main
assert config_args.load('ui_prmd:composed20').data.corpus == 'ui_prmd/composed20'
sys.exit(main.main(['prepare', 'synthetic/tiny', '--data-dir', {str(tmp_path / 'data')!r}]))
"""
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / 'data').rglob('report.json'))
