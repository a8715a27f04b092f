"""Another frame rate: the same path at other moments."""

import numpy as np
import pytest

from skeljax.data.resample import resample
from skeljax.formats.motion import Motion


def _motion(frames=121, fps=60.0, persons=1, **more):
    seconds = np.arange(frames)[:, None, None, None] / fps
    # Straight paths, so that what lies between is known.
    speed = np.random.default_rng(0).normal(size=(1, persons, 25, 3))
    joints = (1 + seconds * speed).astype(np.float32)
    return Motion(joints, fps, 'ntu25', **({'valid': np.ones((frames, persons), bool)} | more))


@pytest.mark.parametrize('fps', [12.5, 24.0, 30.0, 90.0])
def test_frame_i_shows_what_was_at_its_second(fps):
    motion = _motion()
    made = resample(motion, fps)
    assert made.fps == fps and len(made.joints) == round(121 * fps / 60)
    assert made.joints.dtype == np.float32 and made.valid.shape == (len(made.joints), 1)
    speed = (motion.joints[60] - motion.joints[0]) / 1.0
    moments = np.minimum(np.arange(len(made.joints)) / fps, 2.0)[:, None, None, None]
    np.testing.assert_allclose(made.joints, motion.joints[0] + moments * speed, atol=1e-4)


def test_the_same_rate_is_the_same_motion():
    motion = _motion()
    assert resample(motion, 60.0) is motion


def test_nobody_is_half_there():
    valid = np.ones((8, 2), bool)
    valid[3:, 1] = False
    motion = _motion(8, 30.0, 2, valid=valid)
    motion.joints[~valid] = 0
    made = resample(motion, 45.0)
    assert (made.joints[~made.valid] == 0).all()
    assert (made.joints[made.valid] != 0).all()
    # Frame 3 is at 2.0 of the old frames, frame 4 at 2.67.
    assert made.valid[:, 1].tolist() == [True] * 4 + [False] * 8


def test_what_was_not_measured_stays_so():
    measured = np.ones((8, 1, 25), bool)
    measured[4, 0, 7] = False
    made = resample(_motion(8, 30.0, joint_valid=measured), 15.0)
    assert np.argwhere(~made.joint_valid).tolist() == [[2, 0, 7]]


def test_a_single_frame_stays_one():
    assert len(resample(_motion(1, 120.0), 30.0).joints) == 1
