"""NTU RGB+D as records: motion comes back, splits are the official ones, nothing is lost unsaid."""

import itertools
import zipfile

import numpy as np
import pytest

from skeljax.cli import main
from skeljax.data import preparation
from skeljax.data.corpus import Corpus
from skeljax.data.records import GRID
from skeljax.errors import InputError
from skeljax.tfds_builders.ntu_rgbd import files, ntu_rgbd_dataset_builder
from tests import kinect_files

ZIPS = ('nturgbd_skeletons_s001_to_s017.zip', 'nturgbd_skeletons_s018_to_s032.zip')
LIST = 'NTU_RGBD_samples_with_missing_skeletons.txt'
SPLITS = ('train', 'validation', 'test')


def _name(setup, camera, subject, repetition, action) -> str:
    return f'S{setup:03}C{camera:03}P{subject:03}R{repetition:03}A{action:03}'


# Subject 1 trains, 9 validates, 3 tests; of each all actions in all views.
NAMES = [
    _name(1 + action % 17, camera, subject, 1, action)
    for subject, camera, action in itertools.product((1, 3, 9), (1, 2, 3), range(1, 61))
]


def _motion(name, persons=1):
    return kinect_files.motion(3, persons, seed=int(name[1:4] + name[9:12] + name[17:20]))


def _file(name) -> bytes:
    return kinect_files.skeleton(_motion(name))


@pytest.fixture(scope='module')
def raw(tmp_path_factory):
    """Half of the recordings in a zip, half in folders."""
    folder = tmp_path_factory.mktemp('raw')
    with zipfile.ZipFile(folder / ZIPS[0], 'w', zipfile.ZIP_DEFLATED) as archive:
        for name in NAMES[::2]:
            archive.writestr(f'nturgb+d_skeletons/{name}.skeleton', _file(name))
    (folder / 'more' / 'of it').mkdir(parents=True)
    for name in NAMES[1::2]:
        (folder / 'more' / 'of it' / f'{name}.skeleton').write_bytes(_file(name))
    return folder


def _prepare(config, raw, data, **options):
    name = f'ntu_rgbd/{config}'
    report = preparation.prepare(name, data_dir=data, manual_dir=raw, **options)
    return report, {split: list(Corpus(data, name, split)) for split in SPLITS}


def test_recordings_hold_the_motion_of_their_files(raw, tmp_path):
    report, corpus = _prepare('xsub60', raw, tmp_path, processes=2)
    assert report['skipped'] == {} and report['damaged'] == []
    assert report['layout'] == 'ntu25' and report['fps'] == 30.0 and len(report['classes']) == 60
    found = {recording.name: recording for split in SPLITS for recording in corpus[split]}
    assert sorted(found) == sorted(NAMES)
    for name, recording in found.items():
        expected = _motion(name).astype(np.float32)
        np.testing.assert_allclose(recording.joints[:, :1], expected, rtol=0, atol=0.51 * GRID)
        assert recording.joints.shape == (3, 2, 25, 3) and not recording.joints[:, 1].any()
        assert recording.person_valid.tolist() == [[True, False]] * 3
        spans = (recording.segment_start, recording.segment_end, recording.segment_label)
        assert [s.tolist() for s in spans] == [[0], [3], [int(name[17:]) - 1]]
        assert recording.subject == name[8:12] and recording.source == f'{name}.skeleton'


@pytest.mark.parametrize(
    ('config', 'train', 'validation', 'test'),
    [
        ('xsub60', 'P001', 'P009', 'P003'),
        ('xsub60_full', 'P001 P009', 'P009', 'P003'),
        ('xview60', 'C002P001 C002P003 C003P001 C003P003', 'C002P009 C003P009', 'C001'),
    ],
)
def test_splits_are_official_but_for_validation(raw, tmp_path, config, train, validation, test):
    _, corpus = _prepare(config, raw, tmp_path)
    for split, kinds in zip(SPLITS, (train, validation, test), strict=True):
        expected = [n for n in NAMES if any(kind in n[4:] for kind in kinds.split())]
        assert sorted(r.name for r in corpus[split]) == sorted(expected)
        labels = {int(label) for recording in corpus[split] for label in recording.segment_label}
        assert labels == set(range(60))


def _split(config, *numbers) -> list[str]:
    configs = {c.name: c for c in ntu_rgbd_dataset_builder.Builder.BUILDER_CONFIGS}
    clip = files.Clip(_name(*numbers), '', '')
    return ntu_rgbd_dataset_builder._splits(clip, configs[config])


def test_protocols_divide_as_published():
    assert len(ntu_rgbd_dataset_builder.TRAINING_SUBJECTS) == 53
    assert sum(s <= 40 for s in ntu_rgbd_dataset_builder.TRAINING_SUBJECTS) == 20
    assert _split('xsub120', 20, 1, 103, 1, 120) == ['train']
    assert _split('xsub120', 20, 2, 104, 1, 120) == ['test']
    assert _split('xsub120', 20, 2, 89, 1, 120) == ['validation']
    assert _split('xset120', 20, 1, 104, 1, 120) == ['train']
    assert _split('xset120', 21, 1, 103, 1, 120) == ['test']
    assert _split('xset120_full', 20, 1, 29, 1, 5) == ['train', 'validation']
    for config in ('xsub60', 'xview60', 'xsub120', 'xset120'):
        for setup, camera, subject in itertools.product(range(1, 33), (1, 2, 3), range(1, 107)):
            assert len(_split(config, setup, camera, subject, 1, 1)) == 1


def test_classes_are_those_of_120_actions():
    classes = ntu_rgbd_dataset_builder.CLASSES
    assert len(set(classes)) == 120
    named = {1: 'drink water', 43: 'falling', 60: 'walking apart from each other',
             61: 'put on headphone', 112: 'high-five',
             120: 'finger-guessing game (playing rock-paper-scissors)'}
    assert {number: classes[number - 1] for number in named} == named


@pytest.fixture
def small(tmp_path):
    """A folder of one recording of each class by each of subjects 1, 3, 9."""
    folder = tmp_path / 'raw'
    folder.mkdir()
    for subject, action in itertools.product((1, 3, 9), range(1, 61)):
        name = _name(1, 1, subject, 1, action)
        (folder / f'{name}.skeleton').write_bytes(_file(name))
    return folder


def _put(folder, name, data=None):
    (folder / f'{name}.skeleton').write_bytes(_file(name) if data is None else data)


def test_what_is_left_out_is_told(small, tmp_path):
    listed = [_name(1, 2, 1, 1, 7), _name(1, 3, 1, 2, 8)]
    for name in listed:
        _put(small, name, b'0\n')
    (small / LIST).write_text('The samples:\n\n' + '\r\n'.join([*listed, _name(5, 1, 1, 1, 1)]))
    _put(small, _name(20, 1, 1, 1, 61))
    _put(small, 'holiday', b'')
    with zipfile.ZipFile(small / ZIPS[0], 'w') as archive:
        for action in (1, 2):
            archive.writestr(f'{_name(1, 1, 1, 1, action)}.skeleton', b'not looked at')
    report, corpus = _prepare('xsub60', small, tmp_path / 'data')
    assert report['skipped'] == {
        f'2 recordings in {small / ZIPS[0]}': f'also in {small}',
        '1 files such as holiday.skeleton': 'no names like S001C001P001R001A001.skeleton',
        '1 recordings of other actions than A001 to A060': 'not in this config',
        f'2 recordings listed in {LIST}': 'their skeletons are missing or incomplete',
    }
    assert [len(corpus[split]) for split in SPLITS] == [60, 60, 60]


def test_damaged_files_are_told_or_left_out(small, tmp_path):
    bad = [small / f'{_name(1, 1, 3, 1, action)}.skeleton' for action in (5, 6)]
    bad[0].write_bytes(bad[0].read_bytes()[:3000])
    bad[1].write_bytes(b'')
    zipped = _name(1, 2, 3, 1, 7)
    with zipfile.ZipFile(small / ZIPS[1], 'w') as archive:
        archive.writestr(f'{zipped}.skeleton', _file(zipped))
    broken = (small / ZIPS[1]).read_bytes().replace(b'\n25\n', b'\n24\n')
    (small / ZIPS[1]).write_bytes(broken)
    with pytest.raises(InputError) as caught:
        _prepare('xsub60', small, tmp_path / 'data')
    told = str(caught.value).splitlines()
    assert told[0] == 'ntu_rgbd/xsub60: 3 damaged'
    starts = [f'{bad[0]}:', f'{bad[1]}: empty', f'{small / ZIPS[1]}/{zipped}.skeleton: cannot be']
    assert all(line.startswith(start) for line, start in zip(told[1:], starts, strict=True))
    report, corpus = _prepare('xsub60', small, tmp_path / 'data', on_error='skip')
    assert report['damaged'] == told[1:] and len(corpus['test']) == 58


def test_of_more_than_two_the_two_who_move_most_are_kept(small, tmp_path):
    name = _name(1, 1, 1, 1, 50)
    joints = _motion(name, 4)
    joints[:, 1] *= 1.5
    joints[:, 3] *= 2
    _put(small, name, kinect_files.skeleton(joints))
    _, corpus = _prepare('xsub60', small, tmp_path / 'data')
    (recording,) = [recording for recording in corpus['train'] if recording.name == name]
    np.testing.assert_allclose(recording.joints, joints[:, [1, 3]], atol=GRID)


@pytest.mark.parametrize(
    ('make', 'told'),
    [
        (lambda folder: (folder / 'notes.txt').write_text(''), 'no file S001C001P001R001A001'),
        (lambda folder: (folder / ZIPS[0]).write_bytes(b'PK'), f'{ZIPS[0]}: not a zip'),
        (lambda folder: _put(folder, NAMES[0]), 'none of 1 recordings is of the validation split'),
    ],
)
def test_a_folder_without_the_corpus_is_told_in_one_line(tmp_path, capsys, make, told):
    folder = tmp_path / 'raw'
    folder.mkdir()
    make(folder)
    arguments = ['--manual-dir', str(folder), '--data-dir', str(tmp_path / 'data')]
    assert main.main(['prepare', 'ntu_rgbd/xsub60', *arguments]) == 2
    (line,) = [x for x in capsys.readouterr().err.splitlines() if 'skeljax prepare:' in x]
    assert told in line
