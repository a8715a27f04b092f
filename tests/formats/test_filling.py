"""What was not measured is filled in from what was, and told."""

from hypothesis import given, strategies as st
import numpy as np
import pytest

from skeljax.errors import FormatError
from skeljax.formats import filling
from skeljax.skeletons import skeleton

PARENTS = (-1, 0, 1, 1)


def _motion(joints, measured, **more):
    parts = {'fps': 30.0, 'layout': 'ntu25'} | more
    return filling.motion('walk.npy', joints, measured, **parts)


def test_a_gap_is_a_straight_line_and_the_ends_rest():
    joints = np.zeros((6, 1, 3))
    joints[1, 0], joints[4, 0] = [1, 2, 3], [4, 2, 0]
    measured = np.array([0, 1, 0, 0, 1, 0], bool)[:, None]
    joints[~measured] = np.nan
    filled = filling.fill(joints, measured)[:, 0]
    expected = [[1, 2, 3], [1, 2, 3], [2, 2, 2], [3, 2, 1], [4, 2, 0], [4, 2, 0]]
    np.testing.assert_allclose(filled, expected)


def test_a_joint_never_measured_goes_with_the_nearest_along_the_tree():
    joints = np.arange(2 * 4 * 3, dtype=float).reshape(2, 4, 3)
    measured = np.ones((2, 4), bool)
    measured[:, [1, 3]] = False
    filled = filling.fill(np.where(measured[..., None], joints, np.nan), measured, PARENTS)
    np.testing.assert_array_equal(filled[:, 1], joints[:, 0])  # its parent
    np.testing.assert_array_equal(filled[:, 3], joints[:, 0])  # the parent's parent
    measured[:, 0], measured[:, 1] = False, True
    filled = filling.fill(np.where(measured[..., None], joints, np.nan), measured, PARENTS)
    np.testing.assert_array_equal(filled[:, 0], joints[:, 1])  # its child


def test_without_a_tree_it_goes_with_the_middle():
    joints = np.arange(2 * 3 * 3, dtype=float).reshape(2, 3, 3)
    measured = np.array([[True, True, False]] * 2)
    filled = filling.fill(joints, measured)
    np.testing.assert_array_equal(filled[:, 2], joints[:, :2].mean(1))


def test_each_stay_of_a_person_is_filled_from_itself():
    joints = np.ones((7, 1, 25, 3))
    joints[4:] = 9
    measured = np.ones((7, 1, 25), bool)
    measured[3] = False  # gone
    measured[[2, 4], 0, 5] = False
    joints[~measured] = np.nan
    motion = _motion(joints, measured)
    assert motion.valid[:, 0].tolist() == [True] * 3 + [False] + [True] * 3
    assert (motion.joints[:3] == 1).all() and (motion.joints[4:] == 9).all()
    assert (motion.joints[3] == 0).all()
    np.testing.assert_array_equal(motion.joint_valid, measured)


def test_whoever_is_said_to_be_there_is_filled_in_there():
    joints = np.ones((5, 2, 25, 3))
    measured = np.zeros((5, 2, 25), bool)
    measured[:4, 0] = True
    measured[1:3, 0] = False
    valid = np.ones((5, 2), bool)
    valid[4, 0] = False
    motion = _motion(joints, measured, valid=valid)
    assert motion.valid[:, 0].tolist() == [True, True, True, True, False]
    assert not motion.valid[:, 1].any() and (motion.joints[:, 1] == 0).all()
    assert (motion.joints[:4, 0] == 1).all()


def test_nobody_there_is_told():
    measured = np.ones((5, 1, 25), bool)
    with pytest.raises(FormatError, match='walk.npy: no person with a measured joint'):
        _motion(np.ones((5, 1, 25, 3)), measured, valid=np.zeros((5, 1), bool))


def test_all_measured_is_told_shortly():
    motion = _motion(np.ones((3, 1, 25, 3)), np.ones((3, 1, 25), bool))
    assert motion.joint_valid is None and motion.valid.all()


@pytest.mark.parametrize(
    ('value', 'told'),
    [(np.inf, r'frame 2: joint 7 is at \(inf, 0, 0\)'), (2e6, r'\(2e\+06, 0, 0\)')],
)
def test_what_is_beyond_reason_is_told(value, told):
    joints = np.zeros((3, 1, 25, 3))
    joints[2, 0, 7, 0] = value
    with pytest.raises(FormatError, match=f'walk.npy: .*{told}'):
        _motion(joints, np.ones((3, 1, 25), bool))


def test_nothing_measured_is_told():
    with pytest.raises(FormatError, match='walk.npy: no joint was measured in 3 frames'):
        _motion(np.zeros((3, 1, 25, 3)), np.zeros((3, 1, 25), bool))


@given(st.integers(1, 8), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_whatever_is_missing_the_measured_stays_and_the_rest_lies_between(frames, persons, seed):
    rng = np.random.default_rng(seed)
    measured = rng.random((frames, persons, 25)) < rng.random()
    joints = np.where(measured[..., None], rng.normal(size=(*measured.shape, 3)), np.nan)
    if not measured.any():
        return
    motion = _motion(joints, measured)
    np.testing.assert_array_equal(motion.joints[measured], joints[measured].astype(np.float32))
    assert (motion.valid == measured.any(2)).all()
    assert (motion.joints[~motion.valid] == 0).all()
    for person in range(persons):
        seen = motion.joints[:, person][measured[:, person]]
        there = motion.joints[motion.valid[:, person], person]
        if len(seen):
            assert (there >= seen.min(0) - 1e-6).all() and (there <= seen.max(0) + 1e-6).all()
    told = np.ones(measured.shape, bool) if motion.joint_valid is None else motion.joint_valid
    np.testing.assert_array_equal(told[motion.valid], measured[motion.valid])


def test_the_tree_is_the_layouts():
    parents = skeleton.get('ntu25').parents
    joints = np.random.default_rng(0).normal(size=(4, 1, 25, 3))
    measured = np.ones((4, 1, 25), bool)
    measured[..., 7] = False
    motion = _motion(joints, measured)
    np.testing.assert_array_equal(motion.joints[:, 0, 7], motion.joints[:, 0, parents[7]])
