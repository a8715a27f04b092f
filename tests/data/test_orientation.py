"""Upright, on the floor and facing somewhere: of bodies that were turned on purpose."""

import numpy as np
import pytest

from skeljax.data import orientation, records
from skeljax.formats.motion import Motion
from skeljax.skeletons import skeleton

# A body of the Kinect's joints in meters: y up, looks along z, its left along x.
LIMBS = {
    'SpineBase': (0, 1, 0), 'SpineMid': (0, 1.2, 0), 'Neck': (0, 1.5, 0), 'Head': (0, 1.7, 0),
    'SpineShoulder': (0, 1.45, 0), 'ShoulderLeft': (0.2, 1.45, 0), 'ShoulderRight': (-0.2, 1.45, 0),
    'HipLeft': (0.1, 1, 0), 'HipRight': (-0.1, 1, 0), 'AnkleLeft': (0.1, 0.1, 0),
    'AnkleRight': (-0.1, 0.1, 0), 'FootLeft': (0.1, 0, 0.1), 'FootRight': (-0.1, 0, 0.1),
}
Z_UP = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])


def _standing(turn=np.eye(3), move=(0, 0, 0), layout='ntu25'):
    names = skeleton.get(layout).joints
    pose = np.array([LIMBS.get(name, (0, 1.2, 0)) for name in names], np.float32)
    joints = np.tile((pose + np.array(move)) @ turn.T, (20, 1, 1, 1)).astype(np.float32)
    motion = Motion(joints, 30.0, layout, np.ones((20, 1), bool))
    return records.from_motion(motion, name='a')


@pytest.mark.parametrize('turn', [np.eye(3), Z_UP, np.diag([-1, -1, 1]), np.diag([1, -1, -1])])
def test_whatever_was_up_is_y(turn):
    stood = orientation.find(_standing(turn, move=(5, 2, 1)))
    head = stood.joints[0, 0, skeleton.get('ntu25').joints.index('Head')]
    assert head[1] - stood.floor == pytest.approx(1.7, abs=1e-4)
    assert stood.height == pytest.approx(1.7, abs=1e-4)


def test_left_stays_left():
    for turn in (np.eye(3), Z_UP):
        joints = orientation.find(_standing(turn)).joints[0, 0]
        names = skeleton.get('ntu25').joints
        up = joints[names.index('Head')] - joints[names.index('SpineBase')]
        across = joints[names.index('ShoulderLeft')] - joints[names.index('ShoulderRight')]
        toes = joints[names.index('FootLeft')] - joints[names.index('AnkleLeft')]
        assert np.cross(across, up) @ toes > 0


@pytest.mark.parametrize('angle', [0.0, 1.0, -2.0])
def test_where_it_looks(angle):
    turn = np.array([
        [np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]
    ])
    assert orientation.find(_standing(turn)).facing == pytest.approx(angle, abs=1e-5)


def test_nobody_there():
    recording = _standing()
    motion = Motion(recording.joints, 30.0, 'ntu25', np.zeros((20, 1), bool))
    assert orientation.find(records.from_motion(motion, name='a')).height > 0


def test_a_root_that_stays_behind_is_no_part_of_the_body():
    layout = skeleton.infer('own', ['root', 'Hips', 'Head'], [-1, 0, 1])
    joints = np.zeros((10, 3, 3))
    joints[:, 1:, 0] = np.linspace(0, 5, 10)[:, None]
    joints[:, 2, 1] = 1
    assert orientation.body_of(joints, layout).tolist() == [False, True, True]
    joints[:, 0, 0] = joints[:, 1, 0]
    assert orientation.body_of(joints, layout).tolist() == [True, True, True]
