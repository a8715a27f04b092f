"""PRECOG's records: counted, every label kept but stray ones, split by person and by order."""

import itertools

import numpy as np
import pytest

import skeljax
from skeljax.data import preparation
from skeljax.data.corpus import Corpus
from skeljax.data.records import GRID
from skeljax.errors import InputError
from skeljax.formats import precog
from tests import first_kinect

CONFIGS = ('default', 'fold1', 'fold2', 'fold3', 'fold4', 'orders')
SPLITS = ('train', 'validation', 'test')
# Classes of each sequence of actions, from 1 as the files number them.
ORDERS = {
    1: (1, 2, 5, 6, 3), 2: (1, 6, 2, 5, 3), 3: (1, 4, 6, 7, 3),
    4: (7, 2, 5, 6, 4), 5: (7, 5, 1, 4, 6), 6: (7, 5, 3, 8, 6),
}


@pytest.fixture(scope='module')
def real(real_data, tmp_path_factory) -> dict[str, Corpus]:
    folder, name = tmp_path_factory.mktemp('precog'), 'precog/default'
    preparation.prepare(name, data_dir=folder, manual_dir=real_data / 'precog')
    return {split: Corpus(folder, name, split) for split in SPLITS}


def test_the_corpus_is_as_large_as_published(real):
    assert [len(real[split]) for split in SPLITS] == [40, 6, 24]
    assert [real[split].lengths.sum() for split in SPLITS] == [9360, 1765, 7659]
    counts = [
        np.bincount(np.concatenate([r.segment_label for r in real[split]])).tolist()
        for split in SPLITS
    ]
    assert counts == [
        [27, 19, 27, 20, 33, 40, 27, 7], [4, 3, 4, 3, 5, 6, 4, 1], [16, 12, 16, 12, 20, 24, 16, 4]
    ]
    assert np.sum(counts) == 350
    assert {(corpus.layout, corpus.fps) for corpus in real.values()} == {('kinect20', 25.0)}


def test_a_recording_has_the_five_actions_of_its_sequence_where_the_file_says(real, real_data):
    for recording in (recording for corpus in real.values() for recording in corpus):
        sequence = int(recording.name[3])
        found = [label + 1 for label in recording.segment_label]
        assert tuple(found) == ORDERS[sequence], recording.name
        path = real_data / 'precog' / 'CSV' / f'{recording.name}.csv.gz'
        motion, labels = precog.read_labeled(path)
        np.testing.assert_allclose(recording.joints, motion.joints, rtol=0, atol=0.51 * GRID)
        shown = np.zeros(len(labels), int)
        for start, end, label in zip(
            recording.segment_start, recording.segment_end, recording.segment_label, strict=True
        ):
            shown[start:end] = label + 1
        stray = {'Seq1_10': 2, 'Seq6_3': 4}.get(recording.name, 0)
        assert (shown != labels).sum() == stray and not shown[shown != labels].any()


# Recordings of six runs of five or more frames, which the person and the sequence move.


def _recording(sequence: int, person: int):
    rest = np.linspace(0, 1.5, 60).reshape(20, 3) + [person / 16, sequence / 16, 3]
    labels = np.repeat([0, *ORDERS[sequence], 0], [3, 5, 6, 7, 5, 5, 2])
    return rest + np.arange(len(labels))[:, None, None] * [1 / 64, 0, 0], labels


def _tree(root, *, leave_out=(), ending=''):
    for sequence, person in itertools.product(range(1, 7), range(1, 13)):
        if (sequence, person) not in leave_out:
            text = first_kinect.sequence(*_recording(sequence, person))
            first_kinect.write(root / 'CSV' / f'Seq{sequence}_{person}.csv{ending}', text)
    return root


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """Returns the data directory and the report of each config, of gzipped files."""
    folder = tmp_path_factory.mktemp('made')
    raw = _tree(folder / 'raw', ending='.gz')
    report = lambda name: preparation.prepare(
        f'precog/{name}', data_dir=folder / 'data', manual_dir=raw
    )
    return folder / 'data', {name: report(name) for name in CONFIGS}


def _names(data, config) -> dict[str, list[str]]:
    return {split: [r.name for r in Corpus(data, f'precog/{config}', split)] for split in SPLITS}


def _people(names) -> set[int]:
    return {int(name.partition('_')[2]) for name in names}


def test_records_hold_what_the_files_say(made):
    for recording in Corpus(made[0], 'precog/default', 'validation'):
        joints, labels = _recording(int(recording.name[3]), 9)
        np.testing.assert_allclose(recording.joints[:, 0], joints, rtol=0, atol=0.51 * GRID)
        assert recording.segment_start.tolist() == [3, 8, 14, 21, 26]
        assert recording.segment_end.tolist() == [8, 14, 21, 26, 31]
        assert (recording.segment_label + 1).tolist() == labels[recording.segment_start].tolist()
        assert recording.subject == 's09' and recording.joint_valid.all()


@pytest.mark.parametrize('config', CONFIGS)
def test_a_person_is_in_one_split_and_frozen_recordings_are_in_none(made, config):
    names = _names(made[0], config)
    people = [_people(names[split]) for split in SPLITS]
    assert sorted(itertools.chain(*people)) == list(range(1, 13))
    assert not {'Seq2_10', 'Seq4_10'} & {*itertools.chain(*names.values())}
    if config != 'orders':
        assert sum(map(len, names.values())) == 70
    assert made[1][config]['skipped']['Seq2_10'] == 'every row is the same'


def test_every_person_is_tested_in_one_fold(made):
    folds = [_names(made[0], f'fold{fold}') for fold in (1, 2, 3, 4)]
    tested = [_people(names['test']) for names in folds]
    assert tested == [{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {10, 11, 12}]
    assert [_people(names['validation']) for names in folds] == [{12}, {3}, {6}, {9}]
    assert sum(len(names['test']) for names in folds) == 70


def test_orders_of_the_test_split_are_new_to_the_others(made):
    names = _names(made[0], 'orders')
    sequences = {split: {int(name[3]) for name in names[split]} for split in SPLITS}
    assert sequences == {'train': {2, 3, 5, 6}, 'validation': {2, 3, 5, 6}, 'test': {1, 4}}
    assert [_people(names[split]) for split in SPLITS[1:]] == [{9}, {3, 6, 8, 11}]
    assert [len(names[split]) for split in SPLITS] == [27, 4, 8]
    why = 'sequences that this split does not have'
    assert made[1]['orders']['skipped'] == {
        'Seq2_10': 'every row is the same',
        'Seq4_10': 'every row is the same',
        '13 recordings of people of the train split': why,
        '2 recordings of people of the validation split': why,
        '16 recordings of people of the test split': why,
    }


def test_all_damaged_files_are_listed_or_left_out(tmp_path):
    raw, data = _tree(tmp_path / 'raw'), tmp_path / 'data'
    joints, labels = _recording(1, 1)
    frozen, strange = raw / 'CSV' / 'Seq1_1.csv', raw / 'CSV' / 'Seq6_3.csv'
    frozen.write_text(first_kinect.sequence(0 * joints, labels))
    strange.write_text(strange.read_text()[:-2] + '9\n')
    expected = [
        f'{frozen}: every row is the same, expected a motion',
        f"{strange}:34: label '9', expected 0 to 8",
    ]
    with pytest.raises(InputError) as caught:
        preparation.prepare('precog/default', data_dir=data, manual_dir=raw)
    assert str(caught.value).splitlines() == ['precog/default: 2 damaged', *expected]
    report = preparation.prepare('precog/default', data_dir=data, manual_dir=raw, on_error='skip')
    assert report['damaged'] == expected
    assert [split['recordings'] for split in report['splits'].values()] == [39, 6, 23]


def test_recordings_that_are_missing_are_named(tmp_path):
    raw = _tree(tmp_path / 'raw', leave_out={(1, 12), (6, 3)})
    with pytest.raises(InputError) as caught:
        preparation.prepare('precog/fold2', data_dir=tmp_path / 'data', manual_dir=raw)
    assert str(caught.value) == 'no recording Seq1_12\nno recording Seq6_3'
    text = first_kinect.sequence(*_recording(1, 12))
    for name in ('Seq1_12.csv', 'Seq6_3.csv', 'Seq7_1.csv', 'Seq1_13.csv'):
        first_kinect.write(raw / name, text)
    report = preparation.prepare('precog/fold2', data_dir=tmp_path / 'data', manual_dir=raw)
    assert report['skipped']['Seq7_1'] == report['skipped']['Seq1_13'] == 'in no split'
    assert skeljax.read(raw / 'Seq7_1.csv').subject == 's01'
