"""`skeljax inspect`: what it counts is what is there, prepared or raw."""

import re
import subprocess
import sys

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
    assert 'layout: ntu25 (25 joints)\nframes per second: 30\n' in shown
    assert re.search(r'total +train +validation +test\n', shown)
    assert _row(shown, 'recordings') == [8, 2, 4] and _row(shown, 'persons at once') == [1, 1, 1]
    assert _row(shown, 'subjects') == [4, 1, 2] and _row(shown, 'joints missing, %') == [0, 0, 0]
    for column, split in enumerate(('train', 'validation', 'test')):
        corpus = Corpus(tiny, 'synthetic/tiny', split)
        minutes = corpus.lengths.sum() / 1800
        assert _row(shown, 'minutes')[column] == pytest.approx(minutes, abs=0.05)
        lengths = np.concatenate([r.segment_end - r.segment_start for r in corpus])
        share = 100 * lengths.sum() / corpus.lengths.sum()
        assert _row(shown, 'frames labeled, %')[column] == pytest.approx(share, abs=0.05)
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
    assert 'layout: ntu25 (25 joints)\nframes per second: 25\n' in shown and 'damaged' not in shown


def _three(folder):
    """Writes a body in meters with y up, in millimeters, and with z up."""
    motion, _ = synthetic.recording(1, 'train', 0, 0, actions=4, noise=0.0)
    joints = motion.joints[:60]
    lying = np.stack([joints[..., 0], -joints[..., 2], joints[..., 1]], -1)
    told = {'fps': 30.0, 'layout': 'ntu25'}
    for name, some in (('good', joints), ('large', joints * 1000), ('lying', lying)):
        np.savez(folder / f'{name}.npz', joints=some, **told)
    return joints


def test_each_file_is_described_with_what_was_guessed(capsys, tmp_path):
    height = np.ptp(_three(tmp_path)[..., 1], axis=-1)
    shown = _inspect(capsys, tmp_path, '--processes', 1).splitlines()[:7]
    tall = f'{np.quantile(height, 0.95):.3g} m tall'
    about = 'arrays, layout ntu25 (25 joints, of the file), 60 frames at 30 fps, 1 person'
    assert shown[0] == f'good: {about}, {tall}, y is up'
    assert shown[1] == f'large: {about}, {tall}, y is up'
    assert shown[2].startswith('  note: the unit is assumed to be mm: a body is ')
    assert shown[3] == f'lying: {about}, {tall}, y is up'
    assert shown[4].startswith('  note: z is assumed to be up')
    assert shown[5] == ''


def test_what_was_told_is_not_guessed_and_what_is_odd_is_marked(capsys, tmp_path):
    _three(tmp_path)
    (tmp_path / 'corpus.json').write_text('{"unit": "m", "up": "y"}')
    shown = _inspect(capsys, tmp_path, '--processes', 1)
    assert 'note:' not in shown and shown.count('  odd: ') == 2
    assert re.search(r'\n  odd: a body of 1,\d{3} m\nlying: .*, z is up\n  odd: z is up\n', shown)
    one = _inspect(capsys, tmp_path / 'lying.npz', '--up', 'z', '--layout', 'ntu25')
    assert ', y is up\n' in one and 'odd' not in one and '(25 joints, given)' in one
    flipped = _inspect(capsys, tmp_path / 'lying.npz', '--up=-z')
    assert ', -y is up\n  odd: -y is up\n' in flipped


def test_of_many_files_some_are_listed_and_all_that_are_odd(capsys, tmp_path):
    joints = _three(tmp_path)
    for name in ('large', 'lying'):
        (tmp_path / f'{name}.npz').rename(tmp_path / f'z_{name}.npz')
    for number in range(23):
        np.savez(tmp_path / f'a{number:02}.npz', joints=joints, fps=30.0, layout='ntu25')
    shown = _inspect(capsys, tmp_path, '--processes', 1, '--unit', 'm')
    files = [line.split(':')[0] for line in shown.splitlines() if 'arrays, layout' in line]
    assert files == [*(f'a{n:02}' for n in range(20)), 'z_large']
    assert '... and 5 more files without oddities; --all lists them' in shown
    every = _inspect(capsys, tmp_path, '--processes', 1, '--all')
    assert every.count('arrays, layout') == 26 and 'files more' not in every


def test_missing_joints_are_counted(capsys, tmp_path):
    joints = np.ones((10, 25, 3))
    joints[:5, :5] = np.nan
    np.save(tmp_path / 'walk.npy', joints)
    shown = _inspect(
        capsys, tmp_path / 'walk.npy', '--fps', 25, '--layout', 'ntu25', '--unit', 'cm',
        '--out', tmp_path / 'a.png',
    )
    assert _row(shown, 'joints missing, %') == [10]
    assert 'frames per second: 25' in shown and 'instances' not in shown


def test_a_reader_of_the_output_that_stops_ends_it_quietly(tmp_path):
    """As `| head -1` does: no traceback, and the status of a closed pipe."""
    _three(tmp_path)
    command = [sys.executable, '-m', 'skeljax', 'inspect', str(tmp_path / 'good.npz')]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    running.stdout.close()
    with running.stderr:
        assert running.stderr.read() == b''
    assert running.wait() == 141


@pytest.mark.parametrize(
    ('arguments', 'told'),
    [
        (['synthetic/none'], 'skeljax prepare synthetic/none'),
        (['EMPTY'], 'no recording, expected files ending in'),
        (['EMPTY/../bare.npy'], 'no frame rate'),
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
