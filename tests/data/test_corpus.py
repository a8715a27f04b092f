"""Prepared records as a sequence; shares of them."""

import dataclasses
import shutil

from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest

from skeljax.data import corpus, normalize, synthetic, timing
from skeljax.errors import InputError
from skeljax.skeletons import skeleton

NAME = 'synthetic/tiny'


@pytest.fixture(scope='module')
def train(tiny):
    return corpus.Corpus(tiny, NAME, 'train')


def test_a_corpus_tells_what_it_holds(train):
    assert (train.name, train.split, train.layout, train.fps) == (NAME, 'train', 'ntu25', 30.0)
    assert train.classes == synthetic.CLASSES
    assert len(train) == len(train.lengths) == 8
    assert train.num_joints == 25


def test_it_can_be_gone_through_and_every_recording_is_another(train):
    recordings = list(train)
    assert [len(r.joints) for r in recordings] == train.lengths.tolist()
    assert len({r.name for r in recordings}) == 8


def test_a_recording_is_decoded_once_and_there_is_none_outside(train):
    assert train[3] is train[3]
    for index in (-1, 8):
        with pytest.raises(IndexError):
            train[index]


def test_opened_again_it_has_the_same_order(tiny, train):
    again = corpus.Corpus(str(tiny), NAME, 'train')
    assert [r.name for r in again] == [r.name for r in train]
    np.testing.assert_array_equal(again[5].joints, train[5].joints)


def test_frames_are_labelled_by_the_segment_that_covers_them(train, monkeypatch):
    background = len(synthetic.CLASSES)
    spans = {'start': [0, 3, 8], 'end': [2, 5, 10], 'label': [4, 0, 2]}
    columns = {f'segment_{key}': np.array(value, np.int32) for key, value in spans.items()}
    recording = dataclasses.replace(train[0], joints=train[0].joints[:10], **columns)
    monkeypatch.setitem(train._kept, 0, recording)
    labels = train.labels(0)
    b = background
    assert labels.tolist() == [4, 4, b, 0, 0, b, b, b, 2, 2]
    assert labels.dtype == np.int32


def test_real_labels_cover_segments_and_leave_background_between(train):
    for index, recording in enumerate(train):
        labels = train.labels(index)
        spans = recording.segment_start, recording.segment_end, recording.segment_label
        for start, end, label in zip(*spans, strict=True):
            assert (labels[start:end] == label).all()
        covered = (recording.segment_end - recording.segment_start).sum()
        assert (labels == len(train.classes)).sum() == len(labels) - covered > 0


def test_recordings_come_normalised(tiny, train):
    normalized = corpus.Corpus(tiny, NAME, 'train', normalization=('center', 'size'))
    expected = normalize.size(normalize.centre(train[2]))
    np.testing.assert_array_equal(normalized[2].joints, expected.joints)
    assert not np.array_equal(normalized[2].joints, train[2].joints)
    with pytest.raises(InputError, match="unknown normalization 'shrink'"):
        corpus.Corpus(tiny, NAME, 'train', normalization=('shrink',))


def test_recordings_come_in_another_layout_and_rate(tiny, train):
    steps = ('center', 'align', 'size')
    mapped = corpus.Corpus(
        tiny, NAME, 'train', normalization=steps, layout='uiprmd22', fps=15.0
    )
    assert (mapped.layout, mapped.fps, mapped.num_joints) == ('uiprmd22', 15.0, 22)
    for index in (0, 3):
        before, after = train[index], mapped[index]
        expected = timing.resample(normalize.in_layout(before, 'uiprmd22'), 15.0)
        expected = normalize.compose(steps)(expected)
        np.testing.assert_array_equal(after.joints, expected.joints)
        assert (after.layout, after.fps) == ('uiprmd22', 15.0)
        assert len(after.joints) == mapped.lengths[index] == -(-len(before.joints) // 2)
        # At half the rate every second frame has its label.
        np.testing.assert_array_equal(mapped.labels(index), train.labels(index)[::2])
    measured = after.joint_valid[0, 0]
    names = skeleton.get('uiprmd22').joints
    assert [name for name, m in zip(names, measured, strict=True) if not m] == [
        'HeadTip',
        'LCollar',
        'RCollar',
    ]


def test_a_layout_that_cannot_be_had_is_told_when_the_corpus_is_opened(tiny):
    with pytest.raises(InputError, match="^synthetic/tiny: unknown joint layout 'ants6'"):
        corpus.Corpus(tiny, NAME, 'train', layout='ants6')
    crab = skeleton.describe(skeleton.infer('crab', ['a', 'b', 'c'], [-1, 0, 0]))
    with pytest.raises(InputError, match='^synthetic/tiny: layout ntu25 cannot be mapped to crab'):
        corpus.Corpus(tiny, NAME, 'train', layout=crab)


def test_an_unknown_split_is_named_with_those_there_are(tiny):
    with pytest.raises(InputError, match="^synthetic/tiny: no split 'dev', only test, train"):
        corpus.Corpus(tiny, NAME, 'dev')


@pytest.mark.parametrize('name', ['synthetic/huge', 'nonsense'])
def test_a_corpus_that_was_not_prepared_is_named_with_the_command_to_run(tiny, name):
    with pytest.raises(InputError) as caught:
        corpus.Corpus(tiny, name, 'train')
    message = str(caught.value)
    assert message.startswith(f'{tiny / name}: ') and '\n' not in message
    assert f'`skeljax prepare {name} --data-dir {tiny}`' in message


def test_the_newest_version_is_read(tiny, tmp_path):
    (version,) = (tiny / NAME).iterdir()
    for number in ('1.9.0', '1.10.0'):
        shutil.copytree(version, tmp_path / NAME / number)
    (tmp_path / NAME / '1.9.0' / 'dataset_info.json').write_text('')  # would not be readable
    assert len(corpus.Corpus(tmp_path, NAME, 'test')) == 4


@given(st.integers(1, 300), st.floats(0, 1, exclude_min=True), st.integers(0, 2**32 - 1))
def test_a_share_is_drawn_without_repetition(size, share, seed):
    chosen = corpus.fraction(size, share, seed)
    assert len(chosen) == max(1, round(size * share))
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert 0 <= chosen[0] and chosen[-1] < size
    assert chosen.tolist() == corpus.fraction(size, share, seed).tolist()


@given(st.integers(1, 300), st.floats(0.01, 1), st.floats(0.01, 1), st.integers(0, 2**32 - 1))
def test_a_smaller_share_is_part_of_a_larger(size, one, other, seed):
    small, large = (set(corpus.fraction(size, share, seed)) for share in sorted((one, other)))
    assert small <= large


def test_ten_percent_of_forty_nine_is_five_and_depends_on_the_seed():
    draws = {tuple(corpus.fraction(49, 0.1, seed).tolist()) for seed in range(20)}
    assert {len(draw) for draw in draws} == {5} and len(draws) > 15
    assert corpus.fraction(49, 1.0, 3).tolist() == list(range(49))


@pytest.mark.parametrize('share', [0, -0.1, 1.01, 10, float('nan')])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(InputError, match=f'^label fraction {share} is not in'):
        corpus.fraction(8, share, 0)


SHOWN = arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 6)))


@given(SHOWN, st.floats(0.01, 1), st.floats(0.01, 1), st.integers(0, 2**32 - 1))
def test_stratified_shares_are_nested_and_of_the_size_asked_for(shown, one, other, seed):
    small, large = (corpus.stratified(shown, share, seed) for share in sorted((one, other)))
    assert set(small) <= set(large) and small.tolist() == sorted(set(small.tolist()))
    assert len(small) == max(1, round(len(shown) * min(one, other)))


@given(st.integers(2, 8), st.integers(5, 30), st.integers(0, 2**32 - 1))
def test_a_rare_class_is_in_a_stratified_share(classes, each, seed):
    # Every class in `each` recordings of its own, but the last one in a single one.
    labels = [label for label in range(classes - 1) for _ in range(each)] + [classes - 1]
    shown = np.eye(classes, dtype=bool)[np.random.default_rng(seed).permutation(labels)]
    chosen = corpus.stratified(shown, classes / len(labels), seed)
    np.testing.assert_array_equal(shown[chosen].sum(0), np.ones(classes))


def test_recordings_without_a_label_come_last_in_a_stratified_share():
    shown = np.array([[False], [True], [False], [True]])
    assert corpus.stratified(shown, 0.5, 0).tolist() == [1, 3]
    assert corpus.stratified(shown, 1.0, 0).tolist() == [0, 1, 2, 3]


def test_classes_shown_are_those_of_the_segments(tiny):
    opened = corpus.Corpus(tiny, NAME, 'train')
    shown = corpus.classes_shown(opened)
    assert shown.shape == (len(opened), len(opened.classes)) and shown.any() and not shown.all()
    for row, recording in zip(shown, opened, strict=True):
        assert set(np.flatnonzero(row)) == set(recording.segment_label.tolist())


@pytest.fixture
def damaged(tiny, tmp_path):
    """Cuts the training records of a copy to a share of their size; tells the folder, the file."""
    shutil.copytree(tiny / NAME, tmp_path / NAME)
    (path,) = (tmp_path / NAME).rglob('*-train.array_record*')

    def cut(share):
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
        return tmp_path, path

    return cut


@pytest.mark.parametrize('share', [0.0, 0.1, 0.5, 0.999])
def test_a_truncated_file_is_named_at_once(damaged, share):
    folder, path = damaged(share)
    with pytest.raises(InputError, match='damaged; prepare the corpus again') as raised:
        corpus.Corpus(folder, NAME, 'train')
    said = str(raised.value)
    assert said.startswith(f'{path}: ') and '\n' not in said
    assert len(corpus.Corpus(folder, NAME, 'validation')) > 0  # the others are whole


def test_a_missing_file_and_one_of_another_corpus_are_named_at_once(damaged):
    folder, path = damaged(1.0)
    (other,) = path.parent.glob('*-validation.array_record*')
    path.write_bytes(other.read_bytes())
    with pytest.raises(InputError, match=rf'{path}: holds \d+ records, expected 8'):
        corpus.Corpus(folder, NAME, 'train')
    path.unlink()
    with pytest.raises(InputError, match=f'{path}: missing'):
        corpus.Corpus(folder, NAME, 'train')
