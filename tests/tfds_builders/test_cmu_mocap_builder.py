"""CMU's routines: labels to segments, splits by subject, any trial for pretraining."""

import numpy as np
import pytest

from skeljax import formats
from skeljax.cli import prepare
from skeljax.data import preparation
from skeljax.data.corpus import Corpus
from skeljax.data.records import GRID
from skeljax.errors import FormatError, InputError
from skeljax.skeletons import skeleton
from skeljax.tfds_builders.cmu_mocap import cmu_mocap_dataset_builder as builder

SPLITS = {'train': ['13_29', '13_31'], 'validation': ['13_30'], 'test': ['14_14', '14_20']}


@pytest.fixture(scope='module')
def routines(real_data, tmp_path_factory):
    """The report and the corpora."""
    folder, name = tmp_path_factory.mktemp('cmu'), 'cmu_mocap/routines'
    report = preparation.prepare(name, data_dir=folder, manual_dir=real_data / 'cmu_mocap')
    return report, {split: Corpus(folder, name, split) for split in SPLITS}


def test_subjects_do_not_meet_in_training_and_test(routines):
    report, corpora = routines
    for split, trials in SPLITS.items():
        assert sorted(recording.name for recording in corpora[split]) == trials
        assert {r.subject for r in corpora[split]} == {trials[0][:2]}
        assert (corpora[split].layout, corpora[split].fps) == ('cmu31', 120.0)
    assert report['skipped'] == {'labels of trial 14_06': 'its motion is not there'}
    for split in ('train', 'test'):
        assert all(report['splits'][split]['classes'][name] for name in builder.CLASSES)


def test_every_frame_is_labelled_as_its_tenth_of_a_second(routines, real_data):
    frames = 0
    for corpus in routines[1].values():
        for index, recording in enumerate(corpus):
            path = real_data / 'cmu_mocap' / 'truelabels' / f'{recording.name}.txt'
            tenths = np.array(path.read_text().split(), int)
            numbers = tenths[np.arange(len(recording.joints)) // 12]
            expected = np.where(numbers <= 6, numbers - 1, 6)  # 6 is the background
            np.testing.assert_array_equal(corpus.labels(index), expected)
            frames += len(recording.joints)
    assert frames == 19371


def test_a_recording_is_its_file(routines, real_data):
    recording = next(iter(routines[1]['validation']))
    joints = formats.read(real_data / 'cmu_mocap' / 'amc' / '13_30.amc.gz').joints
    np.testing.assert_allclose(recording.joints, joints, rtol=0, atol=0.51 * GRID)


# A small tree of still bodies.


def _tree(root, trials, labels=()):
    layout = skeleton.get('cmu31')
    lines = [':units', 'length 0.45', 'angle deg', ':root', 'order TX TY TZ RX RY RZ', ':bonedata']
    for name in layout.joints[1:]:
        lines += ['begin', f'name {name}', 'direction 0 1 0', 'length 1', 'axis 0 0 0 XYZ', 'end']
    lines += [':hierarchy']
    lines += [f'{layout.joints[parent]} {layout.joints[child]}' for parent, child in layout.bones]
    for name, frames in trials.items():
        folder = root / 'subjects' / name.partition('_')[0]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f'{folder.name}.asf').write_text('\n'.join(lines))
        rows = (f'{frame}\nroot 0 0 0 0 0 0\n' for frame in range(1, frames + 1))
        (folder / f'{name}.amc').write_text(':DEGREES\n' + ''.join(rows))
    for name, text in dict(labels).items():
        (root / f'{name}.txt').write_text(text)
    return root


ALL_SIX = ' '.join(map(str, range(1, 7)))


def _segments(tmp_path, text: str, frames: int) -> list:
    path = tmp_path / '13_01.txt'
    path.write_text(text)
    return builder._segments(path, frames)


@pytest.mark.parametrize(
    ('text', 'frames', 'segments'),
    [
        ('1 1 2', 36, [(0, 24, 1), (24, 36, 2)]),
        ('1 1 2', 25, [(0, 24, 1), (24, 25, 2)]),
        ('1 0 1\n', 36, [(0, 12, 1), (24, 36, 1)]),
        ('0 0', 24, []),
        ('3 3 9', 24, [(0, 24, 3)]),  # one more than the frames need
        ('0.5 1.0 2\n', 600, [(60, 120, 2)]),
        ('1 2 12', 600, [(120, 240, 12)]),
        ('0.1 0.2 Jog\n\n0.05 0.1 5\n0.3 0.4 0', 60, [(6, 12, 5), (12, 24, 2)]),
        ('0 5.1 1', 601, [(0, 601, 1)]),
    ],
)
def test_labels_come_by_the_tenth_of_a_second_or_by_the_segment(tmp_path, text, frames, segments):
    assert _segments(tmp_path, text, frames) == segments


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', ': empty, expected labels'),
        ('1 2', ':1: 2 labels, expected 5 for 60 frames'),
        ('1 2 3 4 5 6 1', ':1: 7 labels, expected 5 for 60 frames'),
        ('1 2 3 4 13', ":1: '13' is no exercise, expected 0 to 12"),
        ('1 2 3 4 -1', ":1: '-1' is no exercise, expected 0 to 12"),
        ('0 0.1 1\n0.2 1', ':2: 2 words, expected start end exercise'),
        ('0 0.1 1\n0.2 x 1', ":2: 'x', expected a number"),
        ('0 0.1 1\n0.2 0.2 1', ':2: 0.2 to 0.2 s is not inside 0 to 0.5 s'),
        ('0 0.1 1\n-0.1 0.2 1', ':2: -0.1 to 0.2 s is not inside 0 to 0.5 s'),
        ('0 0.1 1\n0 0.7 1', ':2: 0 to 0.7 s is not inside 0 to 0.5 s'),
        ('0 0.1 1\n0 0.2 Hop', ":2: 'Hop' is no exercise, expected 0 to 12"),
    ],
)
def test_labels_that_cannot_be_are_told(tmp_path, text, message):
    with pytest.raises(FormatError) as caught:
        _segments(tmp_path, text, 60)
    assert str(caught.value) == f'{tmp_path / "13_01.txt"}{message}'


def test_what_is_not_used_is_told(tmp_path):
    trials = {'13_01': 72, '13_02': 20, '14_01': 24, '02_01': 24}
    labels = {'13_01': ALL_SIX, '14_01': '7 2', '14_02': '1', 'read_me': 'hello'}
    raw = _tree(tmp_path / 'raw', trials, labels)
    report = preparation.prepare('cmu_mocap/routines', data_dir=tmp_path / 'data', manual_dir=raw)
    assert report['skipped'] == {
        'labels of trial 14_02': 'its motion is not there',
        '2 trials': 'without labels',
    }
    counts = {split: (s['recordings'], s['segments']) for split, s in report['splits'].items()}
    assert counts == {'train': (1, 6), 'test': (1, 1)}


def test_all_takes_every_trial_without_labels(tmp_path):
    trials = {'13_29': 72, '13_30': 20, '14_01': 24, '02_01': 24}
    raw = _tree(tmp_path / 'raw', trials, {'13_29': ALL_SIX})
    name = 'cmu_mocap/all'
    report = preparation.prepare(name, data_dir=tmp_path / 'data', manual_dir=raw)
    found = {
        split: {recording.name for recording in Corpus(tmp_path / 'data', name, split)}
        for split in report['splits']
    }
    assert found == {'train': {'13_29', '02_01'}, 'validation': {'13_30'}, 'test': {'14_01'}}
    assert report['classes'] == [] and report['splits']['train']['segments'] == 0
    assert 'recordings' in prepare.describe(report)


def test_a_trial_or_its_labels_in_a_second_folder_are_told(tmp_path):
    trials, labels = {'13_01': 72, '14_01': 72}, {'13_01': ALL_SIX, '14_01': ALL_SIX}
    raw = _tree(tmp_path / 'raw', trials, labels)
    _tree(raw / 'twice', {'13_01': 72}, {'14_01': ALL_SIX})
    options = {'data_dir': tmp_path / 'data', 'manual_dir': raw}
    told = [
        f'{raw}/twice/14_01.txt: trial 14_01 again, as in {raw}/14_01.txt',
        f'{raw}/twice/subjects/13/13_01.amc: trial 13_01 again, '
        f'as in {raw}/subjects/13/13_01.amc',
    ]
    with pytest.raises(InputError) as caught:
        preparation.prepare('cmu_mocap/routines', **options)
    assert str(caught.value).splitlines()[1:] == told
    report = preparation.prepare('cmu_mocap/routines', **options, on_error='skip')
    assert report['damaged'] == told
    assert [report['splits'][split]['recordings'] for split in ('train', 'test')] == [1, 1]


def test_a_folder_without_a_trial_for_training_is_told(tmp_path):
    raw = _tree(tmp_path / 'raw', {'14_01': 24})
    with pytest.raises(InputError, match='no trial for training below it'):
        preparation.prepare('cmu_mocap/all', data_dir=tmp_path / 'data', manual_dir=raw)


@pytest.mark.parametrize('on_error', ['fail', 'skip'])
def test_another_skeleton_is_told_though_no_recording_is_left(tmp_path, on_error):
    raw = _tree(tmp_path / 'raw', {'02_01': 24})
    path = raw / 'subjects' / '02' / '02.asf'
    path.write_text(path.read_text().replace('rthumb', 'rtail'))
    with pytest.raises(InputError) as caught:
        preparation.prepare(
            'cmu_mocap/all', data_dir=tmp_path / 'data', manual_dir=raw, on_error=on_error
        )
    assert str(caught.value).splitlines() == [
        'a split without a recording',
        f'{path}: bones other than those of cmu31',
    ]
    assert not list((tmp_path / 'data').rglob('*'))
