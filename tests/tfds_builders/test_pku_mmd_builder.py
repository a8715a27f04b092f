"""PKU-MMD as records: motion and segments come back, views of a take stay in one split."""

import hashlib

import numpy as np
import pytest

from skeljax.data import preparation
from skeljax.data.corpus import Corpus
from skeljax.data.records import GRID
from skeljax.errors import InputError
from skeljax.formats import pku
from skeljax.tfds_builders.pku_mmd import files, pku_mmd_dataset_builder
from tests import kinect_files

SPLITS = ('train', 'validation', 'test')
FRAMES = 160


def _validates(take: str) -> bool:
    """Follows the README: one take in ten."""
    digest = hashlib.sha256(f'skeljax-1/pku_mmd/{take}'.encode()).hexdigest()
    return int(digest[:16], 16) % 10 == 0


# Takes of which every fourth is for testing; among the others are some that validate.
TAKES = {1: [f'{n:04}' for n in range(2, 26)], 2: [f'A{n:02}N01' for n in range(1, 25)]}
TESTED = {part: takes[::4] for part, takes in TAKES.items()}


def _videos(takes, views='LMR') -> list[str]:
    return [f'{take}-{view}' for take in takes for view in views]


def _motion(video):
    number = int(video.replace('A', '9').replace('N', '').split('-')[0])
    return kinect_files.motion(FRAMES, 1 + number % 2, seed=number)


def _labels(video) -> str:
    """Three frames of every class."""
    return '\n'.join(f'{c},{3 * c},{3 * c + 3},2' for c in range(1, 52)) + '\n'


def _list(training, testing) -> str:
    return f'Training videos: \n{", ".join(training)}, \nValidataion videos: \n{", ".join(testing)}'


def _tree(folder, part, *, videos=None):
    """Writes one part as its archives unpack."""
    data = folder / 'Data' / ('PKU_Skeleton_Renew' if part == 1 else 'PKU_Skeleton_v2')
    labels = folder / 'Label' / ('Train_Label_PKU_final' if part == 1 else 'Labels_v2')
    for path in (data, labels, folder / 'Split'):
        path.mkdir(parents=True, exist_ok=True)
    for video in _videos(TAKES[part]) if videos is None else videos:
        (data / f'{video}.txt').write_bytes(kinect_files.table(_motion(video)))
        (labels / f'{video}.txt').write_text(_labels(video))
    others = [take for take in TAKES[part] if take not in TESTED[part]]
    names = {1: 'cross-{}.txt', 2: 'cross_{}_v2.txt'}[part]
    by_subject = _list(_videos(others), _videos(TESTED[part]))
    by_view = _list(_videos(TAKES[part], 'MR'), _videos(TAKES[part], 'L'))
    (folder / 'Split' / names.format('subject')).write_text(by_subject)
    (folder / 'Split' / names.format('view')).write_text(by_view)
    return data, labels


@pytest.fixture(scope='module')
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp('raw')
    for part in (1, 2):
        _tree(folder, part)
    (folder / 'Actions.txt').write_text('1 bow\n')
    return folder


def _prepare(config, raw, data, **options):
    name = f'pku_mmd/{config}'
    report = preparation.prepare(name, data_dir=data, manual_dir=raw, **options)
    return report, {split: list(Corpus(data, name, split)) for split in SPLITS}


@pytest.mark.parametrize('part', [1, 2])
def test_cross_subject_records_hold_the_motion_and_actions_of_their_files(raw, tmp_path, part):
    report, corpus = _prepare(f'part{part}_xsub', raw, tmp_path)
    assert report['skipped'] == {} and report['damaged'] == []
    assert tuple(report['classes']) == pku.CLASSES and len(pku.CLASSES) == 51
    others = [take for take in TAKES[part] if take not in TESTED[part]]
    expected = {
        'train': _videos(take for take in others if not _validates(take)),
        'validation': _videos(take for take in others if _validates(take)),
        'test': _videos(TESTED[part]),
    }
    for split in SPLITS:
        assert sorted(r.name for r in corpus[split]) == sorted(expected[split]), split
        for recording in corpus[split]:
            joints = _motion(recording.name).astype(np.float32)
            persons = joints.shape[1]
            np.testing.assert_allclose(
                recording.joints[:, :persons], joints, rtol=0, atol=0.51 * GRID
            )
            assert recording.person_valid.all(0).tolist() == [True, persons == 2]
            assert recording.segment_start.tolist() == list(range(3, 156, 3))
            assert recording.segment_end.tolist() == list(range(6, 159, 3))
            assert recording.segment_label.tolist() == list(range(51))


def test_part_two_may_lack_classes_and_part_one_may_not(tmp_path):
    for part in (1, 2):
        _tree(tmp_path / 'raw', part)
        for path in (tmp_path / 'raw' / 'Label').rglob('*.txt'):  # without class 12
            path.write_text(path.read_text().replace('12,36,39,2\n', ''))
    with pytest.raises(InputError, match="class 'giving something to other person' without"):
        _prepare('part1_xsub', tmp_path / 'raw', tmp_path / 'data')
    report, _ = _prepare('part2_xsub', tmp_path / 'raw', tmp_path / 'data')
    assert tuple(report['classes']) == pku.CLASSES
    told = {"class 'giving something to other person'": 'without examples in training'}
    assert report['skipped'] == told


def test_cross_view_divides_by_camera_and_validates_by_take(raw, tmp_path):
    _, corpus = _prepare('part1_xview', raw, tmp_path)
    names = {split: {r.name for r in corpus[split]} for split in SPLITS}
    held = [take for take in TAKES[1] if _validates(take)]
    assert names['test'] == set(_videos(TAKES[1], 'L'))
    assert names['validation'] == set(_videos(held, 'MR'))
    assert names['train'] == set(_videos(TAKES[1], 'MR')) - names['validation']


def test_full_training_has_all_that_the_list_names(raw, tmp_path):
    _, corpus = _prepare('part2_xsub_full', raw, tmp_path)
    others = [take for take in TAKES[2] if take not in TESTED[2]]
    assert {r.name for r in corpus['train']} == set(_videos(others))
    assert {r.name for r in corpus['validation']} < set(_videos(others))


def test_every_protocol_has_a_config_of_its_own_frame_base():
    configs = {c.name: c for c in pku_mmd_dataset_builder.Builder.BUILDER_CONFIGS}
    names = {f'part{part}_{way}{full}' for part in (1, 2) for way in ('xsub', 'xview')
             for full in ('', '_full')}
    assert set(configs) == names | {f'{name}_base1' for name in names}
    assert all(c.frame_base == name.endswith('_base1') for name, c in configs.items())
    job = pku_mmd_dataset_builder.Job('0002-L', None, None, 1, 'somewhere')
    with pytest.raises(InputError, match='^somewhere: no skeletons of video 0002-L, which a list'):
        pku_mmd_dataset_builder._make(job)


def test_the_frame_base_moves_the_start(tmp_path):
    data, labels = _tree(tmp_path, 1, videos=['0002-L'])
    for base, start in ((0, 3), (1, 2)):
        job = pku_mmd_dataset_builder.Job(
            '0002-L', data / '0002-L.txt', labels / '0002-L.txt', base, str(tmp_path)
        )
        (recording,) = pku_mmd_dataset_builder._make(job)
        assert (recording.segment_start[0], recording.segment_end[0]) == (start, 6)


def test_damage_is_told_video_by_video_or_left_out(tmp_path):
    raw = tmp_path / 'raw'
    data, labels = _tree(raw, 1)
    (labels / '0003-L.txt').write_text('9,20,10,2\n1,1,5,2\n52,5,900,1\n')
    (data / '0003-M.txt').write_bytes((data / '0003-M.txt').read_bytes()[:-200])
    (labels / '0003-R.txt').unlink()
    with pytest.raises(InputError) as caught:
        _prepare('part1_xsub', raw, tmp_path / 'data')
    heading, *told = str(caught.value).splitlines()
    assert heading == 'pku_mmd/part1_xsub: 3 damaged'
    bad = labels / '0003-L.txt'
    expected = {
        f'{bad}:1: start 20 and end 10, expected the start before the end; '
        f'{bad}:3: class 52, expected 1 to 51; '
        f'{bad}:3: end 900, expected at most {FRAMES}, the frames of the video',
        f'{raw}: no labels of video 0003-R, which a list names',
    }
    assert expected < set(told)
    (rest,) = set(told) - expected
    assert rest.startswith(f'{data / "0003-M.txt"}:{FRAMES}: ') and 'expected 150' in rest
    report, corpus = _prepare('part1_xsub', raw, tmp_path / 'data', on_error='skip')
    assert sorted(report['damaged']) == sorted(told)
    assert not {'0003-L', '0003-M', '0003-R'} & {r.name for r in corpus['train']}


def test_overlaps_are_kept_and_told_and_strangers_left_out(tmp_path):
    raw = tmp_path / 'raw'
    data, labels = _tree(raw, 1)
    (labels / '0003-L.txt').write_text(_labels('') + '7,100,120,2\n')
    (data / '0999-L.txt').write_bytes(kinect_files.table(_motion('0999-L')))
    (data / 'copy').mkdir()
    (data / 'copy' / '0002-L.txt').write_bytes(b'not looked at')
    report, corpus = _prepare('part1_xsub', raw, tmp_path / 'data')
    later = ','.join(map(str, [*range(34, 40), 52]))
    told = f'frame labels of the actions that {labels / "0003-L.txt"}:{later} overlap'
    assert report['skipped'] == {
        f'{data / "copy" / "0002-L.txt"}': f'also in {data}',
        f'1 videos such as {data / "0999-L.txt"}': f'not listed in {raw}/Split/cross-subject.txt',
        told: 'a frame has the label of the later; all segments are kept',
    }
    (recording,) = [r for r in corpus['train'] if r.name == '0003-L']
    assert len(recording.segment_label) == 52
    assert (100, 120, 6) in zip(
        recording.segment_start, recording.segment_end, recording.segment_label, strict=True
    )


def test_lists_are_told_apart_by_what_they_name(tmp_path):
    _tree(tmp_path, 1, videos=['0002-L'])
    wrong = tmp_path / 'Split' / 'cross_subject_v1.txt'  # as one release misnames them
    wrong.write_text(_list(_videos(TAKES[2][1:]), _videos(TAKES[2][:1])))
    path, split = files.split(files.find(tmp_path, 1), tmp_path, 1, 'subject')
    assert path.name == 'cross-subject.txt' and split.validation == tuple(_videos(TESTED[1]))
    with pytest.raises(InputError, match=r'no list cross-view.txt .* videos such as A01N01-L'):
        files.split(files.find(tmp_path, 1), tmp_path, 2, 'view')
    (tmp_path / 'Split' / 'cross_subject_other.txt').write_text(_list(['0002-L'], ['0003-L']))
    with pytest.raises(InputError, match='list other videos, expected one of them'):
        files.split(files.find(tmp_path, 1), tmp_path, 1, 'subject')


def test_a_folder_without_skeletons_is_told(tmp_path):
    _tree(tmp_path, 1, videos=[])
    with pytest.raises(InputError, match='no skeleton file 0002-L.txt or the like$'):
        _prepare('part1_xsub', tmp_path, tmp_path / 'data')
