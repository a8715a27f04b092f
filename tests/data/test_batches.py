"""Batches: a function of their number alone; every stretch once an epoch; padding told."""

import dataclasses
import itertools
import json

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax.data import corpus
from skeljax.data.batches import Batches, window
from skeljax.data.records import Recording
from skeljax.errors import InputError


@dataclasses.dataclass
class _Counted:
    """A corpus whose x coordinate is the recording's number, y the frame, label the frame."""

    lengths: tuple
    name: str = 'counted'
    split: str = 'train'

    def __post_init__(self):
        self.lengths = np.array(self.lengths, int)

    def __len__(self):
        return len(self.lengths)

    def __getitem__(self, index) -> Recording:
        frames = int(self.lengths[index])
        joints = np.zeros((frames, 1, 2, 3), np.float32)
        joints[..., 0], joints[..., 1] = index, np.arange(frames)[:, None, None]
        valid = np.ones((frames, 1), bool)
        none = np.zeros(0, np.int32)
        measured = np.ones(joints.shape[:3], bool)
        return Recording('', joints, valid[:, 0], valid, measured, 30.0, '', none, none, none)

    def labels(self, index):
        return np.arange(self.lengths[index], dtype=np.int32)


def _same(one: dict, other: dict):
    assert one.keys() == other.keys()
    for key in one:
        np.testing.assert_array_equal(one[key], other[key], err_msg=key)


def _begins(batches, steps) -> list[tuple[int, int]]:
    """Reads (recording, first frame) from each row."""
    joints = np.concatenate([batches(step)['joints'] for step in steps])
    return [(int(x), int(y)) for x, y in joints[:, 0, 0, 0, :2]]


@pytest.fixture(scope='module')
def train(tiny):
    return corpus.Corpus(tiny, 'synthetic/tiny', 'train', normalization=('center',))


def test_a_window_is_padded_at_its_end_and_says_so():
    whole = _Counted((5,))[0]
    valid = np.array([[1, 0], [1, 0], [0, 0], [1, 0], [1, 0]], bool)
    joints = np.repeat(whole.joints, 2, axis=1)
    recording = dataclasses.replace(
        whole, joints=joints, person_valid=valid, frame_valid=np.array([1, 1, 1, 1, 0], bool)
    )
    cut = window(recording, 1, 6, labels=np.array([9, 8, 7, 6, 5], np.int32), ignore=3)
    assert cut['joints'].shape == (6, 2, 2, 3) and cut['joints'].dtype == np.float32
    assert cut['joints'][:, 0, 0, 1].tolist() == [1, 2, 3, 4, 0, 0]
    # Frame 2 shows nobody, frame 4 is not valid, the last two are not there.
    assert cut['mask'][:, 0].tolist() == [True, False, True, False, False, False]
    assert not cut['mask'][:, 1].any()
    assert cut['labels'].tolist() == [8, 7, 6, 5, 3, 3]
    assert 'labels' not in window(recording, 1, 6)


def test_a_batch_has_the_shapes_a_step_expects(train):
    batch = Batches([train], length=50, batch=4, seed=0, labeled=True)(0)
    shapes = {key: (value.shape, value.dtype.name) for key, value in batch.items()}
    assert shapes == {
        'joints': ((4, 50, 1, 25, 3), 'float32'),
        'mask': ((4, 50, 1), 'bool'),
        'labels': ((4, 50), 'int32'),
        'index': ((4,), 'int32'),
        'subject': ((4,), 'int32'),
    }
    assert 'labels' not in Batches([train], length=50, batch=4, seed=0)(0)


def test_the_same_person_has_one_number_in_all_configs_of_a_corpus(train):
    batches = Batches([train, train], length=50, batch=8, seed=0)
    names = [recording.subject for recording in train]
    ours, again = batches.subjects
    np.testing.assert_array_equal(ours, again)
    assert len(set(zip(names, ours.tolist(), strict=True))) == len(set(names)) == len(set(ours))
    seen = {int(n) for step in range(20) for n in batches(step)['subject']}
    assert seen == set(ours.tolist())


def test_a_recording_of_nobody_named_is_a_person_of_its_own():
    corpora = [_Counted((30, 50)), _Counted((40,), name='more')]
    batches = Batches(corpora, length=20, batch=8, seed=0)
    seen = {int(n) for step in range(20) for n in batches(step)['subject']}
    assert seen == {0, 1, 2}


def test_a_batch_depends_on_its_number_and_the_seed_alone(train):
    first = Batches([train], length=50, batch=4, seed=7, labeled=True)
    again = Batches([train], length=50, batch=4, seed=7, labeled=True)
    forth = {step: first(step) for step in (0, 3, 100)}
    back = {step: again(step) for step in (100, 3, 0)}
    for step in forth:
        _same(forth[step], back[step])
    other = Batches([train], length=50, batch=4, seed=8, labeled=True)(3)
    assert not np.array_equal(other['joints'], forth[3]['joints'])
    assert not np.array_equal(forth[0]['joints'], forth[3]['joints'])


def test_it_tells_where_the_rows_of_a_batch_were_cut(train):
    batches = Batches([train], length=64, batch=4, seed=3)
    for step in (0, 5):
        batch, places = batches(step), batches.places(step)
        assert len(places) == 4
        for row, place in enumerate(places):
            assert (place['corpus'], place['split']) == (train.name, 'train')
            recording = train[place['recording']]
            assert place['name'] == recording.name
            shown = recording.joints[place['start'] : place['start'] + 64]
            np.testing.assert_array_equal(batch['joints'][row, : len(shown)], shown)
    halves = [Batches([train], length=64, batch=4, seed=3, process=(n, 2)) for n in range(2)]
    assert halves[0].places(5) + halves[1].places(5) == places
    json.dumps(places)


@pytest.mark.parametrize('start', [0, 5])
def test_going_through_them_gives_what_asking_for_each_gives(train, start):
    batches = Batches([train], length=50, batch=4, seed=7)
    for step, batch in zip(range(start, start + 6), batches.iterate(start), strict=False):
        _same(batch, batches(step))


@pytest.mark.parametrize('count', [2, 4])
def test_the_rows_of_all_processes_are_those_of_one(train, count):
    arguments = {'length': 50, 'batch': 8, 'seed': 1, 'labeled': True}
    alone = Batches([train], **arguments)
    shares = [Batches([train], **arguments, process=(i, count)) for i in range(count)]
    for step in (0, 3):
        parts = [share(step) for share in shares]
        assert [len(part['index']) for part in parts] == [8 // count] * count
        together = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        _same(together, alone(step))
        assert together['index'].tolist() == list(range(8))
    assert {share.epoch_steps for share in shares} == {alone.epoch_steps}


def test_labels_are_those_of_the_frames_shown():
    batches = Batches([_Counted((30, 50))], length=20, batch=4, seed=0, labeled=True)
    for step in range(10):
        batch = batches(step)
        np.testing.assert_array_equal(batch['labels'], batch['joints'][:, :, 0, 0, 1])


def test_a_recording_shorter_than_the_window_is_padded_and_masked():
    batches = Batches([_Counted((12, 40))], length=20, batch=1, seed=0, labeled=True)
    seen = set()
    for step in range(20):
        batch = batches(step)
        recording, begin = _begins(batches, [step])[0]
        frames = 12 if recording == 0 else 20
        assert batch['mask'][0, :, 0].tolist() == [True] * frames + [False] * (20 - frames)
        assert not batch['joints'][0, frames:].any() and not batch['labels'][0, frames:].any()
        assert recording == 1 or begin == 0
        seen.add(recording)
    assert seen == {0, 1}


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    data=st.data(),
    seed=st.integers(0, 2**31 - 1),
)
def test_an_epoch_visits_every_stretch_once_near_its_place(lengths, data, seed):
    length = data.draw(st.integers(1, max(lengths)))
    batches = Batches([_Counted(tuple(lengths))], length=length, batch=1, seed=seed)
    assert batches.epoch_steps == sum(-(-frames // length) for frames in lengths)
    for epoch in range(2):
        steps = range(epoch * batches.epoch_steps, (epoch + 1) * batches.epoch_steps)
        begins = sorted(_begins(batches, steps))
        places = [(i, s) for i, frames in enumerate(lengths) for s in range(0, frames, length)]
        for (recording, begin), (expected, place) in zip(begins, places, strict=True):
            last = max(0, lengths[recording] - length)
            earliest = place - length // 2
            assert recording == expected
            assert min(max(earliest, 0), last) <= begin <= min(max(earliest + length - 1, 0), last)


def test_epochs_differ_in_order_and_place_and_reach_every_frame():
    batches = Batches([_Counted((8, 14))], length=4, batch=2, seed=0)
    assert batches.epoch_steps == 3  # 2 + 4 stretches
    epochs = [_begins(batches, range(3 * e, 3 * e + 3)) for e in range(60)]
    assert len({tuple(r for r, _ in epoch) for epoch in epochs}) > 5
    assert len({tuple(sorted(epoch)) for epoch in epochs}) > 30
    every = {(0, begin) for begin in range(5)} | {(1, begin) for begin in range(11)}
    assert set(itertools.chain(*epochs)) == every


def test_only_the_chosen_recordings_are_shown():
    batches = Batches([_Counted((30,) * 9)], length=10, batch=3, seed=0, chosen=[np.array([2, 7])])
    assert batches.epoch_steps == 2
    assert {r for r, _ in _begins(batches, range(20))} == {2, 7}


def test_several_corpora_are_mixed():
    corpora = [_Counted((30,)), _Counted((30, 30, 60))]
    batches = Batches(corpora, length=30, batch=5, seed=0)
    begins = sorted(r for r, _ in _begins(batches, [0]))
    assert begins == [0, 0, 1, 2, 2]


@pytest.mark.parametrize(
    ('corpora', 'changed', 'told'),
    [
        ([(30, 40)], {'length': 41}, r'counted train: a window of 41 .*\(the longest has 40\)'),
        ([(30,), (40,)], {'length': 41}, r'counted train \+ counted train: a window of 41'),
        ([(30, 40)], {'length': 31, 'chosen': [np.array([0])]}, r'\(the longest has 30\)'),
        ([()], {}, 'counted train: no recording'),
        ([(30,)], {'chosen': [np.array([], int)]}, 'counted train: no recording'),
        ([(30,)], {'process': (0, 3)}, 'batch of 4 is not divisible by 3 processes'),
    ],
)
def test_what_cannot_be_batched_is_refused_in_one_line(corpora, changed, told):
    arguments = {'length': 10, 'batch': 4, 'seed': 0, **changed}
    with pytest.raises(InputError, match=f'^.*{told}') as caught:
        Batches([_Counted(lengths) for lengths in corpora], **arguments)
    assert '\n' not in str(caught.value)
