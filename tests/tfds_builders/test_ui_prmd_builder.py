"""UI-PRMD's composed benchmark: as counted, as its README defines it, without a jump."""

import hashlib
import itertools

import numpy as np
import pytest

from skeljax.cli import main, prepare
from skeljax.data import preparation
from skeljax.data.corpus import Corpus
from skeljax.data.records import GRID
from skeljax.errors import InputError
from skeljax.formats import ui_prmd

NAME = 'ui_prmd/composed10'
SPLITS = {'train': range(1, 7), 'validation': [7], 'test': range(8, 11)}


@pytest.fixture(scope='module')
def composed(real_data, tmp_path_factory) -> dict[str, Corpus]:
    folder = tmp_path_factory.mktemp('composed')
    preparation.prepare(NAME, data_dir=folder, manual_dir=real_data / 'ui_prmd')
    return {split: Corpus(folder, NAME, split) for split in SPLITS}


def _recordings(composed):
    return [recording for corpus in composed.values() for recording in corpus]


def _gaps(recording) -> list[tuple[int, int]]:
    ends, starts = recording.segment_end[:-1], recording.segment_start[1:]
    return list(zip(ends.tolist(), starts.tolist(), strict=True))


@pytest.mark.parametrize(
    ('split', 'recordings', 'segments', 'frames'),
    [('train', 49, 600, 59985), ('validation', 8, 100, 11489), ('test', 26, 300, 28621)],
)
def test_the_splits_are_as_large_as_published(composed, split, recordings, segments, frames):
    corpus = composed[split]
    assert len(corpus) == recordings
    assert sum(len(recording.segment_start) for recording in corpus) == segments
    assert corpus.lengths.sum() == frames
    assert corpus.classes == ui_prmd.MOVEMENTS
    assert (corpus.layout, corpus.fps) == ('uiprmd22', 30.0)


def test_every_split_shows_each_class_as_often_and_persons_of_its_own(composed):
    for split, persons in SPLITS.items():
        labels = np.concatenate([recording.segment_label for recording in composed[split]])
        assert np.bincount(labels).tolist() == [10 * len(persons)] * 10
        subjects = {recording.subject for recording in composed[split]}
        assert subjects == {f's{person:02}' for person in persons}


def test_a_recording_holds_eight_to_sixteen_segments_and_never_a_class_twice_in_a_row(composed):
    for recording in _recordings(composed):
        assert 8 <= len(recording.segment_label) <= 16, recording.name
        assert (np.diff(recording.segment_label) != 0).all(), recording.name
        assert recording.segment_start[0] == 0
        assert recording.segment_end[-1] == len(recording.joints)
        assert all(10 <= start - end <= 45 for end, start in _gaps(recording)), recording.name
    assert {len(r.segment_label) for r in _recordings(composed)} == set(range(8, 17))


def test_nobody_leaps_in_a_transition(composed):
    fastest, waist = 0.0, 0.0
    for recording in _recordings(composed):
        steps = np.linalg.norm(np.diff(recording.joints[:, 0], axis=0), axis=-1)
        for end, start in _gaps(recording):
            path = slice(end - 1, start)  # with the steps into and out of the transition
            fastest, waist = max(fastest, steps[path].max()), max(waist, steps[path, 0].max())
    # Metres a frame at 30 Hz: the fastest is a hand at 5 m/s, the waist only sinks or rises.
    assert waist < 0.02 and fastest < 0.2


def test_a_segment_is_its_repetition_moved_as_a_whole(composed, real_data):
    found = {r.name: r for r in ui_prmd.repetitions(real_data / 'ui_prmd')}
    recording = composed['test'][3]
    spans = zip(recording.segment_start, recording.segment_end, strict=True)
    for name, (start, end) in zip(recording.source.split(), spans, strict=True):
        before = ui_prmd.read(found[name].positions).joints[:, 0]
        after = recording.joints[start:end, 0]
        # Records hold coordinates to the nearest multiple of GRID.
        np.testing.assert_allclose(after[..., 1], before[..., 1], rtol=0, atol=0.51 * GRID)
        from_start = lambda joints: np.linalg.norm(joints - joints[:1, :1], axis=-1)
        np.testing.assert_allclose(from_start(after), from_start(before), rtol=0, atol=2 * GRID)


# What follows is written from the builder's README alone.


def _h(*words) -> int:
    return int(hashlib.sha256('/'.join(map(str, words)).encode()).hexdigest()[:16], 16)


def _can_follow(rest: list, last) -> bool:
    n, classes = len(rest), [name[:3] for name in rest]
    most = all(classes.count(c) <= (n + 1) // 2 for c in set(classes))
    return most and classes.count(last) <= n // 2


def _order(names: list, seed: str) -> list:
    left, order = sorted(names, key=lambda name: (_h(seed, 'order', name), name)), []
    while left:
        before = order[-1][:3] if order else None
        order.append(
            next(
                name
                for name in left
                if name[:3] != before and _can_follow([x for x in left if x != name], name[:3])
            )
        )
        left.remove(order[-1])
    return order


def _cut(names: list, seed: str) -> list[list]:
    parts = []
    while names:
        size, remaining = 8 + _h(seed, 'size', len(parts)) % 9, len(names)
        if 0 < remaining - size < 8 or remaining < size:
            size = remaining if remaining <= 16 else remaining - 8
        parts.append(names[:size])
        names = names[size:]
    return parts


@pytest.mark.parametrize('person', [3, 7, 10])
def test_order_cut_and_pauses_follow_the_readme(composed, real_data, person):
    angles = real_data / 'ui_prmd' / 'Segmented Movements' / 'Kinect' / 'Angles'
    files = {p.name[:11]: p for p in angles.glob(f'*_s{person:02}_*')}
    seed = f'skeljax-1/composed10/s{person:02}'
    by_name = {recording.name: recording for recording in _recordings(composed)}
    parts = _cut(_order(list(files), seed), seed)
    own = sorted(name for name in by_name if f'_s{person:02}_' in name)
    assert own == [f'composed10_s{person:02}_r{number:02}' for number in range(len(parts))]
    for name, part in zip(own, parts, strict=True):
        recording = by_name[name]
        assert recording.source.split() == part
        assert [f'm{label + 1:02}' for label in recording.segment_label] == [x[:3] for x in part]
        lengths = recording.segment_end - recording.segment_start
        starts = [0]
        for length, (a, b) in zip(lengths[:-1], itertools.pairwise(part), strict=True):
            starts.append(starts[-1] + int(length) + 10 + _h(seed, 'pause', a, b) % 36)
        assert recording.segment_start.tolist() == starts
        assert lengths[0] == len(ui_prmd.read_chain(_positions(files[part[0]])))


def _positions(angles):
    return angles.parent.parent / 'Positions' / angles.name.replace('angles', 'positions')


# A small tree of still bodies.


def _tree(root, *, persons=range(1, 11), leave_out=(), line=','.join(['0'] * 66)):
    for movement, person in itertools.product(range(1, 11), persons):
        if (movement, person) in leave_out:
            continue
        for kind in ('positions', 'angles'):
            folder = root / 'Segmented Movements' / 'Kinect' / kind.title()
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f'm{movement:02}_s{person:02}_e01_{kind}.txt'
            path.write_text(f'{line}\n' * 3)
    return root


def test_a_person_without_a_class_is_named(tmp_path):
    raw = _tree(tmp_path / 'raw', leave_out={(4, 9)})
    with pytest.raises(InputError) as caught:
        preparation.prepare(NAME, data_dir=tmp_path / 'data', manual_dir=raw)
    assert str(caught.value) == "person 9: no repetition of 'side lunge' (class 3)"
    assert not list((tmp_path / 'data').rglob('*'))


def test_a_person_who_is_missing_is_named_by_the_command_line(tmp_path, capsys):
    raw = _tree(tmp_path / 'raw', persons=range(1, 10))
    arguments = ['--manual-dir', str(raw), '--data-dir', str(tmp_path / 'data')]
    assert main.main(['prepare', NAME, *arguments]) == 2
    shown = capsys.readouterr().err
    assert shown.count("person 10: no repetition of 'deep squat' (class 0)") == 1
    assert 'Traceback' not in shown


def test_a_damaged_file_is_named_and_nothing_half_made_is_left(tmp_path):
    raw = _tree(tmp_path / 'raw')
    bad = raw / 'Segmented Movements' / 'Kinect' / 'Angles' / 'm02_s08_e01_angles.txt'
    bad.write_text(bad.read_text() + '1,2\n')
    with pytest.raises(InputError) as caught:
        preparation.prepare(NAME, data_dir=tmp_path / 'data', manual_dir=raw)
    assert str(caught.value) == f'{bad}:4: 2 columns, expected 66'
    assert not list((tmp_path / 'data').rglob('*'))


def test_what_is_not_used_is_told(tmp_path):
    raw = _tree(tmp_path / 'raw', persons=range(1, 13))
    report = preparation.prepare(NAME, data_dir=tmp_path / 'data', manual_dir=raw)
    assert report['skipped'] == {
        '10 repetitions by person 11': 'in no split',
        '10 repetitions by person 12': 'in no split',
    }
    counts = {name: (s['recordings'], s['segments']) for name, s in report['splits'].items()}
    assert counts == {'train': (6, 60), 'validation': (1, 10), 'test': (3, 30)}


def test_all_damaged_files_are_told_or_left_out(tmp_path):
    raw = _tree(tmp_path / 'raw')
    folder = raw / 'Segmented Movements' / 'Kinect' / 'Angles'
    bad = [folder / f'm02_s{person:02}_e01_angles.txt' for person in (1, 2)]
    for path in bad:
        path.write_text(path.read_text() + '1,2\n')
    told = [f'{path}:4: 2 columns, expected 66' for path in bad]
    with pytest.raises(InputError) as caught:
        preparation.prepare(NAME, data_dir=tmp_path / 'data', manual_dir=raw)
    assert str(caught.value).splitlines() == [f'{NAME}: 2 damaged', *told]
    assert not list((tmp_path / 'data').rglob('*'))
    report = preparation.prepare(
        NAME, data_dir=tmp_path / 'data', manual_dir=raw, on_error='skip', processes=2
    )
    assert report['damaged'] == told
    assert report['splits']['train']['recordings'] == 4
    assert all(f'skipped as damaged: {line}' in prepare.describe(report) for line in told)


def test_takes_done_wrongly_are_whole(real_data, tmp_path):
    name = 'ui_prmd/takes_incorrect'
    report = preparation.prepare(name, data_dir=tmp_path, manual_dir=real_data / 'ui_prmd')
    assert report['skipped'] == {'1000 repetitions done correctly': f'not in config {name[8:]}'}
    assert sum(split['frames'] for split in report['splits'].values()) == 76533
    assert [split['recordings'] for split in report['splits'].values()] == [60, 10, 30]
    recording = {r.name: r for r in Corpus(tmp_path, name, 'validation')}['take_m01_s07_inc']
    assert report['classes'][int(recording.segment_label[0])] == 'deep squat, incorrect'
    assert recording.segment_start[1:].tolist() == recording.segment_end[:-1].tolist()
    steps = np.linalg.norm(np.diff(recording.joints[:, 0], axis=0), axis=-1)
    assert steps[recording.segment_start[1:] - 1].max() <= steps.max()


def test_a_take_ends_where_a_repetition_is_missing(tmp_path):
    raw = _tree(tmp_path / 'raw')
    for kind, episode in itertools.product(('positions', 'angles'), (2, 4, 5)):
        folder = raw / 'Segmented Movements' / 'Kinect' / kind.title()
        text = (folder / f'm03_s07_e01_{kind}.txt').read_text()
        (folder / f'm03_s07_e{episode:02}_{kind}.txt').write_text(text)
    preparation.prepare('ui_prmd/takes', data_dir=tmp_path / 'data', manual_dir=raw)
    found = {r.name: r for r in Corpus(tmp_path / 'data', 'ui_prmd/takes', 'validation')}
    assert len(found) == 11
    assert found['take_m03_s07'].source == 'm03_s07_e01 m03_s07_e02'
    assert found['take_m03_s07_e04'].source == 'm03_s07_e04 m03_s07_e05'
    assert found['take_m03_s07_e04'].segment_end.tolist() == [3, 6]


# The Vicon's files, written from known motion.


def _vicon(root, *, leave_out=(), separator=','):
    """Writes two repetitions a movement and person: 39 markers that drift; returns them, mm."""
    folder = root / 'Segmented Movements' / 'Vicon' / 'Positions'
    folder.mkdir(parents=True)
    rng, points = np.random.default_rng(0), {}
    for movement, person, episode in itertools.product(range(1, 11), range(1, 11), (1, 2)):
        if (movement, person) not in leave_out:
            name = f'm{movement:02}_s{person:02}_e{episode:02}'
            points[name] = rng.uniform(1, 1800, (39, 3)) + np.arange(4)[:, None, None]
            rows = points[name].reshape(4, 117).round(3).tolist()
            text = ''.join(separator.join(map(str, row)) + '\n' for row in rows)
            (folder / f'{name}_positions.txt').write_text(text)
    return points


@pytest.mark.parametrize('separator', [',', '  '])
def test_what_the_vicon_saw_reads_back_in_metres_with_y_up(tmp_path, separator):
    points = _vicon(tmp_path / 'raw', separator=separator)
    name = 'ui_prmd/takes_vicon'
    report = preparation.prepare(name, data_dir=tmp_path / 'data', manual_dir=tmp_path / 'raw')
    assert (report['layout'], report['fps'], report['skipped']) == ('uiprmd39', 100.0, {})
    counts = [(s['recordings'], s['segments']) for s in report['splits'].values()]
    assert counts == [(60, 120), (10, 20), (30, 60)]
    for recording in Corpus(tmp_path / 'data', name, 'test'):
        both = np.concatenate([points[part] for part in recording.source.split()])
        np.testing.assert_allclose(
            recording.joints[:, 0], both[..., [1, 2, 0]] / 1000, rtol=0, atol=0.51 * GRID
        )
        assert recording.segment_end.tolist() == [4, 8] and recording.joint_valid.all()


def test_a_marker_that_was_lost_is_told_and_a_movement_that_is_missing_too(tmp_path):
    raw, name = tmp_path / 'raw', 'ui_prmd/takes_vicon'
    _vicon(raw, leave_out={(3, 7)})
    path = raw / 'Segmented Movements' / 'Vicon' / 'Positions' / 'm01_s07_e01_positions.txt'
    table = np.loadtxt(path, delimiter=',').reshape(4, 39, 3)
    table[1:3, 10], table[:, 22] = 0, 0
    np.savetxt(path, table.reshape(4, 117), delimiter=',')
    report = preparation.prepare(name, data_dir=tmp_path / 'data', manual_dir=raw)
    told = "person 7: no repetition of 'inline lunge' (class 2)"
    assert report['skipped'] == {told: 'missing'}
    recording = {r.name: r for r in Corpus(tmp_path / 'data', name, 'validation')}['take_m01_s07']
    lost = ~recording.joint_valid[:4, 0]
    assert lost.sum() == 6 and lost[1:3, 10].all() and lost[:, 22].all()
    step = (table[3, 10] - table[0, 10]) / 3
    expected = (table[0, 10] + step)[[1, 2, 0]] / 1000
    np.testing.assert_allclose(recording.joints[1, 0, 10], expected, atol=0.51 * GRID)
    assert (recording.joints[:4, 0, 22] != 0).any(-1).all()


def test_files_of_the_kinect_among_the_vicons_are_told(tmp_path):
    raw = tmp_path / 'raw'
    _vicon(raw)
    path = raw / 'Segmented Movements' / 'Vicon' / 'Positions' / 'm01_s07_e02_positions.txt'
    path.write_text(','.join(['1'] * 66) + '\n')
    with pytest.raises(InputError) as caught:
        preparation.prepare('ui_prmd/takes_vicon', data_dir=tmp_path / 'data', manual_dir=raw)
    assert str(caught.value) == f'{path}:1: 66 columns, expected 117'
    path.write_text(','.join(['0'] * 117) + '\n')
    with pytest.raises(InputError, match=':1: all markers are at the origin'):
        preparation.prepare('ui_prmd/takes_vicon', data_dir=tmp_path / 'data', manual_dir=raw)
