"""A folder of one's own recordings becomes records that hold what its files and tables tell."""

import json
import shutil

import numpy as np
import pytest

from skeljax.cli import main, prepare
from skeljax.data import corpus, preparation, synthetic
from skeljax.data.corpus import Corpus
from skeljax.data.records import GRID
from skeljax.errors import InputError
from skeljax.skeletons import skeleton

SPLITS = ('train', 'validation', 'test')
SUBJECTS = 'recording,subject\n' + ''.join(f'r{n:02},p{n // 2}\n' for n in range(20))


def _prepare(raw, data_dir, name='folder/own', **more):
    return preparation.prepare(name, data_dir=data_dir, manual_dir=raw, **more)


def _read(data_dir, name='folder/own') -> dict:
    found = {}
    for split in corpus.splits(data_dir, name):
        found |= {r.name: (split, r) for r in Corpus(data_dir, name, split)}
    return found


def _segments(recording) -> list[tuple[int, int, int]]:
    spans = (recording.segment_start, recording.segment_end, recording.segment_label)
    return list(zip(*(span.tolist() for span in spans), strict=True))


@pytest.fixture(scope='module')
def mixed(write_own, tmp_path_factory):
    """A prepared folder of tables and arrays, what was written, and what was reported."""
    folder = tmp_path_factory.mktemp('mixed')
    made = write_own(folder / 'raw', 14, subjects=SUBJECTS.rpartition('r14')[0])
    report = _prepare(folder / 'raw', folder / 'data')
    return folder, made, report


def test_the_records_hold_the_motion_and_the_segments_that_were_written(mixed):
    folder, made, _ = mixed
    read = _read(folder / 'data')
    assert read.keys() == made.keys()
    classes = Corpus(folder / 'data', 'folder/own', 'train').classes
    assert classes == tuple(sorted(synthetic.CLASSES))
    for name, (_, recording) in read.items():
        motion, segments = made[name]
        np.testing.assert_allclose(recording.joints, motion.joints, rtol=0, atol=GRID)
        told = [(s, e, classes.index(synthetic.CLASSES[label])) for s, e, label in segments]
        assert _segments(recording) == told
        assert recording.layout == 'ntu25' and recording.fps == 30
        assert recording.joint_valid.all() and recording.person_valid.all()


def test_nobody_is_in_two_splits_and_training_shows_every_class(mixed):
    folder, _, report = mixed
    read = _read(folder / 'data')
    people = [{r.subject for s, r in read.values() if s == split} for split in SPLITS]
    assert [len(some) for some in people] == [5, 1, 1]
    assert len(set.union(*people)) == 7
    assert min(report['splits']['train']['classes'].values()) > 0


def test_building_again_with_two_processes_gives_the_same(mixed, tmp_path):
    folder, _, report = mixed
    assert _prepare(folder / 'raw', tmp_path, processes=2) == report
    for name, (split, recording) in _read(tmp_path).items():
        assert split == _read(folder / 'data')[name][0]
        np.testing.assert_array_equal(recording.joints, _read(folder / 'data')[name][1].joints)


def test_a_folder_gives_its_name_and_two_folders_do_not_meet(mixed, tmp_path, write_own, capsys):
    folder, _, _ = mixed
    write_own(tmp_path / 'my walks!', 4)
    for raw in (folder / 'raw', tmp_path / 'my walks!'):
        arguments = ['--manual-dir', str(raw), '--data-dir', str(tmp_path / 'd')]
        assert main.main(['prepare', 'folder', *arguments, '--processes', '1']) == 0
    assert sorted(p.name for p in (tmp_path / 'd' / 'folder').iterdir()) == ['my_walks', 'raw']
    assert len(_read(tmp_path / 'd', 'folder/raw')) == 14


def test_without_labels_there_are_no_classes(tmp_path, write_own):
    made = write_own(tmp_path / 'raw', 4, labels=None)
    report = _prepare(tmp_path / 'raw', tmp_path / 'data')
    assert report['classes'] == [] and len(_read(tmp_path / 'data')) == len(made)
    assert 'recordings' in prepare.describe(report)


def test_tables_decide_on_splits_and_classes(tmp_path, write_own):
    names = ['r00', 'r01', 'r02', 'r04', 'r05', 'r06', 'r07']
    splits = ''.join(f'{name},{"train" if name > "r00" else "test"}\n' for name in names)
    write_own(
        tmp_path / 'raw', 8, splits=f'recording,split\n{splits}',
        corpus={'classes': list(synthetic.CLASSES)},
    )
    report = _prepare(tmp_path / 'raw', tmp_path / 'data')
    assert sorted(report['splits']) == ['test', 'train']
    assert report['classes'] == list(synthetic.CLASSES)
    assert report['skipped'] == {
        '1 recordings, e.g. r03': 'in no split',
        'split validation': 'no recording is in it; splits.csv defines splits',
    }
    train = {r.name for r in Corpus(tmp_path / 'data', 'folder/own', 'train')}
    assert train == set(names[1:])


def test_options_tell_what_arrays_do_not_and_resample(tmp_path, write_own):
    told = {'fps': 30, 'layout': 'ntu25', 'resample': 15, 'unit': 'cm'}
    made = write_own(tmp_path / 'raw', 4, formats=('npy',), corpus=told)
    _prepare(tmp_path / 'raw', tmp_path / 'data')
    for name, (_, recording) in _read(tmp_path / 'data').items():
        motion, segments = made[name]
        assert recording.fps == 15
        np.testing.assert_allclose(
            recording.joints, motion.joints[::2] / 100, rtol=0, atol=GRID
        )
        starts = [s for s, _, _ in _segments(recording)]
        assert starts == [-(-s // 2) for s, _, _ in segments]


def test_persons_are_slots_for_all_and_can_be_limited(tmp_path, write_own):
    made = write_own(tmp_path / 'raw', 4)
    both = np.concatenate([made['r01'][0].joints, made['r01'][0].joints + 1], 1)
    np.savez(tmp_path / 'raw' / 'r01.npz', joints=both, fps=30, layout='ntu25')
    _prepare(tmp_path / 'raw', tmp_path / 'data')
    read = _read(tmp_path / 'data')
    assert {r.joints.shape[1] for _, r in read.values()} == {2}
    assert read['r01'][1].person_valid.all() and not read['r00'][1].person_valid[:, 1].any()
    (tmp_path / 'raw' / 'corpus.json').write_text('{"persons": 1}')
    _prepare(tmp_path / 'raw', tmp_path / 'data', name='folder/alone')
    assert {r.joints.shape[1] for _, r in _read(tmp_path / 'data', 'folder/alone').values()} == {1}


def _damaged(raw, how):
    if how == 'rate':
        np.savez(raw / 'r01.npz', joints=np.ones((1600, 25, 3)), fps=60, layout='ntu25')
    elif how == 'layout':
        np.savez(raw / 'r01.npz', joints=np.ones((800, 22, 3)), fps=30, layout='uiprmd22')
    elif how == 'name':
        shutil.copy(raw / 'r01.npz', raw / 'r00.npz')
    elif how == 'label':
        with (raw / 'labels.csv').open('a') as file:
            file.write('r01,900,901,wave fast\n')
    elif how == 'file':
        (raw / 'r01.npz').write_bytes(b'PK')


@pytest.mark.parametrize(
    ('how', 'told'),
    [
        ('rate', ['r00.csv has 30 frames per second', 'r01.npz 60', '"resample": 30']),
        ('layout', ['r00.csv has the joints of ntu25', 'r01.npz of uiprmd22', '"remap": NAME']),
        ('name', ['r00.csv', 'r00.npz', "two recordings of one name, 'r00'"]),
        ('label', ['labels.csv:', '900 to 901 s, but the recording ends after']),
        ('file', ['r01.npz: cannot be read']),
    ],
)
def test_what_does_not_fit_is_one_line_and_nothing_is_left(tmp_path, write_own, capsys, how, told):
    write_own(tmp_path / 'raw', 4)
    _damaged(tmp_path / 'raw', how)
    arguments = ['--manual-dir', str(tmp_path / 'raw'), '--data-dir', str(tmp_path / 'data')]
    assert main.main(['prepare', 'folder/own', *arguments, '--processes', '1']) == 2
    said = [li for li in capsys.readouterr().err.splitlines() if li.startswith('skeljax prepare: ')]
    assert len(said) == 1 and all(part in said[0] for part in told), said
    assert not list((tmp_path / 'data').iterdir())


def test_damaged_recordings_can_be_left_out(tmp_path, write_own):
    write_own(tmp_path / 'raw', 6)
    _damaged(tmp_path / 'raw', 'file')
    report = _prepare(tmp_path / 'raw', tmp_path / 'data', on_error='skip')
    assert len(_read(tmp_path / 'data')) == 5
    assert len(report['damaged']) == 1 and 'r01.npz: cannot be read' in report['damaged'][0]


def test_every_row_that_cannot_be_is_told_and_its_recordings_can_be_left_out(tmp_path, write_own):
    write_own(tmp_path / 'raw', 6)
    table = tmp_path / 'raw' / 'labels.csv'
    rows = len(table.read_text().splitlines())
    with table.open('a') as file:
        file.write('r01,3,2,wave fast\nr02,0,1,\nr01,900,901,wave fast\n')
    with pytest.raises(InputError) as caught:
        _prepare(tmp_path / 'raw', tmp_path / 'data')
    expected = [f'{table}:{rows + line}: ' for line in (1, 2, 3)]
    heading, *told = str(caught.value).splitlines()
    assert heading.endswith('3 damaged') and len(told) == 3
    assert all(line.startswith(where) for line, where in zip(sorted(told), expected))
    report = _prepare(tmp_path / 'raw', tmp_path / 'data', on_error='skip')
    assert len(report['damaged']) == 3
    assert _read(tmp_path / 'data').keys() == {'r00', 'r03', 'r04', 'r05'}


@pytest.mark.parametrize('name', ['folder/', 'folder/my walks', 'folder/../x', 'folder/a/b'])
def test_a_name_that_is_none_is_told(tmp_path, name):
    with pytest.raises(InputError, match='expected folder/NAME'):
        _prepare(tmp_path, tmp_path / 'data', name=name)


def test_another_layout_is_asked_for(tmp_path, write_own):
    write_own(tmp_path / 'raw', 4, corpus={'remap': 'uiprmd22'})
    _prepare(tmp_path / 'raw', tmp_path / 'data')
    made = Corpus(tmp_path / 'data', 'folder/own', 'train')
    assert made.layout == 'uiprmd22' and made.num_joints == 22
    # ntu25 knows no toes and no collars: these are guessed.
    assert 0.5 < made[0].joint_valid.mean() < 1


def test_a_recording_that_cannot_be_mapped_is_told_by_its_file(tmp_path, write_own):
    write_own(tmp_path / 'raw', 4, corpus={'remap': 'uiprmd22'})
    (tmp_path / 'raw' / 'dot.csv').write_text('time,A_x,A_y\n0,1,2\n0.1,1,2\n')
    with (tmp_path / 'raw' / 'labels.csv').open('a') as labels:
        labels.write('dot,,,\n')
    with pytest.raises(InputError, match='dot.csv: layout table cannot be mapped to uiprmd22'):
        _prepare(tmp_path / 'raw', tmp_path / 'data')


def test_bvh_files_are_read_with_their_own_skeleton(tmp_path, write_own):
    made = write_own(tmp_path / 'raw', 4, formats=('bvh',))
    _prepare(tmp_path / 'raw', tmp_path / 'data')
    names = skeleton.get('ntu25').joints
    for name, (_, recording) in _read(tmp_path / 'data').items():
        order = [skeleton.get(recording.layout).joints.index(joint) for joint in names]
        motion, segments = made[name]
        np.testing.assert_allclose(recording.joints[:, :, order], motion.joints, rtol=0, atol=5e-4)
        assert [s for s, _, _ in _segments(recording)] == [s for s, _, _ in segments]


def test_a_vertical_is_told_for_all_or_guessed_and_reported(tmp_path, write_own):
    made = write_own(tmp_path / 'raw', 4, formats=('npy',), corpus={'fps': 30, 'layout': 'ntu25'})
    turned = lambda joints: np.stack([joints[..., 2], joints[..., 0], joints[..., 1]], -1)
    for name, (motion, _) in made.items():
        np.save(tmp_path / 'raw' / f'{name}.npy', turned(motion.joints))
    guessed = _prepare(tmp_path / 'raw', tmp_path / 'data')
    assert len(guessed['notes']) == 1
    assert guessed['notes'][0].startswith('r00 and 3 more: z is assumed to be up')
    assert f'note: {guessed["notes"][0]}' in prepare.describe(guessed)
    told = {'fps': 30, 'layout': 'ntu25', 'up': 'z'}
    (tmp_path / 'raw' / 'corpus.json').write_text(json.dumps(told))
    assert _prepare(tmp_path / 'raw', tmp_path / 'data', name='folder/told')['notes'] == []
    for name in ('folder/own', 'folder/told'):
        for recording, (_, read) in _read(tmp_path / 'data', name).items():
            expected = made[recording][0].joints
            np.testing.assert_allclose(read.joints, expected, rtol=0, atol=GRID)


def test_a_folder_of_openposes_frames_is_a_recording(tmp_path):
    points = np.random.default_rng(0).normal(300, 50, (8, 25, 2)).round(1)
    for name in ('walk', 'run', 'hop'):
        (tmp_path / 'raw' / name).mkdir(parents=True)
        for frame, some in enumerate(points):
            flat = np.concatenate([some, np.full((25, 1), 0.9)], 1)
            flat[4, 2] = frame != 3
            person = {'person_id': [-1], 'pose_keypoints_2d': flat.ravel().tolist()}
            path = tmp_path / 'raw' / name / f'{name}_{frame:012}_keypoints.json'
            path.write_text(json.dumps({'version': 1.3, 'people': [person]}))
    (tmp_path / 'raw' / 'corpus.json').write_text('{"fps": 25, "unit": 0.001}')
    _prepare(tmp_path / 'raw', tmp_path / 'data')
    read = _read(tmp_path / 'data')
    assert read.keys() == {'walk', 'run', 'hop'}
    for _, recording in read.values():
        assert recording.layout == 'openpose25' and recording.fps == 25
        seen = recording.joint_valid[:, 0]
        assert np.argwhere(~seen).tolist() == [[3, 4]]
        expected = points * [0.001, -0.001]
        flat = recording.joints[:, 0, :, :2]
        np.testing.assert_allclose(flat[seen], expected[seen], rtol=0, atol=GRID)
