"""`skeljax inspect`: what it counts is what is there, prepared or raw."""

import re

import numpy as np
import pytest

from skeljax.cli import main
from skeljax.data import synthetic
from skeljax.data.corpus import Corpus


def _inspect(capsys, *arguments) -> str:
    assert main.main(['inspect', *map(str, arguments)]) == 0
    return capsys.readouterr().out


def _row(shown: str, name: str) -> list[float]:
    """Reads the numbers of the first row of this name."""
    row = next(line for line in shown.splitlines() if line.startswith(f'{name}  '))
    return [float(cell) if cell != '–' else np.nan for cell in row.removeprefix(name).split()]


@pytest.fixture(scope='module')
def raw(write_own, tmp_path_factory):
    folder = tmp_path_factory.mktemp('raw')
    return folder, write_own(folder, 6, subjects='recording,subject\nr00,a\nr01,b\nr02,c\n')


def test_a_prepared_corpus_is_counted_by_split(tiny, capsys, tmp_path):
    shown = _inspect(capsys, 'synthetic/tiny', '--data-dir', tiny, '--out', tmp_path / 'sheet.png')
    assert 'layout: ntu25 (25 joints)\nframes a second: 30\n' in shown
    assert re.search(r'in all +train +validation +test\n', shown)
    assert _row(shown, 'recordings') == [8, 2, 4] and _row(shown, 'persons at once') == [1, 1, 1]
    assert _row(shown, 'subjects') == [4, 1, 2] and _row(shown, 'joints missing, %') == [0, 0, 0]
    for column, split in enumerate(('train', 'validation', 'test')):
        corpus = Corpus(tiny, 'synthetic/tiny', split)
        minutes = corpus.lengths.sum() / 1800
        assert _row(shown, 'minutes')[column] == pytest.approx(minutes, abs=0.05)
        lengths = np.concatenate([r.segment_end - r.segment_start for r in corpus])
        share = 100 * lengths.sum() / corpus.lengths.sum()
        assert _row(shown, 'frames labelled, %')[column] == pytest.approx(share, abs=0.05)
        labels = np.concatenate([r.segment_label for r in corpus])
        for label, name in enumerate(synthetic.CLASSES):
            assert _row(shown, name)[column] == (labels == label).sum()
        segments = shown[shown.index('segment, s') :]
        assert _row(segments, 'median')[column] == pytest.approx(np.median(lengths) / 30, abs=0.05)
        assert _row(shown, 'longest')[column] == pytest.approx(corpus.lengths.max() / 30, abs=0.05)
    assert (tmp_path / 'sheet.png').read_bytes().startswith(b'\x89PNG')


def test_a_raw_folder_is_counted_and_drawn_and_its_troubles_told(raw, capsys, tmp_path):
    folder, made = raw
    (folder / 'broken.npy').write_bytes(b'nothing')
    (folder / 'photo.jpg').write_bytes(b'')
    with (folder / 'labels.csv').open('a') as file:
        file.write('broken,0,1,wave fast\n')
    shown = _inspect(capsys, folder, '--processes', 1, '--out', tmp_path / 'sheet.png')
    assert _row(shown, 'recordings') == [6]
    frames = sum(len(motion.joints) for motion, _ in made.values())
    assert _row(shown, 'minutes')[0] == pytest.approx(frames / 1800, abs=0.05)
    assert _row(shown, 'segments')[0] == sum(len(segments) for _, segments in made.values())
    assert 'left out 1 files, e.g. photo.jpg: of no known format' in shown
    assert f'damaged: {folder / "broken.npy"}: cannot be read' in shown
    assert (tmp_path / 'sheet.png').exists()


def test_a_folder_of_bare_arrays_is_read_as_told(capsys, tmp_path):
    np.save(tmp_path / 'walk.npy', np.random.default_rng(0).normal(size=(50, 25, 3)))
    arguments = ['--processes', 1, '--fps', 25, '--layout', 'ntu25']
    shown = _inspect(capsys, tmp_path, *arguments)
    assert 'layout: ntu25 (25 joints)\nframes a second: 25\n' in shown and 'damaged' not in shown


def test_missing_joints_are_counted(capsys, tmp_path):
    joints = np.ones((10, 25, 3))
    joints[:5, :5] = np.nan
    np.save(tmp_path / 'walk.npy', joints)
    shown = _inspect(
        capsys, tmp_path / 'walk.npy', '--fps', 25, '--layout', 'ntu25', '--unit', 'cm',
        '--out', tmp_path / 'a.png',
    )
    assert _row(shown, 'joints missing, %') == [10]
    assert 'frames a second: 25' in shown and 'instances' not in shown


@pytest.mark.parametrize(
    ('arguments', 'told'),
    [
        (['synthetic/none'], 'skeljax prepare synthetic/none'),
        (['EMPTY'], 'no recording, expected files ending in'),
        (['EMPTY/../bare.npy'], 'tells no frame rate'),
        (['EMPTY/../bare.npy', '--fps', '30', '--layout', 'x'], "unknown joint layout 'x'"),
        (['EMPTY/../bare.npy', '--fps', '30', '--unit', 'mile'], "unit is 'mile'"),
    ],
)
def test_what_cannot_be_inspected_is_one_line(capsys, tmp_path, arguments, told):
    (tmp_path / 'EMPTY').mkdir()
    np.save(tmp_path / 'bare.npy', np.ones((3, 25, 3)))
    arguments = [a.replace('EMPTY', str(tmp_path / 'EMPTY')) for a in arguments]
    assert main.main(['inspect', *arguments]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and said[0].startswith('skeljax inspect: ') and told in said[0]
