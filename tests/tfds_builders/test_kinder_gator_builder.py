"""Kinder-Gator's records: counted, composed as the README defines, split by person."""

import hashlib

import numpy as np
import pytest

import skeljax
from skeljax.data import preparation
from skeljax.data.corpus import Corpus
from skeljax.data.records import GRID
from skeljax.errors import InputError
from skeljax.formats import kinder_gator
from skeljax.tfds_builders.kinder_gator import kinder_gator_dataset_builder as builder
from tests import first_kinect

NAME = 'kinder_gator/composed58'
CHILDREN = {103, 106, 169, 290, 337, 342, 474, 595, 644, 723}
ADULTS = {565, 577, 604, 734, 876, 888, 921, 934, 970, 976}
SPLITS = ('train', 'validation', 'test')


@pytest.fixture(scope='module')
def composed(real_data, tmp_path_factory) -> dict[str, Corpus]:
    folder = tmp_path_factory.mktemp('composed')
    preparation.prepare(NAME, data_dir=folder, manual_dir=real_data / 'kinder_gator')
    return {split: Corpus(folder, NAME, split) for split in SPLITS}


@pytest.mark.parametrize(
    ('split', 'recordings', 'segments', 'frames'),
    [('train', 48, 695, 125840), ('validation', 8, 116, 23500), ('test', 24, 348, 61368)],
)
def test_the_splits_are_as_large_as_published(composed, split, recordings, segments, frames):
    corpus = composed[split]
    assert len(corpus) == recordings and corpus.lengths.sum() == frames
    labels = np.concatenate([recording.segment_label for recording in corpus])
    counts = np.bincount(labels, minlength=58)
    people = {'train': 12, 'validation': 2, 'test': 6}[split]
    assert len(labels) == segments and set(np.delete(counts, 21)) == {people}
    assert corpus.classes[21] == 'jump as high as you can'
    assert counts[21] == people - (split == 'train')
    assert (corpus.layout, corpus.fps) == ('kinect20', 30.0)


def test_all_frames_are_those_of_the_trials_and_of_transitions(composed):
    recordings = [recording for corpus in composed.values() for recording in corpus]
    frames = sum(len(recording.joints) for recording in recordings)
    assert frames == 194523 + 15 * (1159 - 80)
    for recording in recordings:
        gaps = recording.segment_start[1:] - recording.segment_end[:-1]
        assert (gaps == 15).all() and recording.segment_start[0] == 0
        assert recording.segment_end[-1] == len(recording.joints)
        last = {'p565': 12}.get(recording.subject, 13)
        expected = last if recording.name.endswith('r03') else 15
        assert len(recording.segment_label) == expected, recording.name


def test_joints_do_not_jump_in_a_transition(composed):
    fastest = sideways = 0.0
    for recording in composed['train']:
        steps = np.diff(recording.joints[:, 0], axis=0)
        for end, start in zip(recording.segment_end[:-1], recording.segment_start[1:], strict=True):
            path = steps[end - 1 : start]  # with the steps into and out of the transition
            fastest = max(fastest, np.linalg.norm(path, axis=-1).max())
            sideways = max(sideways, np.abs(path[:, 0, [0, 2]]).max())
    # Meters a frame at 30 Hz; the hip center only sinks or rises.
    assert sideways <= 2 * GRID and fastest < 0.35


# What follows is written from the builder's README alone.


def _h(*words) -> int:
    return int(hashlib.sha256('/'.join(map(str, words)).encode()).hexdigest()[:16], 16)


@pytest.mark.parametrize('person', [565, 474, 723])
def test_recordings_follow_the_readme_frame_for_frame(composed, real_data, person):
    by_name = {r.name: r for corpus in composed.values() for r in corpus}
    files = {}
    for path in (real_data / 'kinder_gator').rglob(f'POSE-p{person}_*'):
        files[path.name.split('-', 2)[2].rpartition('-')[0]] = path
    seed = f'skeljax-1/composed58/p{person}'
    order = sorted(files, key=lambda action: (_h(seed, 'order', action), action))
    parts = [order[:15], order[15:30], order[30:45], order[45:]]
    own = [f'composed58_p{person}_r{number:02}' for number in range(4)]
    assert sorted(name for name in by_name if f'_p{person}_' in name) == own
    for name, part in zip(own, parts, strict=True):
        expected, segments = None, []
        for action in part:
            joints = skeljax.read(files[action]).joints[:, 0].astype(np.float64)
            if expected is None:
                expected = joints
            else:
                shift = (expected[-1, 0] - joints[0, 0]) * [1, 0, 1]
                joints = joints + shift
                w = (1 - np.cos(np.pi * np.arange(1, 16) / 16)) / 2
                w = w[:, None, None]
                between = (1 - w) * expected[-1] + w * joints[0]
                expected = np.concatenate([expected, between, joints])
            label = kinder_gator.ACTIONS.index(action)
            segments.append((len(expected) - len(joints), len(expected), label))
        found = by_name[name]
        spans = (found.segment_start, found.segment_end, found.segment_label)
        assert [tuple(map(int, row)) for row in zip(*spans, strict=True)] == segments
        # Records hold coordinates to the nearest multiple of GRID.
        np.testing.assert_allclose(found.joints[:, 0], expected, rtol=0, atol=0.51 * GRID)
        assert found.joint_valid.all() and found.subject == f'p{person}'


# Splits.


@pytest.mark.parametrize('fold', range(5))
def test_people_are_in_one_split_and_every_split_has_children_and_adults(fold):
    people = [person for split in SPLITS for person in builder.SPLITS[fold][split]]
    assert sorted(people) == sorted(CHILDREN | ADULTS)
    for split in SPLITS:
        own = set(builder.SPLITS[fold][split])
        assert own & CHILDREN and own & ADULTS


def test_every_person_is_tested_in_one_fold():
    tested = [person for fold in (1, 2, 3, 4) for person in builder.SPLITS[fold]['test']]
    assert sorted(tested) == sorted(CHILDREN | ADULTS)
    for fold in (1, 2, 3, 4):
        assert len(builder.SPLITS[fold]['test']) == 5
        assert len(builder.SPLITS[fold]['validation']) == 2


# A small tree of short trials, each a body that moves along x.


def _joints(person: int, action: str) -> np.ndarray:
    """Returns three frames of a body whose place depends on person and action."""
    rest = np.linspace(0, 1.5, 60).reshape(20, 3)
    place = kinder_gator.ACTIONS.index(action) / 64
    path = np.arange(3)[:, None, None] * [1 / 32, 0, 0]
    return rest + [place, person / 1024, 3] + path


def _tree(root, *, leave_out=(), people=CHILDREN | ADULTS, ending=''):
    for person in people:
        group = 'Children' if person in CHILDREN else 'Adults'
        for number, action in enumerate(kinder_gator.ACTIONS, 1):
            if (person, action) not in {*leave_out, (565, 'Jump-as-high-as-you-can')}:
                text = first_kinect.trial(_joints(person, action), person, action)
                first_kinect.write(_path(root / group, person, number, action, ending), text)
    return root


def _path(folder, person, number, action, ending=''):
    return folder / f'POSE-p{person}_{number:02}-{action}-14550000{number:05}.csv{ending}'


def test_two_trials_are_joined_as_computed_by_hand(tmp_path):
    found = []
    for number, action in enumerate(('Bow', 'Swim'), 1):
        text = first_kinect.trial(_joints(106, action), 106, action)
        path = first_kinect.write(_path(tmp_path, 106, number, action), text)
        found.append(kinder_gator.Trial(106, number, action, path))
    (made,) = builder._make(builder.Job('x', found))
    first, second = _joints(106, 'Bow'), _joints(106, 'Swim')
    second = second - [(28 - 4) / 64 - 2 / 32, 0, 0]  # actions 4 and 28; Bow ends 2 / 32 further
    np.testing.assert_allclose(made.joints[:3, 0], first, atol=1e-6)
    np.testing.assert_allclose(made.joints[18:, 0], second, atol=1e-6)
    assert len(made.joints) == 3 + 15 + 3
    # Halfway, in frame 7 of the transition, the weight is 1/2; in its first frame 0.0096.
    np.testing.assert_allclose(made.joints[3 + 7, 0], (first[-1] + second[0]) / 2, atol=1e-6)
    weight = (1 - np.cos(np.pi / 16)) / 2
    early = (1 - weight) * first[-1] + weight * second[0]
    np.testing.assert_allclose(made.joints[3, 0], early, atol=1e-6)
    spans = (made.segment_start, made.segment_end, made.segment_label)
    assert [list(map(int, row)) for row in zip(*spans, strict=True)] == [[0, 3, 4], [18, 21, 28]]
    assert made.source == 'p106_01-Bow p106_02-Swim'


def test_trials_and_folds_of_plain_and_gzipped_files(tmp_path):
    raw = _tree(tmp_path / 'raw', people=CHILDREN, ending='.gz')
    _tree(raw, people=ADULTS)
    data = tmp_path / 'data'
    report = preparation.prepare('kinder_gator/trials', data_dir=data, manual_dir=raw)
    expected = "person 565: no trial of 'Jump-as-high-as-you-can'"
    assert report['skipped'] == {expected: 'not in the corpus'}
    assert [s['segments'] for s in report['splits'].values()] == [695, 116, 348]
    assert [s['recordings'] for s in report['splits'].values()] == [695, 116, 348]
    recording = {r.name: r for r in Corpus(data, 'kinder_gator/trials', 'test')}['trial_p106_Bow']
    np.testing.assert_allclose(recording.joints[:, 0], _joints(106, 'Bow'), atol=0.51 * GRID)
    assert (recording.segment_start.tolist(), recording.segment_end.tolist()) == ([0], [3])
    name = f'{NAME}_fold3'
    report = preparation.prepare(name, data_dir=data, manual_dir=raw)
    subjects = {split: counted['subjects'] for split, counted in report['splits'].items()}
    assert subjects['test'] == ['p106', 'p169', 'p565', 'p734', 'p970']
    assert subjects['validation'] == ['p290', 'p577'] and len(subjects['train']) == 13
    names = [recording.name for recording in Corpus(data, name, 'validation')]
    assert sorted(names) == [f'composed58_p{p}_r{n:02}' for p in (290, 577) for n in range(4)]


def test_all_damaged_files_are_listed_or_left_out(tmp_path):
    raw, data = _tree(tmp_path / 'raw'), tmp_path / 'data'
    short = _path(raw / 'Children', 106, 5, 'Bow')
    short.write_text(short.read_text().replace(',106,Bow,', ',Bow,'))
    other = _path(raw / 'Adults', 577, 1, 'Raise-your-hand')
    other.write_text(other.read_text().replace(',577,', ',578,'))
    expected = [
        f'{other}: rows of p578, expected p577',
        f'{short}:2: 63 columns, expected 64',
    ]
    with pytest.raises(InputError) as caught:
        preparation.prepare(NAME, data_dir=data, manual_dir=raw)
    assert str(caught.value).splitlines() == [f'{NAME}: 2 damaged', *expected]
    assert not list(data.rglob('*'))
    report = preparation.prepare(NAME, data_dir=data, manual_dir=raw, on_error='skip')
    assert report['damaged'] == expected
    assert report['splits']['test']['recordings'] == 22


def test_trials_that_are_missing_are_named(tmp_path):
    raw = _tree(
        tmp_path / 'raw',
        people=(CHILDREN | ADULTS | {999}) - {474},
        leave_out={(970, 'Swim'), (103, 'Bow')},
    )
    with pytest.raises(InputError) as caught:
        preparation.prepare(NAME, data_dir=tmp_path / 'data', manual_dir=raw)
    assert str(caught.value).splitlines() == [
        "person 103: no trial of 'Bow'", 'person 474: no trial', "person 970: no trial of 'Swim'",
    ]
