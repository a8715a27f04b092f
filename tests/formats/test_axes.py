"""The order of the axes of an array: recognized from its sizes and its motion, or refused."""

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

import skeljax
from skeljax.data import synthetic
from skeljax.errors import FormatError
from skeljax.formats import axes, wanted

NTU = wanted.parse('ntu25')
FLAT = wanted.parse('coco17')
TOLD = {'fps': 30, 'layout': 'ntu25'}


def _two(frames=50) -> np.ndarray:
    """Two people who move, 1.5 m apart, float32[T, 2, 25, 3]."""
    both = [synthetic.recording(3, 'train', who, 0, actions=4, noise=0.0)[0] for who in (0, 1)]
    joints = np.concatenate([motion.joints[:frames] for motion in both], 1)
    return joints + np.float32([[[0, 0, 0]], [[1.5, 0, 0]]])


TWO = _two()


def _stored(joints: np.ndarray, order: str) -> np.ndarray:
    """Stores joints [T, M, V, C] in another order of axes."""
    if 'm' not in order:
        joints = joints[:, 0]
    plain = 'tmvc' if 'm' in order else 'tvc'
    turned = joints.transpose([plain.index(letter) for letter in order.replace('n', '')])
    return turned[None] if 'n' in order else turned


def _read(tmp_path, array, **told):
    np.save(tmp_path / 'a.npy', array)
    return skeljax.read(tmp_path / 'a.npy', **{**TOLD, **told})


@pytest.mark.parametrize(
    'order',
    ['tvc', 'ctv', 'vct', 'tcv', 'tmvc', 'mtvc', 'ctvm', 'nctv', 'nvct', 'nctvm', 'nmtvc', 'nmctv'],
)
def test_every_order_of_the_field_gives_the_same_motion(tmp_path, order):
    motion = _read(tmp_path, _stored(TWO, order))
    persons = 2 if 'm' in order else 1
    np.testing.assert_array_equal(motion.joints, TWO[:, :persons])
    assert bool(motion.notes) == (order not in ('tvc', 'tmvc'))
    if motion.notes:
        assert motion.notes[0].startswith('joints are (') and 'read as' in motion.notes[0]


@settings(deadline=None, max_examples=40)
@given(
    order=st.sampled_from(['tmvc', 'mtvc', 'ctvm', 'nctvm', 'nmtvc']),
    frames=st.integers(4, 50),
    persons=st.integers(1, 2),
    padded=st.booleans(),
)
def test_any_length_and_number_of_persons_is_recognized(order, frames, persons, padded):
    joints = TWO[:frames, :persons].copy()
    if padded:
        joints[:, persons - 1 :] = 0 if persons == 2 else joints[:, persons - 1 :]
    found = axes.arrange('a.npy', 'joints', _stored(joints, order), NTU)
    np.testing.assert_array_equal(found.joints, joints)


def test_a_sample_of_st_gcn_is_no_crowd(tmp_path):
    """Three coordinates of 50 frames were once read as three frames of 50 persons."""
    motion = _read(tmp_path, _stored(TWO, 'ctvm'))
    assert motion.joints.shape == (50, 2, 25, 3)
    assert motion.notes == (
        'joints are (3, 50, 25, 2): read as coordinates, frames, joints, persons',
    )


def test_layouts_that_fit_are_named_where_none_is_told(tmp_path):
    with pytest.raises(FormatError) as error:
        _read(tmp_path, np.ones((3, 50, 18, 2)), layout=None)
    told = 'no joint layout, expected the option layout; of its shape (3, 50, 18, 2) may be '
    assert str(error.value).endswith(f'{told}openpose18')


def test_rows_of_all_coordinates_are_taken_apart(tmp_path):
    both = TWO.reshape(50, 150)
    np.testing.assert_array_equal(_read(tmp_path, both).joints, TWO)
    np.testing.assert_array_equal(_read(tmp_path, both[:, :75]).joints, TWO[:, :1])
    np.testing.assert_array_equal(_read(tmp_path, both[None]).joints, TWO)


def test_a_frame_of_two_persons_stays_one_frame(tmp_path):
    assert _read(tmp_path, TWO[:1]).joints.shape == (1, 2, 25, 3)


def test_a_last_number_between_0_and_1_is_a_certainty(tmp_path):
    """x, y, z and visibility of MediaPipe; x, y and score of ST-GCN's Kinetics."""
    points = np.random.default_rng(0).uniform(-1, 1, (6, 33, 3))
    seen = np.full((6, 33, 1), 0.9)
    seen[2, 5] = 0
    motion = _read(tmp_path, np.concatenate([points, seen], -1), layout='mediapipe33')
    assert np.argwhere(~motion.joint_valid).tolist() == [[2, 0, 5]]
    np.testing.assert_allclose(motion.joints[3, 0], points[3], rtol=1e-6)
    flat = np.concatenate([TWO[:, :1, :18, :2], np.full((50, 1, 18, 1), 0.5)], -1)
    motion = _read(tmp_path, _stored(flat, 'ctvm'), layout='openpose18')
    np.testing.assert_array_equal(motion.joints[..., :2], flat[..., :2])
    assert (motion.joints[..., 2] == 0).all() and 'confidence' in motion.notes[-1]


@pytest.mark.parametrize(
    ('array', 'told'),
    [
        (np.ones((7, 3, 50, 25, 2)), 'samples, coordinates, frames, joints, persons'),
        (np.ones((7, 2, 50, 25, 3)), 'samples, persons, frames, joints, coordinates'),
        (np.ones((500, 60, 25, 3)), 'samples, frames, joints, coordinates'),
        (np.ones((40, 300, 150)), 'samples, frames, coordinates of all joints'),
        (np.ones((3, 50, 24, 2)), '24 joints, expected the 25 of ntu25: joints are (3, 50, 24, 2)'),
        (np.ones((2, 2, 2, 2, 2, 2)), 'expected (frames, joints, 2 or 3)'),
        (np.ones((50, 74)), 'joints are (50, 74), expected'),
        (np.ones((50, 25, 4)) * 7, 'expected the fourth between 0 and 1'),
        (np.ones((0, 2, 25, 3)), 'joints are (0, 2, 25, 3)'),
    ],
)
def test_what_is_no_recording_is_refused_with_its_axes(tmp_path, array, told):
    with pytest.raises(FormatError) as error:
        _read(tmp_path, array)
    assert told in str(error.value) and '\n' not in str(error.value)


def test_two_orders_that_fit_alike_are_refused():
    still = np.repeat(np.random.default_rng(0).normal(size=(2, 1, 17, 2)), 50, 1)
    with pytest.raises(FormatError) as error:
        axes.arrange('a.npy', 'joints', still, FLAT)
    for words in ('persons, frames, joints, coordinates', 'coordinates, frames, joints, persons'):
        assert words in str(error.value)


def test_a_body_of_zeros_is_absent(tmp_path):
    """Zeros in either slot are nobody, as data sets of the field pad them."""
    for slot in (0, 1):
        padded = TWO.copy()
        padded[:, slot] = 0
        motion = _read(tmp_path, padded)
        np.testing.assert_array_equal(motion.joints[:, 0], TWO[:, 1 - slot])
        assert motion.valid.shape == (50, 1) and motion.valid.all()
    padded = TWO.copy()
    padded[20:, 1] = 0
    motion = _read(tmp_path, padded)
    assert motion.valid[:, 0].all() and motion.valid[:, 1].tolist() == [True] * 20 + [False] * 30
    with pytest.raises(FormatError, match='no joint was measured in 50 frames'):
        _read(tmp_path, TWO * 0)


def test_a_mask_of_frames_and_persons_settles_the_order(tmp_path):
    joints = np.random.default_rng(0).normal(size=(4, 1, 3, 3))
    mask = np.ones((4, 1), bool)
    names = np.array(['a', 'b', 'c'])
    own = {'joints': joints, 'joint_names': names, 'parents': np.array([-1, 0, 1])}
    np.savez(tmp_path / 'a.npz', **own, fps=30, unit='m', valid=mask)
    assert skeljax.read(tmp_path / 'a.npz').joints.shape == (4, 1, 3, 3)
