"""NTU RGB+D files: known motion comes back, damage is told with its line, and it is fast."""

import time

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax import formats
from skeljax.errors import FormatError
from skeljax.formats import ntu
from skeljax.skeletons import skeleton
from tests import kinect_files

NAME = 'S001C002P003R001A004.skeleton'
SPINE_BASE, HAND_TIP = 0, 21


def _told(data: bytes) -> str:
    with pytest.raises(FormatError) as caught:
        ntu.parse(data, NAME)
    assert '\n' not in str(caught.value)
    return str(caught.value)


def _changed(change) -> bytes:
    """Writes two frames of one body, with its lines (from 0) changed in place."""
    lines = kinect_files.skeleton(kinect_files.motion(2)).split(b'\n')
    change(lines)
    return b'\n'.join(lines)


def _field(line: int, column: int, text: bytes):
    """Makes a change of one field."""

    def change(lines):
        fields = lines[line].split(b' ')
        fields[column] = text
        lines[line] = b' '.join(fields)

    return change


@pytest.mark.parametrize('end', ['\n', '\r\n', ' \n', '\t\r\n'])
@pytest.mark.parametrize('tail', [b'', b'\n', b'\r\n\r\n', b' \n\n'])
def test_known_motion_comes_back(tmp_path, end, tail):
    joints = kinect_files.motion(6, 2)
    path = tmp_path / NAME
    path.write_bytes(kinect_files.skeleton(joints, end=end).rstrip() + tail)
    motion = formats.read(path)
    np.testing.assert_array_equal(motion.joints, joints.astype(np.float32))
    assert motion.joints.dtype == np.float32 and motion.joint_valid.all() and motion.valid.all()
    assert (motion.fps, motion.layout, motion.subject) == (30.0, 'ntu25', 'P003')
    assert motion.source == NAME


@pytest.mark.parametrize('end', ['\n', '\r\n'])
def test_bodies_keep_a_slot_each_in_the_order_in_which_they_appear(end):
    joints = kinect_files.motion(5, 3)
    valid = np.array([[0, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 0], [0, 1, 1]], bool)
    motion = ntu.parse(kinect_files.skeleton(joints, valid, end=end), NAME)
    order = [1, 0, 2]
    expected = np.where(valid[..., None, None], joints, 0)[:, order]
    np.testing.assert_array_equal(motion.valid, valid[:, order])
    np.testing.assert_array_equal(motion.joints, expected.astype(np.float32))
    np.testing.assert_array_equal(motion.joint_valid.all(2), valid[:, order])


def test_a_joint_that_is_not_tracked_is_guessed_from_when_it_was():
    joints = kinect_files.motion(6)
    joints[:, 0, HAND_TIP] = np.arange(6)[:, None] * [0.1, 0.2, 0.3] + 1
    truth = joints.copy()
    state = np.full((6, 1, 25), 2)
    state[[1, 2, 4], 0, HAND_TIP] = 0
    joints[state == 0] = -9
    state[0, 0, SPINE_BASE] = 1
    motion = ntu.parse(kinect_files.skeleton(joints, state=state), NAME)
    np.testing.assert_array_equal(motion.joint_valid, state > 0)
    np.testing.assert_allclose(motion.joints, truth, atol=1e-6)


def test_a_joint_that_is_never_tracked_goes_with_its_nearest_and_stays_flagged():
    joints = kinect_files.motion(4)
    state = np.full((4, 1, 25), 2)
    state[..., HAND_TIP] = 0
    motion = ntu.parse(kinect_files.skeleton(joints, state=state), NAME)
    hand = skeleton.get('ntu25').parents[HAND_TIP]
    assert not motion.joint_valid[..., HAND_TIP].any()
    np.testing.assert_array_equal(motion.joints[:, 0, HAND_TIP], motion.joints[:, 0, hand])


def test_a_body_of_which_no_joint_is_tracked_is_absent():
    joints = kinect_files.motion(4, 2)
    state = np.full((4, 2, 25), 2)
    state[:, 0] = 0
    state[2, 1] = 0
    motion = ntu.parse(kinect_files.skeleton(joints, state=state), NAME)
    assert motion.valid.tolist() == [[True], [True], [False], [True]]
    np.testing.assert_array_equal(motion.joints[[0, 1, 3], 0], joints[[0, 1, 3], 1].astype('f4'))
    assert not motion.joints[2].any()


def _without(line):
    return lambda lines: lines.pop(line)


DAMAGE = {
    'empty': (lambda lines: lines.clear(), ': empty, expected 1 fields'),
    'blank': (lambda lines: lines.__setitem__(slice(None), [b'', b'']), ': empty, expected'),
    'no frames': (_field(0, 0, b'0'), ":1: '0', expected the number of frames"),
    'frames in words': (_field(0, 0, b'two'), ":1: 'two', expected the number of frames"),
    'a huge number of frames': (_field(0, 0, b'9' * 5000), ":1: '999"),
    'more frames than told': (_field(0, 0, b'1'), ':30: a line more, expected the file to end'),
    'fewer frames than told': (_field(0, 0, b'3'), ': the file ends after 57 lines, expected 1'),
    'more bodies than told': (_field(1, 0, b'0'), ':3: 10 fields, expected 1 (the number of bod'),
    'fewer bodies than told': (_field(1, 0, b'2'), ':30: 1 fields, expected 10 of a body'),
    'a negative count': (_field(1, 0, b'-1'), ":2: '-1', expected the number of bodies"),
    'an id in words': (_field(2, 0, b'7205x'), ":3: tracking id '7205x', expected a whole"),
    'a field less of a body': (lambda lines: _cut(lines, 2), ':3: 9 fields, expected 10 of a body'),
    '24 joints': (_field(3, 0, b'24'), ':4: 24 joints, expected 25'),
    'a joint less': (_without(7), ':29: 1 fields, expected 12 of a joint'),
    'a field less of a joint': (lambda lines: _cut(lines, 9), ':10: 11 fields, expected 12 of a'),
    'a field more': (_field(9, 5, b'1 1'), ':10: 13 fields, expected 12 of a joint'),
    'no number': (_field(9, 1, b'0,5'), ":10: '0,5', expected meters"),
    'not a number': (_field(9, 2, b'NaN'), ":10: 'NaN', expected meters"),
    'infinite': (_field(9, 2, b'-Infinity'), ":10: '-Infinity', expected meters"),
    'beyond all rooms': (_field(9, 0, b'1e30'), ":10: '1e30', expected meters"),
    'an unknown state': (_field(9, 11, b'3'), ":10: tracking state '3', expected 0, 1 or 2"),
    'no state': (_field(9, 11, b'0.5'), ":10: tracking state '0.5', expected 0, 1 or 2"),
    'bytes that are no text': (_field(9, 7, b'\xff\xfe'), ':10: bytes that are no text'),
    'cut in a line': (lambda lines: lines.__setitem__(slice(40, None), [b'0.1 0.2']), ':41: 2 fie'),
    'cut between lines': (lambda lines: lines.__delitem__(slice(40, None)), ': the file ends'),
}


def _cut(lines, line):
    lines[line] = lines[line].rpartition(b' ')[0]


@pytest.mark.parametrize(('change', 'told'), DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_is_told_with_its_line(change, told):
    assert _told(_changed(change)).startswith(NAME + told)


def test_two_bodies_of_one_id_in_a_frame_are_told():
    told = _told(kinect_files.skeleton(kinect_files.motion(2, 2), ids=[17, 17]))
    assert told == f'{NAME}:30: a second body 17 in frame 0, expected other ids'


def test_a_clip_in_which_nobody_is_tracked_is_told():
    joints = kinect_files.motion(3)
    nobody = kinect_files.skeleton(joints, np.zeros((3, 1), bool))
    untracked = kinect_files.skeleton(joints, state=np.zeros((3, 1, 25), int))
    for data in (nobody, untracked):
        assert _told(data) == f'{NAME}: no tracked body in any of its 3 frames'


def test_ids_without_end_are_refused(monkeypatch):
    monkeypatch.setattr(ntu, '_MOST', 100)
    data = kinect_files.skeleton(kinect_files.motion(11, 11), np.eye(11, dtype=bool))
    assert _told(data) == f'{NAME}: 11 frames x 11 tracking ids, expected at most 100'


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(FormatError, match='cannot be read: '):
        ntu.read(tmp_path)


COORDINATES = st.one_of(
    st.floats(-20, 20).map(kinect_files.number),
    st.floats(-1e-3, 1e-3).map(lambda value: f'{value:.12g}'),
    st.integers(-30, 30).map(str),
)


@settings(max_examples=50, deadline=None)
@given(
    valid=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=4),
    places=st.lists(COORDINATES, min_size=1, max_size=9),
    state=st.lists(st.integers(0, 2), min_size=1, max_size=9),
    end=st.sampled_from(['\n', '\r\n']),
)
def test_both_ways_of_reading_agree(valid, places, state, end):
    joints = np.resize(np.array(places, object), (len(valid), 2, 25, 3))
    data = kinect_files.skeleton(
        np.zeros(joints.shape),
        np.array(valid),
        state=np.resize(state, joints.shape[:3]),
        end=end,
    )
    fields = iter(joints[np.array(valid)].reshape(-1, 3).tolist())
    lines = [
        ' '.join([*next(fields), *line.split(' ')[3:]]) if line.count(' ') > 10 else line
        for line in data.decode().split('\n')
    ]
    data = '\n'.join(lines).encode()
    assert (ntu._quick(data) is not None) == np.any(valid)
    _agree(data)


def _agree(data: bytes):
    """Checks what is read at once against what is read line by line, or both refuse."""
    quick = ntu._quick(data)
    if quick is None:
        return
    careful = ntu._careful(data, NAME)
    assert (quick.frames, quick.ids) == (careful.frames, careful.ids)
    for name in ('frame', 'joints', 'state'):
        np.testing.assert_array_equal(getattr(quick, name), getattr(careful, name))


WHOLE = kinect_files.skeleton(kinect_files.motion(2, 2))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_happens_to_a_file_it_is_read_or_refused_in_one_line(data):
    raw = bytearray(WHOLE.replace(b'\n', data.draw(st.sampled_from([b'\n', b'\r\n']))))
    place = st.integers(0, len(raw) - 1)
    for _ in range(data.draw(st.integers(1, 3))):
        kind = data.draw(st.sampled_from(['byte', 'insert', 'cut', 'drop', 'twice']))
        at, to = sorted((data.draw(place) % max(1, len(raw)), data.draw(place)))
        if kind == 'byte' and raw:
            raw[at] = data.draw(st.sampled_from(list(b'0123456789 .-\n\r\te\x00\xff')))
        elif kind == 'insert':
            raw[at:at] = data.draw(st.sampled_from([b' ', b'\n', b'.', b'9', b'\t', b'25\n']))
        elif kind == 'cut':
            del raw[at:]
        elif kind == 'drop':
            del raw[at : min(to, at + 300)]
        else:
            raw[at:at] = raw[at : min(to, at + 300)]
    raw = bytes(raw)
    _agree(raw)
    try:
        motion = ntu.parse(raw, NAME)
    except FormatError as error:
        assert str(error).startswith(NAME) and '\n' not in str(error)
        return
    assert np.isfinite(motion.joints).all() and motion.valid.any()
    assert not motion.joints[~motion.valid].any()
    assert not motion.joint_valid[~motion.valid].any()


@pytest.mark.parametrize('end', ['\n', '\r\n'])
def test_a_whole_file_is_read_many_times_as_fast_as_line_by_line(end):
    """Files of the usual size: 80 to 100 frames, one body or two.

    How many times depends on the processor: 16 on one machine, 11 on another (docs/benchmarks.md).
    The slow path, to which one unusual line would send the whole file, is 1.7 times as fast.
    """
    files = [
        kinect_files.skeleton(kinect_files.motion(80 + 5 * number, 1 + number % 2, number), end=end)
        for number in range(4)
    ]
    for data in files:
        joints, state = kinect_files.line_by_line(data)
        np.testing.assert_array_equal(ntu.parse(data, NAME).joints, joints)

    def seconds(read):
        start = time.perf_counter()
        for data in files:
            read(data)
        return time.perf_counter() - start

    at_once = lambda data: ntu.parse(data, NAME)
    slow, fast = [], []
    # The least of several, taken in turn: other work on the machine only adds to it.
    while len(slow) < 5 or (len(slow) < 30 and min(slow) / min(fast) < 6):
        slow.append(seconds(kinect_files.line_by_line))
        fast += [seconds(at_once) for _ in range(3)]
    assert min(slow) / min(fast) >= 6, (slow, fast)
