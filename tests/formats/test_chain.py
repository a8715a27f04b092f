"""Forward kinematics by hand."""

import numpy as np
import pytest

from skeljax.formats import chain
from skeljax.skeletons import skeleton

TURNS = {  # what a quarter turn does to each axis, right-handed
    'x': ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    'y': ((0, 0, -1), (0, 1, 0), (1, 0, 0)),
    'z': ((0, 1, 0), (-1, 0, 0), (0, 0, 1)),
}


@pytest.mark.parametrize('axis', 'xyz')
def test_a_quarter_turn_is_right_handed(axis):
    turned = (chain.about(axis, np.pi / 2) @ np.eye(3)).T  # rows: where each axis goes
    np.testing.assert_allclose(turned, TURNS[axis], atol=1e-15)


def test_the_last_letter_turns_first():
    angles = np.full((2, 2), np.pi / 2)
    turns = chain.rotations(angles, 'xz')
    # Rx Rz x = Rx y = z.
    np.testing.assert_allclose(turns @ [1.0, 0, 0], [[0, 0, 1]] * 2, atol=1e-15)
    np.testing.assert_array_equal(chain.rotations(np.zeros((3, 0)), ''), [np.eye(3)] * 3)


def test_a_joint_is_turned_by_those_above_it_and_not_by_itself():
    turns = np.stack([chain.about(axis, np.pi / 2) for axis in 'zxy'])[None]
    offsets = np.array([[[0, 0, 0], [1.0, 0, 0], [0, 1.0, 0]]])
    motion = chain.Chain(np.array([[5.0, 6, 7]]), offsets, turns)
    joints, turned = chain.frames(motion, (-1, 0, 1))
    # Rz x = y; Rz Rx y = Rz z = z.
    np.testing.assert_allclose(joints[0], [[5, 6, 7], [5, 7, 7], [5, 7, 8]], atol=1e-15)
    np.testing.assert_allclose(turned[0, 2], turns[0, 0] @ turns[0, 1] @ turns[0, 2], atol=1e-15)
    twice = chain.concatenate([motion, motion])
    assert len(twice) == 2
    np.testing.assert_array_equal(chain.forward(twice, (-1, 0, 1)), [joints[0], joints[0]])


def test_positions_alone_make_a_chain_without_rotations():
    parents = (2, 0, -1)  # the root last: no order is needed but for `forward`
    joints = np.array([[[1.0, 2, 3], [1, 5, 3], [0, 2, 3]], [[2, 2, 2], [4, 4, 4], [1, 1, 1]]])
    made = chain.from_positions(joints, parents)
    np.testing.assert_array_equal(made.root, [[0, 2, 3], [1, 1, 1]])
    np.testing.assert_array_equal(made.offsets[0], [[1, 0, 0], [0, 3, 0], [0, 0, 0]])
    np.testing.assert_array_equal(made.rotations, np.tile(np.eye(3), (2, 3, 1, 1)))
    known = skeleton.get('kinect20').parents
    poses = np.random.default_rng(0).normal(size=(4, 20, 3))
    again = chain.forward(chain.from_positions(poses, known), known)
    np.testing.assert_allclose(again, poses, rtol=0, atol=1e-14)


def test_a_layout_is_known_by_its_joints_and_parents_or_a_files_own():
    known = skeleton.get('cmu31')
    assert chain.layout('own', known.joints, known.parents) == 'cmu31'
    own = skeleton.get(chain.layout('own', ('a', 'b', 'c'), (-1, 0, 0)))
    assert (own.name, own.joints, own.parents) == ('own', ('a', 'b', 'c'), (-1, 0, 0))
