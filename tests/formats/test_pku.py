"""PKU-MMD files: known motion comes back, labels and lists are told to the line."""

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax import formats
from skeljax.errors import FormatError
from skeljax.formats import pku
from skeljax.formats.pku import Action
from tests import kinect_files

HAND_TIP = 21


def _write(folder, data, name='0002-L.txt'):
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def _told(read, path, **options) -> str:
    with pytest.raises(FormatError) as caught:
        read(path, **options)
    assert '\n' not in str(caught.value)
    return str(caught.value).removeprefix(str(path))


@pytest.mark.parametrize('end', ['\n ', '\n', '\r\n', ' \n'])
@pytest.mark.parametrize('tail', [b'', b'\n\n', b' \r\n'])
def test_known_motion_comes_back(tmp_path, end, tail):
    joints = kinect_files.motion(7, 2)
    valid = np.ones((7, 2), bool)
    valid[:3, 1] = valid[5, 0] = False
    path = _write(tmp_path, kinect_files.table(joints, valid, end=end).rstrip() + tail)
    motion = formats.read(path)
    expected = np.where(valid[..., None, None], joints, 0).astype(np.float32)
    np.testing.assert_array_equal(motion.joints, expected)
    np.testing.assert_array_equal(motion.valid, valid)
    np.testing.assert_array_equal(motion.joint_valid, np.repeat(valid[..., None], 25, 2))
    assert motion.joints.dtype == np.float32
    assert (motion.fps, motion.layout, motion.source) == (30.0, 'ntu25', '0002-L.txt')


def test_one_person_leaves_the_second_absent(tmp_path):
    motion = pku.read(_write(tmp_path, kinect_files.table(kinect_files.motion(3))))
    assert motion.valid.tolist() == [[True, False]] * 3


def test_a_joint_at_zero_is_guessed_from_when_it_was_not(tmp_path):
    joints = kinect_files.motion(5)
    joints[:, 0, HAND_TIP] = np.arange(5)[:, None] * [0.1, 0.2, 0.3] + 1
    lost = joints.copy()
    lost[[1, 2], 0, HAND_TIP] = 0
    motion = pku.read(_write(tmp_path, kinect_files.table(lost)))
    np.testing.assert_allclose(motion.joints[:, 0], joints[:, 0], atol=1e-6)
    assert np.argwhere(~motion.joint_valid[:, 0]).tolist() == [[1, HAND_TIP], [2, HAND_TIP]]


ROW = b' '.join([b'0.5'] * 150)


@pytest.mark.parametrize(
    ('data', 'told'),
    [
        (b'', ': empty, expected one line of 150 numbers a frame'),
        (b' \n\r\n', ': empty, expected one line of 150 numbers a frame'),
        (ROW + b'\n' + ROW[4:], ':2: 149 fields, expected 150 numbers'),
        (ROW + b' 1\n' + ROW, ':1: 151 fields, expected 150'),
        (ROW + b'\n\n' + ROW, ':2: 0 fields, expected 150'),
        (ROW + b'\n' + ROW + b'\n' + ROW[:7], ':3: 2 fields, expected 150'),
        (ROW + b'\n' + ROW[:-3] + b'0,5', ":2: column 150 is '0,5', expected meters"),
        (b'nan' + ROW[3:], ":1: column 1 is 'nan', expected meters"),
        (ROW + b'\n1e9' + ROW[3:], ":2: column 1 is '1e9', expected meters"),
        (b'\xff.5' + ROW[3:], r":1: column 1 is '\\xff.5', expected meters"),
        (b'\n'.join([b' '.join([b'0'] * 150)] * 3), ': no person in any of its 3 frames'),
    ],
)
def test_damage_is_told_with_its_line(tmp_path, data, told):
    assert _told(pku.read, _write(tmp_path, data)).startswith(told)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_happens_to_a_file_it_is_read_or_refused_in_one_line(tmp_path_factory, data):
    raw = bytearray(kinect_files.table(kinect_files.motion(2, 1)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw)))
        kind = data.draw(st.sampled_from(['byte', 'insert', 'cut', 'drop']))
        if kind == 'byte':
            raw[at : at + 1] = data.draw(st.sampled_from([b'7', b' ', b'\n', b'.', b'-', b'\xff']))
        elif kind == 'insert':
            raw[at:at] = data.draw(st.sampled_from([b' 1 ', b'\n', b'e', b'9']))
        else:
            del raw[at : None if kind == 'cut' else at + 40]
    path = _write(tmp_path_factory.mktemp('pku'), bytes(raw))
    try:
        motion = pku.read(path)
    except FormatError as error:
        assert str(error).startswith(str(path)) and '\n' not in str(error)
        return
    rows = [[float(field) for field in line.split()] for line in raw.splitlines() if line.split()]
    expected = np.array(rows).reshape(-1, 2, 25, 3).astype(np.float32)
    known = motion.joint_valid
    np.testing.assert_array_equal(motion.joints[known], expected[known])
    assert np.isfinite(motion.joints).all() and not motion.joints[~motion.valid].any()


def test_labels_are_half_open_from_zero_in_either_reading(tmp_path):
    path = _write(tmp_path, '51,20,30,2\r\n 1, 5 ,15, 1\n\n')
    first, second = Action(5, 15, 0, 2), Action(20, 30, 50, 1)
    assert pku.read_actions(path, frame_base=0, frames=30) == [first, second]
    first, second = Action(4, 15, 0, 2), Action(19, 30, 50, 1)
    assert pku.read_actions(path, frame_base=1, frames=30) == [first, second]


@pytest.mark.parametrize(
    ('base', 'row', 'told'),
    [
        (0, '3,9,8,2', 'start 9 and end 8, expected the start before the end'),
        (0, '3,9,9,2', 'start 9 and end 9, expected the start before the end'),
        (1, '3,9,8,2', 'start 9 and end 8, expected the start before the end'),
        (1, '3,0,8,2', 'start 0, expected at least 1'),
        (0, '3,9,31,2', 'end 31, expected at most 30, the frames of the video'),
        (0, '52,9,12,2', 'class 52, expected 1 to 51'),
        (0, '0,9,12,2', 'class 0, expected 1 to 51'),
        (0, '3,9,12', "'3,9,12', expected class,start,end,confidence"),
        (0, '3,9,12.5,2', "'3,9,12.5,2', expected class,start,end,confidence"),
        (0, '3,-9,12,2', "'3,-9,12,2', expected class,start,end,confidence"),
        (0, 'bow,9,12,2', "'bow,9,12,2', expected class,start,end,confidence"),
    ],
)
def test_a_bad_row_is_told_with_its_line(tmp_path, base, row, told):
    path = _write(tmp_path, f'1,1,5,2\n{row}\n')
    assert _told(pku.read_actions, path, frame_base=base, frames=30) == f':2: {told}'


def test_all_bad_rows_are_told_in_one_line(tmp_path):
    path = _write(tmp_path, '1,9,5,2\n2,1,4,1\n77,1,99,1\n')
    told = _told(pku.read_actions, path, frame_base=0, frames=30)
    expected = [
        ':1: start 9 and end 5, expected the start before the end',
        f'{path}:3: class 77, expected 1 to 51',
        f'{path}:3: end 99, expected at most 30, the frames of the video',
    ]
    assert told == '; '.join(expected)


def test_one_frame_is_an_action_only_if_its_end_is_counted(tmp_path):
    path = _write(tmp_path, '3,9,9,2')
    assert pku.read_actions(path, frame_base=1, frames=30) == [Action(8, 9, 2, 1)]


def test_a_label_file_without_rows_or_of_bytes_is_told(tmp_path):
    assert _told(pku.read_actions, _write(tmp_path, ' \n'), frame_base=0).startswith(': empty')
    told = _told(pku.read_actions, _write(tmp_path, b'1,2,3,1\n\xff\n'), frame_base=0)
    assert told == ':2: bytes that are no text'


def test_overlapping_actions_are_those_that_begin_before_another_ended(tmp_path):
    rows = ['10,234,332,2', '8,517,808,2', '23,333,506,2', '39,632,680,2', '10,682,737,2',
            '43,739,808,2', '5,808,900,2']
    path = _write(tmp_path, '\n'.join(rows))
    assert pku.overlapping(pku.read_actions(path, frame_base=0)) == [4, 5, 6]
    assert pku.overlapping(pku.read_actions(path, frame_base=1)) == [4, 5, 6, 7]


LIST = 'Training videos: \n0002-L, 0002-M, 0003-R, \nValidataion videos: \n0004-L, 0005-M\n'


@pytest.mark.parametrize('end', ['\n', '\r\n', '\n\n'])
def test_a_split_list_is_read(tmp_path, end):
    split = pku.read_split(_write(tmp_path, LIST.replace('\n', end)))
    assert split.training == ('0002-L', '0002-M', '0003-R')
    assert split.validation == ('0004-L', '0005-M')


@pytest.mark.parametrize(
    ('text', 'told'),
    [
        ('', ": no video listed after 'Training videos:'"),
        (LIST.split('Valid')[0], ": no video listed after 'Validataion videos:'"),
        (LIST.replace('0003-R', '003-R'), ":2: '003-R', expected a name such as 0002-L"),
        (LIST.replace('0003-R', '0003-S'), ":2: '0003-S', expected a name such as 0002-L"),
        (LIST.removeprefix('Training videos: \n'), ":1: '0002-L', expected a name"),
        (LIST.replace('0005-M', '0002-M'), ':4: 0002-M again, listed in line 2'),
        (LIST + LIST, ":5: a second list 'Training videos:'"),
    ],
)
def test_a_damaged_split_list_is_told_with_its_line(tmp_path, text, told):
    assert _told(pku.read_split, _write(tmp_path, text)).startswith(told)
