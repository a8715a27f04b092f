"""Who is kept of several persons, in which order and where."""

import numpy as np
import pytest

from skeljax.data import normalize, persons
from skeljax.data.records import Recording


def _recording(joints, valid=None) -> Recording:
    joints = np.asarray(joints, np.float32)
    valid = np.ones(joints.shape[:2], bool) if valid is None else np.asarray(valid, bool)
    none = np.zeros(0, np.int32)
    return Recording(
        name='clip 7',
        joints=np.where(valid[..., None, None], joints, 0),
        frame_valid=valid.any(1),
        person_valid=valid,
        joint_valid=np.ones(joints.shape[:3], bool),
        fps=30.0,
        layout='ntu25',
        segment_start=none,
        segment_end=none,
        segment_label=none,
    )


def _marked(frames, *amplitudes) -> Recording:
    """Makes persons who swing to and fro by an amplitude, each marked by the y of the head."""
    joints = np.zeros((frames, len(amplitudes), 25, 3))
    for person, amplitude in enumerate(amplitudes):
        joints[::2, person, :, 0] = amplitude
        joints[:, person, 3, 1] = person + 1
    return _recording(joints)


def _who(recording) -> list[int]:
    """Tells the mark of who is in each place, 0 for nobody."""
    return recording.joints[:, :, 3, 1].max(0).astype(int).tolist()


def test_the_two_who_move_most_are_kept():
    after = persons.order_persons(_marked(6, 0.1, 3, 0.2, 2))
    assert _who(after) == [2, 4] and after.joints.shape == (6, 2, 25, 3)
    assert after.person_valid.all() and after.frame_valid.all()
    assert _who(persons.order_persons(_marked(6, 0.1, 3), 1)) == [2]


def test_energy_by_hand():
    """Half the frames at 0, half at a: a deviation of a / 2, over all frames and joints."""
    joints = np.zeros((4, 2, 25, 3))
    joints[::2, 0] = [0.8, 0.8, 0.8]  # 3 x 0.4 = 1.2, variances 3 x 0.16 = 0.48
    joints[::2, 1] = [2.2, 0, 0]  # 1.1, variance 1.21
    joints[:, 0, 3, 1], joints[:, 1, 3, 1] = 1, 2
    recording = _recording(joints)
    assert persons._energy(recording, 0) == pytest.approx(1.2, abs=0.05)
    assert persons._energy(recording, 1) == pytest.approx(1.1 + np.std([2] + [0] * 24), abs=0.05)
    assert _who(persons.order_variance(recording)) == [2, 1]


def test_energy_does_not_take_absence_for_movement():
    valid = np.ones((6, 2), bool)
    valid[::2, 0] = False
    joints = np.zeros((6, 2, 25, 3))
    joints[..., 0] = 50  # far from where zeros would be
    joints[:, :, 3, 1] = [1, 2]
    joints[::3, 1, :, 0] += 0.1
    assert _who(persons.order_persons(_recording(joints, valid))) == [2, 1]


def test_where_there_is_one_an_absent_second_is_added():
    after = persons.order_persons(_marked(5, 1.0), 2)
    assert after.person_valid.tolist() == [[True, False]] * 5
    assert (after.joints[:, 1] == 0).all() and after.joint_valid.shape == (5, 2, 25)
    assert _who(persons.first_persons(_marked(5, 0.1, 3, 4), 2)) == [1, 2]
    assert _who(persons.first_persons(_marked(5, 0.1), 3)) == [1, 0, 0]


def _bodies(*extents, frames=20) -> Recording:
    """Makes bodies of (width, height) in meters, each marked by the y of the head."""
    joints = np.zeros((frames, len(extents), 25, 3))
    for person, (width, height) in enumerate(extents):
        joints[:, person, 8, 0] = width
        joints[:, person, 3, 1] = height
    return _recording(joints)


def test_who_is_seen_briefly_or_wider_than_tall_is_noise():
    valid = np.ones((20, 3), bool)
    valid[11:, 1] = False
    bodies = _bodies((0.5, 1.7), (0.5, 1.6), (0.9, 1.0))
    after = persons.denoise(_recording(bodies.joints, valid))
    assert after.person_valid.any(0).tolist() == [True, False, False]
    assert (after.joints[:, 1:] == 0).all()
    valid[11, 1] = True  # a twelfth frame
    assert persons.denoise(_recording(bodies.joints, valid)).person_valid.any(0).tolist() == [
        True, True, False,
    ]


@pytest.mark.parametrize(('frames', 'stays'), [(13, True), (14, False)])
def test_a_body_may_be_wide_in_less_than_seven_tenths_of_its_frames(frames, stays):
    bodies = _bodies((0.5, 1.7), (0.5, 1.6))
    bodies.joints[:frames, 1, 8, 0] = 1.5  # 13 of 20 is 0.65, 14 is 0.7
    assert persons.denoise(bodies).person_valid[:, 1].all() == stays


def test_the_last_one_is_no_noise():
    assert persons.denoise(_bodies((2, 1))).person_valid.all()
    assert persons.denoise(_bodies((2, 1), (3, 1))).person_valid.any(0).tolist() == [False, True]
    brief = _bodies((0.5, 1.7), (0.5, 1.7), frames=5)
    assert persons.denoise(brief).person_valid.all()


def test_persons_who_are_not_there_together_share_a_place():
    joints = np.zeros((10, 4, 25, 3))
    joints[:, :, 3, 1] = [1, 2, 3, 4]
    valid = np.zeros((10, 4), bool)
    for person, (start, end) in enumerate([(0, 4), (2, 6), (4, 10), (5, 8)]):
        valid[start:end, person] = True
    after = persons.slots(_recording(joints, valid), 2)
    marks = after.joints[:, :, 3, 1].astype(int)
    assert marks[:, 0].tolist() == [1, 1, 1, 1, 3, 3, 3, 3, 3, 3]
    assert marks[:, 1].tolist() == [0, 0, 2, 2, 2, 2, 0, 0, 0, 0]  # 4 comes while 2 is there
    np.testing.assert_array_equal(after.person_valid, marks > 0)


def test_front_and_loop_by_hand():
    joints = np.zeros((7, 2, 25, 3))
    joints += np.arange(1, 8)[:, None, None, None]
    valid = np.array([[1, 0], [1, 0], [1, 1], [0, 1], [0, 0], [0, 1], [0, 0]], bool)
    recording = _recording(joints, valid)
    recording.joint_valid[3, 1, 6] = False
    after = persons.front(recording)
    assert after.joints[:, 0, 0, 0].tolist() == [1, 2, 3, 0, 0, 0, 0]
    assert after.joints[:, 1, 0, 0].tolist() == [3, 4, 6, 0, 0, 0, 0]
    assert after.joint_valid[:, 1, 6].tolist() == [True, False] + [True] * 5
    assert after.frame_valid.tolist() == [True] * 3 + [False] * 4
    after = persons.loop(after)
    assert after.joints[:, 0, 0, 0].tolist() == [1, 2, 3, 1, 2, 3, 1]
    assert after.joints[:, 1, 0, 0].tolist() == [3, 4, 6, 3, 4, 6, 3]
    assert after.joint_valid[:, 1, 6].tolist() == [True, False, True, True, False, True, True]
    assert after.frame_valid.all()


def test_nobody_stays_nobody():
    nobody = _recording(np.zeros((4, 2, 25, 3)), np.zeros((4, 2)))
    for name in ('crossclr', '2s-agcn', 'ctr-gcn'):
        after = normalize.compose((name,))(nobody)
        assert not after.person_valid.any() and not after.frame_valid.any()
        assert (after.joints == 0).all()
