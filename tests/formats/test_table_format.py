"""Tables of joints: both forms, however they are written, and told what is wrong."""

import gzip

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

import skeljax
from skeljax.errors import FormatError, InputError
from skeljax.formats import table
from skeljax.skeletons import skeleton

LAYOUT = skeleton.get('ntu25')
JOINTS = np.random.default_rng(0).normal(size=(6, 25, 3)).round(4)


def _head(names=LAYOUT.joints, form='{}_{}', axes='xyz') -> list[str]:
    return [form.format(name, axis) for name in names for axis in axes]


def _cells(values) -> list[str]:
    return ['' if np.isnan(v) else f'{v:.4f}' for v in np.ravel(values)]


def _write(folder, lines, name='walk.csv', delimiter=',', end='\n', mark=b''):
    text = end.join(delimiter.join(map(str, line)) for line in lines) + end
    raw = mark + text.encode()
    path = folder / name
    path.write_bytes(gzip.compress(raw) if name.endswith('.gz') else raw)
    return path


def _told(path, **options) -> str:
    with pytest.raises(InputError) as error:
        skeljax.read(path, **options)
    assert '\n' not in str(error.value)
    return str(error.value).removeprefix(f'{path}:')


def _plain(joints=JOINTS):
    return [_head(), *map(_cells, joints)]


@pytest.mark.parametrize('form', ['{}_{}', '{}.{}', '{} {}', '{}:{}'])
@pytest.mark.parametrize('written', [str, str.lower, str.upper])
def test_known_joints_are_found_by_name_in_any_order(tmp_path, form, written):
    order = np.random.default_rng(1).permutation(25)
    names = [written(LAYOUT.joints[joint]) for joint in order]
    lines = [_head(names, form, written('xyz')), *(_cells(frame[order]) for frame in JOINTS)]
    motion = skeljax.read(_write(tmp_path, lines), fps=30)
    np.testing.assert_allclose(motion.joints[:, 0], JOINTS, atol=1e-6)
    assert (motion.layout, motion.fps) == ('ntu25', 30.0) and motion.valid.all()


@pytest.mark.parametrize(
    'how',
    [
        {'delimiter': ';'}, {'delimiter': '\t'}, {'end': '\r\n'}, {'end': '\r'},
        {'mark': b'\xef\xbb\xbf'}, {'name': 'walk.csv.gz'},
    ],
)
def test_it_does_not_matter_how_the_table_is_written(tmp_path, how):
    motion = skeljax.read(_write(tmp_path, _plain(), **how), fps=30)
    np.testing.assert_allclose(motion.joints[:, 0], JOINTS, atol=1e-6)


@pytest.mark.parametrize('fps', [12.5, 29.97, 30.0, 120.0])
@pytest.mark.parametrize('digits', [3, 9])
def test_times_give_the_rate(tmp_path, fps, digits):
    lines = [
        ['time', *_head()],
        *([f'{5 + i / fps:.{digits}f}', *_cells(JOINTS[i % 6])] for i in range(400)),
    ]
    motion = skeljax.read(_write(tmp_path, lines))
    assert len(motion.joints) == 400
    assert motion.fps == pytest.approx(fps, rel=2e-3 * 10 ** (3 - digits))
    if fps == round(fps):
        assert motion.fps == fps


def test_frames_and_times_left_out_are_frames_without_anybody(tmp_path):
    numbers = [3, 4, 7, 8]
    for head, cells in (
        ('frame', numbers), ('Time', [f'{n / 30:.3f}' for n in numbers]),
    ):
        lines = [[head, *_head()], *([c, *_cells(f)] for c, f in zip(cells, JOINTS))]
        motion = skeljax.read(_write(tmp_path, lines), fps=30)
        assert motion.valid[:, 0].tolist() == [True, True, False, False, True, True]
        np.testing.assert_allclose(motion.joints[[0, 1, 4, 5], 0], JOINTS[:4], atol=1e-6)
        assert (motion.joints[2:4] == 0).all() and motion.fps == pytest.approx(30, rel=1e-2)


def test_empty_cells_and_no_confidence_are_what_was_not_measured(tmp_path):
    joints = JOINTS.copy()
    joints[2, 4, 1] = np.nan
    lines = [
        ['Head_confidence', *_head()],
        *([int(frame != 4), *_cells(joints[frame])] for frame in range(6)),
    ]
    motion = skeljax.read(_write(tmp_path, lines), fps=30)
    assert np.argwhere(~motion.joint_valid).tolist() == [[2, 0, 4], [4, 0, 3]]
    expected = (JOINTS[3, 3] + JOINTS[5, 3]) / 2
    np.testing.assert_allclose(motion.joints[4, 0, 3], expected, atol=1e-6)


def test_a_row_of_empty_cells_is_a_frame_without_anybody(tmp_path):
    lines = [_head(), *map(_cells, [JOINTS[0], JOINTS[0] * np.nan, JOINTS[2]])]
    motion = skeljax.read(_write(tmp_path, lines), fps=30)
    assert motion.valid[:, 0].tolist() == [True, False, True]


def test_a_row_a_joint_tells_the_same(tmp_path):
    lines = [
        ['frame', 'joint', 'x', 'y', 'z', 'visibility'],
        *(
            [frame + 1, name, *_cells(JOINTS[frame, joint]), int((frame, joint) != (2, 4))]
            for joint, name in enumerate(LAYOUT.joints)
            for frame in range(6)
        ),
    ]
    motion = skeljax.read(_write(tmp_path, lines), fps=30)
    assert motion.layout == 'ntu25'
    assert np.argwhere(~motion.joint_valid).tolist() == [[2, 0, 4]]
    seen = motion.joint_valid[:, 0]
    np.testing.assert_allclose(motion.joints[:, 0][seen], JOINTS[seen], atol=1e-6)


def test_persons_have_slots_in_the_order_they_come(tmp_path):
    lines = [
        ['frame', 'person', *_head()],
        [0, 'b', *_cells(JOINTS[0])], [1, 'b', *_cells(JOINTS[1])], [1, 'a', *_cells(JOINTS[2])],
    ]
    motion = skeljax.read(_write(tmp_path, lines), fps=30)
    assert motion.valid.tolist() == [[True, False], [True, True]]
    np.testing.assert_allclose(motion.joints[1], JOINTS[1:3], atol=1e-6)


def test_flat_tables_other_columns_and_units(tmp_path):
    lines = [
        ['note', *_head(axes='xy')], *(['x', *_cells(frame[:, :2] * 100)] for frame in JOINTS),
    ]
    motion = skeljax.read(_write(tmp_path, lines), fps=30, unit='cm')
    np.testing.assert_allclose(motion.joints[:, 0, :, :2], JOINTS[..., :2], atol=1e-5)
    assert (motion.joints[..., 2] == 0).all()


def test_joints_of_ones_own_and_a_layout_to_choose_from_many(tmp_path):
    names = [*LAYOUT.joints, 'Hat', 'Nose']
    joints = np.concatenate([JOINTS, JOINTS[:, :2] + 9], 1)
    path = _write(tmp_path, [_head(names), *map(_cells, joints)])
    assert skeleton.get(skeljax.read(path, fps=30).layout).joints == tuple(names)
    motion = skeljax.read(path, fps=30, layout='ntu25')
    assert motion.layout == 'ntu25'
    np.testing.assert_allclose(motion.joints[:, 0], JOINTS, atol=1e-6)


ROW = ['1'] * 6


@pytest.mark.parametrize(
    ('lines', 'told'),
    [
        ([], ' empty, expected a line that names the columns'),
        ([['a_x', 'a_y']], ' no row, expected one a frame'),
        ([['a', 'b'], ['1', '2']], '1: no joint among the columns, expected JOINT_x'),
        ([['a_x', 'a_y', 'b_x'], ROW[:3]], '1: no column b_y'),
        ([['a_x', 'a_y', 'b_x', 'b_y', 'b_z'], ROW[:5]], '1: no column a_z'),
        ([['a_x', 'a_y', 'a_x'], ROW[:3]], "1: two columns 'a_x'"),
        ([['a_x', 'a_y', 'A_x', 'A_y'], ROW[:4]], '1: two joints of one name'),
        ([['a_x', 'a_y'], ROW[:2], ROW[:3]], '3: 3 columns, expected 2'),
        ([['a_x', 'a_y'], ROW[:2], ['1', '1,5x']], '3: 3 columns, expected 2'),
        ([['a_x', 'a_y'], ROW[:2], ['1', 'left']], "3: a_y is 'left', expected a number"),
        ([['a_x', 'a_y'], ROW[:2], ['1', '1_0']], "3: a_y is '1_0', expected a number"),
        ([['a_x', 'a_y'], ['1', 'inf']], ' frame 0: joint 0 is at (1, inf, 0), expected meters'),
        (
            [['a_x', 'a_y'], ['', ''], [], ['nan', ''], ['', 'nan']],
            ' no joint was measured in 3 frames',
        ),
        (
            [['frame', 'a_x', 'a_y'], ['0', '1', '1'], ['0.5', '1', '1']],
            '3: the frame is no whole number',
        ),
        (
            [['frame', 'a_x', 'a_y'], ['2', '1', '1'], ['2', '1', '1']],
            '3: the frame and joint of line 2',
        ),
        (
            [['frame', 'a_x', 'a_y'], ['0', '1', '1'], ['9' * 9, '1', '1']],
            '3: frame 999999999 of 2 rows',
        ),
        ([['time', 'a_x', 'a_y'], ['0', '1', '1'], ['', '1', '1']], '3: no time, expected seconds'),
        (
            [['Time (s)', 'a_x', 'a_y'], *([str(33 * i), '1', '1'] for i in range(9))],
            ' frame rate is 0.03',
        ),
        (
            [['frame', 'time', 'a_x', 'a_y'], ['0', '1', '1', '1'], ['1', '0', '1', '1']],
            '3: the time does not grow with the frames',
        ),
        ([['joint', 'x', 'y'], ['a', '1', '1']], '1: no column frame or time'),
        ([['frame', 'joint', 'x'], ['0', 'a', '1']], '1: no column y'),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, lines, told):
    options = {} if lines and 'time' in lines[0][0].lower() else {'fps': 30}
    assert told in _told(_write(tmp_path, lines), **options)


def test_what_is_not_told_is_asked_for(tmp_path):
    assert 'no frame rate' in _told(_write(tmp_path, _plain()))
    lost = _told(_write(tmp_path, [_head(['a']), ROW[:3]]), fps=30, layout='ntu25')
    assert lost.startswith('1: ntu25 needs joints that are not here: SpineBase, SpineMid')


def test_other_encodings_are_told_with_their_line(tmp_path):
    path = tmp_path / 'a.csv'
    path.write_bytes(b'a_x,a_y\n1,2\n\xe4,3\n')
    assert _told(path, fps=30) == '3: byte 0xe4, expected text in UTF-8'
    path.write_bytes('a_x,a_y\n1,2\n'.encode('utf-16'))
    assert 'expected text in UTF-8' in _told(path, fps=30)


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_a_damaged_table_is_read_or_told(tmp_path_factory, data):
    head = data.draw(st.sampled_from([['time'], ['frame', 'person'], []]))
    lines = [[*head, *_head('abc')]]
    lines += [[*[str(i)] * len(head), *_cells(JOINTS[i, :3])] for i in range(5)]
    raw = bytearray('\n'.join(','.join(line) for line in lines).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        damage = st.sampled_from([b',', b'\n', b'"', b'e9', b'nan', b''])
        new = data.draw(st.one_of(damage, st.binary(max_size=2)))
        raw[place : place + data.draw(st.integers(0, 2))] = new
    path = tmp_path_factory.mktemp('damaged') / 'a.csv'
    path.write_bytes(raw)
    try:
        motion = table.read(path, fps=30)
    except FormatError as error:
        assert str(path) in str(error) and '\n' not in str(error)
    else:
        assert np.isfinite(motion.joints).all() and motion.valid.any()
