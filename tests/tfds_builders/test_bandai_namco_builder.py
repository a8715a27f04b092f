"""Bandai Namco's motions: split by style, joined as their README defines."""

import gzip
import hashlib
import itertools
import json

import numpy as np
import pytest

from skeljax import formats
from skeljax.data import preparation
from skeljax.data.corpus import Corpus
from skeljax.data.records import GRID
from skeljax.errors import InputError
from skeljax.skeletons import skeleton
from skeljax.tfds_builders.bandai_namco import bandai_namco_dataset_builder as builder

SPLITS = ('train', 'validation', 'test')
LAYOUT = skeleton.get('bandai22')


def _prepared(folder, raw, name, **options) -> dict[str, Corpus]:
    preparation.prepare(name, data_dir=folder, manual_dir=raw, **options)
    return {split: Corpus(folder, name, split) for split in SPLITS}


@pytest.fixture(scope='module', params=[1, 2])
def real(request, real_data, tmp_path_factory):
    """The number of a dataset and its corpora."""
    folder, raw = tmp_path_factory.mktemp('bandai'), real_data / 'bandai_namco'
    names = [f'bandai_namco/{kind}{request.param}' for kind in ('clips', 'composed')]
    return request.param, *(_prepared(folder, raw, name) for name in names)


def test_no_style_is_in_two_splits_and_every_class_in_each(real):
    number, clips, composed = real
    styles = {}
    for split in SPLITS:
        assert clips[split].classes == builder.CONTENTS[number]
        assert (clips[split].layout, clips[split].fps) == ('bandai22', 30.0)
        styles[split] = {recording.name.split('_')[2] for recording in clips[split]}
        assert styles[split] == {recording.name.split('_')[1] for recording in composed[split]}
        for corpus in (clips[split], composed[split]):
            labels = np.concatenate([recording.segment_label for recording in corpus])
            assert (np.bincount(labels, minlength=10) > 0).all()
    assert not any(styles[a] & styles[b] for a, b in itertools.combinations(SPLITS, 2))


def test_no_rest_pose_of_training_is_one_of_testing(real, real_data):
    """The README's reason for the splits: the hierarchies of their clips differ."""
    number, clips, _ = real
    files = {p.stem: p for p in (real_data / 'bandai_namco').rglob(f'dataset-{number}_*.bvh')}
    poses = {
        split: {files[r.name].read_text().partition('MOTION')[0] for r in clips[split]}
        for split in SPLITS
    }
    assert not poses['train'] & (poses['validation'] | poses['test'])
    assert number == 1 or not poses['validation'] & poses['test']


def test_a_clip_is_its_file_with_the_root_below_the_hips(real, real_data):
    number, clips, _ = real
    for recording in itertools.islice(clips['test'], 0, None, 9):
        label = int(recording.segment_label[0])
        assert recording.name.split('_')[1] == builder.CONTENTS[number][label]
        assert (recording.segment_start, recording.segment_end) == (0, len(recording.joints))
        (path,) = (real_data / 'bandai_namco').rglob(f'{recording.name}.bvh')
        joints, read = recording.joints[:, 0], formats.read(path).joints[:, 0]
        np.testing.assert_allclose(joints[:, 1:], read[:, 1:], rtol=0, atol=0.51 * GRID)
        np.testing.assert_allclose(joints[:, 0], read[:, 1] * [1, 0, 1], rtol=0, atol=0.51 * GRID)


# What follows on composed recordings is written from the builder's README alone.


def _h(*words) -> int:
    return int(hashlib.sha256('/'.join(map(str, words)).encode()).hexdigest()[:16], 16)


def test_every_clip_is_joined_once_with_the_pauses_of_the_readme(real):
    number, clips, composed = real
    for split in SPLITS:
        used = [name for recording in composed[split] for name in recording.source.split()]
        assert sorted(used) == sorted(recording.name for recording in clips[split])
        for recording in composed[split]:
            parts, style = recording.source.split(), recording.name.split('_')[1]
            seed = f'skeljax-1/composed{number}/{style}'
            assert 8 <= len(parts) <= 16 and (np.diff(recording.segment_label) != 0).all()
            names = [builder.CONTENTS[number][label] for label in recording.segment_label]
            assert names == [part.split('_')[1] for part in parts]
            gaps = recording.segment_start[1:] - recording.segment_end[:-1]
            expected = [10 + _h(seed, 'pause', *pair) % 36 for pair in itertools.pairwise(parts)]
            assert gaps.tolist() == expected
            assert recording.segment_start[0] == 0
            assert recording.segment_end[-1] == len(recording.joints)


def test_the_first_clip_of_a_style_has_the_lowest_number(real):
    number, clips, composed = real
    by_style = {}
    for split in SPLITS:
        for recording in clips[split]:
            by_style.setdefault(recording.name.split('_')[2], []).append(recording.name)
    firsts = {r.name.split('_')[1]: r for split in SPLITS for r in composed[split]
              if r.name.endswith('_r00')}
    assert firsts.keys() == by_style.keys()
    for style, names in by_style.items():
        seed = f'skeljax-1/composed{number}/{style}'
        lowest = min(names, key=lambda name: _h(seed, 'order', name))
        assert firsts[style].source.split()[0] == lowest


def test_a_segment_is_its_clip_moved_as_a_whole_and_nobody_leaps(real):
    _, clips, composed = real
    by_name = {recording.name: recording for recording in clips['test']}
    recording = composed['test'][1]
    spans = zip(recording.segment_start, recording.segment_end, strict=True)
    for name, (start, end) in zip(recording.source.split(), spans, strict=True):
        before, after = by_name[name].joints[:, 0], recording.joints[start:end, 0]
        np.testing.assert_allclose(after[..., 1], before[..., 1], rtol=0, atol=2 * GRID)
        from_start = lambda joints: np.linalg.norm(joints - joints[:1, :1], axis=-1)
        np.testing.assert_allclose(from_start(after), from_start(before), rtol=0, atol=3 * GRID)
    for recording in composed['test']:
        steps = np.linalg.norm(np.diff(recording.joints[:, 0], axis=0), axis=-1)
        for end, start in zip(recording.segment_end[:-1], recording.segment_start[1:], strict=True):
            assert steps[end - 1 : start, 1].max() < 0.03  # meters a frame: hips
            assert steps[end - 1 : start].max() < 0.3


# A small tree of still bodies.


def _bvh(shift=0.0) -> str:
    children = [[c for p, c in LAYOUT.bones if p == joint] for joint in range(22)]
    offsets = [[0, 0, 0], [shift, 90, 0]] + [[10, 5, joint] for joint in range(2, 22)]
    lines = ['HIERARCHY']

    def joint(index):
        names = ' '.join([*(f'{a}position' for a in 'XYZ'), *(f'{a}rotation' for a in 'ZXY')])
        lines.extend([f'{"JOINT" if index else "ROOT"} {LAYOUT.joints[index]}', '{'])
        lines.extend(['OFFSET 0 0 0', f'CHANNELS 6 {names}'])
        for child in children[index]:
            joint(child)
        lines.append('}')

    joint(0)
    row = ' '.join(' '.join(map(str, [*offset, 0, 0, 0])) for offset in offsets)
    return '\n'.join([*lines, 'MOTION', 'Frames: 3', 'Frame Time: 0.0333333', *[row] * 3, ''])


def _tree(root, *, styles=None, contents=builder.CONTENTS[2], copies=1):
    folder = root / 'dataset' / 'set-2'
    (folder / 'data').mkdir(parents=True)
    (folder / 'cfg').mkdir()
    known = [*builder.CONTENTS[2], 'jump']
    names = [*itertools.chain(*builder.STYLES[2].values()), 'sleepy']
    for kind, listed in (('content', known), ('style', names)):
        text = '\n'.join(f'dataset-2_{name}' for name in listed)
        (folder / 'cfg' / f'{kind}_label.txt').write_text(text)
    for content, style, copy in itertools.product(contents, styles or names[:-1], range(copies)):
        path = folder / 'data' / f'dataset-2_{content}_{style}_{copy + 1:03}.bvh'
        path.write_text(_bvh())
        label = {'content': known.index(content), 'style': names.index(style)}
        path.with_suffix('.json').write_text(json.dumps(label))
    return folder / 'data'


def test_clips_of_other_contents_and_styles_are_told(tmp_path):
    contents = [*builder.CONTENTS[2], 'jump']
    _tree(tmp_path / 'raw', styles=['active', 'feminine', 'normal', 'sleepy'], contents=contents)
    name = 'bandai_namco/clips2'
    report = preparation.prepare(name, data_dir=tmp_path / 'data', manual_dir=tmp_path / 'raw')
    assert report['skipped'] == {
        "4 clips 'jump'": 'not performed in every style',
        "10 clips in style 'sleepy'": 'in no split',
    }
    assert [report['splits'][split]['recordings'] for split in SPLITS] == [10, 10, 10]


def test_a_packed_clip_is_read_and_a_plain_one_beside_it_comes_first(tmp_path):
    data = _tree(tmp_path / 'raw')
    packed, both = sorted(data.glob('*_run_active_*.bvh')) + sorted(data.glob('*_run_normal_*.bvh'))
    packed.with_name(f'{packed.name}.gz').write_bytes(gzip.compress(_bvh(5).encode()))
    packed.unlink()
    both.with_name(f'{both.name}.gz').write_bytes(gzip.compress(_bvh(5).encode()))
    corpora = _prepared(tmp_path / 'data', tmp_path / 'raw', 'bandai_namco/clips2')
    found = {r.name: r.joints[0, 0, 1] for split in SPLITS for r in corpora[split]}
    assert len(found) == 70
    np.testing.assert_allclose(found[packed.stem], [0.05, 0.9, 0], atol=GRID)
    np.testing.assert_allclose(found[both.stem], [0, 0.9, 0], atol=GRID)


def test_a_style_with_too_few_clips_is_told_and_left_out_of_the_composed(tmp_path):
    data = _tree(tmp_path / 'raw')
    for path in sorted(data.glob('*_exhausted_*.bvh'))[:3]:
        path.unlink()
    report = preparation.prepare(
        'bandai_namco/composed2', data_dir=tmp_path / 'data', manual_dir=tmp_path / 'raw'
    )
    (why,) = report['skipped'].values()
    assert list(report['skipped']) == ['style exhausted'] and '7 repetitions' in why
    assert [report['splits'][split]['recordings'] for split in SPLITS] == [2, 2, 2]


def test_a_clip_in_a_second_folder_is_told(tmp_path):
    data = _tree(tmp_path / 'raw')
    first = next(data.glob('*_walk_active_*.bvh'))
    second = tmp_path / 'raw' / 'twice' / first.name
    second.parent.mkdir()
    second.write_text(_bvh(5))
    options = {'data_dir': tmp_path / 'data', 'manual_dir': tmp_path / 'raw'}
    told = f'{second}: a clip again, as in {first}'
    with pytest.raises(InputError) as caught:
        preparation.prepare('bandai_namco/clips2', **options)
    assert str(caught.value) == told
    report = preparation.prepare('bandai_namco/clips2', **options, on_error='skip')
    assert report['damaged'] == [told]
    assert report['splits']['train']['recordings'] == 30


def test_damage_is_told_by_file(tmp_path):
    data = _tree(tmp_path / 'raw')
    bad = next(data.glob('*_walk_active_*.bvh'))
    bad.write_text(_bvh().replace('0.0333333', '0.01'))
    other = next(data.glob('*_run_youthful_*.bvh'))
    other.write_text(_bvh().replace('Toes_R', 'Toe_R'))
    with pytest.raises(InputError) as caught:
        preparation.prepare(
            'bandai_namco/clips2', data_dir=tmp_path / 'data', manual_dir=tmp_path / 'raw'
        )
    assert str(caught.value).splitlines()[1:] == [
        f'{other}: 30 fps of layout bvh, expected 30 of bandai22',
        f'{bad}: 100 fps of layout bandai22, expected 30 of bandai22',
    ]


@pytest.mark.parametrize(
    ('label', 'told'),
    [
        ('', ':1: no JSON'),
        ('[' * 100000, ': no JSON'),
        *[
            (label, ': no labels as expected: {"content": 0 to 10')
            for label in ('[1, 2]', '{"content": 1}', '{"content": -1, "style": 0}',
                          '{"content": 99, "style": 0}', '{"content": "walk", "style": 0}')
        ],
    ],
)
def test_labels_that_name_nothing_are_told(tmp_path, label, told):
    data = _tree(tmp_path / 'raw')
    path = next(data.glob('*_walk_active_*.json'))
    path.write_text(label)
    with pytest.raises(InputError) as caught:
        preparation.prepare(
            'bandai_namco/clips2', data_dir=tmp_path / 'data', manual_dir=tmp_path / 'raw'
        )
    assert str(caught.value).startswith(f'{path}{told}')


def test_missing_labels_and_an_empty_folder_are_told(tmp_path):
    (tmp_path / 'raw').mkdir()
    (tmp_path / 'raw' / 'x').write_text('')
    options = {'data_dir': tmp_path / 'data', 'manual_dir': tmp_path / 'raw'}
    with pytest.raises(InputError, match='no dataset-2_CONTENT_STYLE_ID.bvh below it'):
        preparation.prepare('bandai_namco/clips2', **options)
    data = _tree(tmp_path / 'raw')
    path = next(data.glob('*_walk_active_*.json'))
    path.unlink()
    with pytest.raises(InputError, match=f'^{path}: cannot be read'):
        preparation.prepare('bandai_namco/clips2', **options)
