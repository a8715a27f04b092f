"""Normalization: what place, heading and size a recording has afterwards."""

import dataclasses

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax.data import normalize
from skeljax.data.records import Recording
from skeljax.errors import InputError
from skeljax.skeletons import skeleton

LAYOUT = skeleton.get('ntu25')
((LOW,), (HIGH,)), ((RIGHT,), (LEFT,)) = LAYOUT.spine, LAYOUT.shoulders
(CENTRE,) = LAYOUT.center
SEEDS = st.integers(0, 2**32 - 1)


def _recording(joints, valid=None) -> Recording:
    joints = np.asarray(joints, np.float32)
    valid = np.ones(joints.shape[:2], bool) if valid is None else np.asarray(valid, bool)
    none = np.zeros(0, np.int32)
    return Recording(
        name='clip 7',
        joints=joints,
        frame_valid=valid.any(1),
        person_valid=valid,
        joint_valid=np.ones(joints.shape[:3], bool),
        fps=30.0,
        layout='ntu25',
        segment_start=none,
        segment_end=none,
        segment_label=none,
    )


def _any(seed, frames=4, persons=2) -> Recording:
    """Makes a recording whose first frame shows a body with a spine and shoulders."""
    rng = np.random.default_rng(seed)
    joints = rng.normal(size=(frames, persons, 25, 3))
    joints[0, 0, [LOW, HIGH, RIGHT, LEFT]] = [[0, 0, 0], [0, 1, 0.1], [-1, 1, 0], [1, 1, 0.2]]
    return _recording(joints)


def _rotation(rng) -> np.ndarray:
    matrix = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return matrix * np.sign(np.linalg.det(matrix))


def _gaps(joints):
    points = joints.reshape(-1, 3).astype(np.float64)
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


@given(SEEDS)
def test_centre_puts_the_first_person_at_the_origin_in_every_frame(seed):
    before = _any(seed)
    after = normalize.centre(before)
    assert (after.joints[:, 0, CENTRE] == 0).all()
    apart = before.joints - before.joints[:, :1, CENTRE : CENTRE + 1]
    np.testing.assert_allclose(after.joints, apart, atol=1e-6)


def test_centre_stays_where_the_first_person_was_while_they_are_away():
    joints = np.zeros((6, 2, 25, 3))
    joints[:, 0] = np.arange(6.0)[:, None, None]
    joints[:, 1] = 10
    valid = np.array([[0, 1], [1, 1], [0, 1], [0, 1], [1, 1], [0, 1]], bool)
    joints[~valid] = 0
    after = normalize.centre(_recording(joints, valid)).joints
    assert after[:, 1, 0, 0].tolist() == [9, 9, 9, 9, 6, 6]
    assert after[:, 0, 0, 0].tolist() == [0] * 6
    alone = _recording(joints, valid & [[False, True]])
    np.testing.assert_array_equal(normalize.centre(alone).joints, alone.joints)


def test_centre_first_keeps_the_path_and_the_company():
    joints = np.zeros((3, 2, 25, 3))
    joints[:, 0, CENTRE] = [[9, 9, 9], [1, 2, 3], [2, 2, 3]]
    joints[:, 1] = 4
    after = normalize.centre_first(_recording(joints, [[0, 1], [1, 1], [1, 1]])).joints
    assert after[:, 0, CENTRE].tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert (after[:, 1, 0] == [3, 2, 1]).all()


def test_centre_each_puts_every_chest_at_the_origin():
    before = _any(4)
    after = normalize.centre_each(before)
    assert (after.joints[:, :, 20] == 0).all()
    head, chest = before.joints[2, 1, [3, 20]]
    np.testing.assert_array_equal(after.joints[2, 1, 3], head - chest)
    coco = dataclasses.replace(before, layout='coco17', joints=before.joints[:, :, :17])
    middle = normalize.centre_each(coco).joints[:, :, [5, 6]].sum(2)  # its shoulders'
    np.testing.assert_allclose(middle, 0, atol=1e-6)


def test_align_turns_up_to_z_and_the_left_shoulder_to_x():
    joints = np.zeros((2, 1, 25, 3))
    joints[0, 0, [HIGH, LEFT, RIGHT]] = [0, 1, 0], [0.2, 1.5, 0], [-0.2, 1.5, 0]
    joints[1, 0, 3] = [1, 2, 3]
    after = normalize.align(_recording(joints)).joints
    # y stands for up, x for left: what was in front (z) comes to -y.
    np.testing.assert_allclose(after[0, 0, HIGH], [0, 0, 1], atol=1e-6)
    np.testing.assert_allclose(after[0, 0, LEFT], [0.2, 0, 1.5], atol=1e-6)
    np.testing.assert_allclose(after[1, 0, 3], [1, -3, 2], atol=1e-6)


@settings(deadline=None)
@given(SEEDS)
def test_align_turns_without_bending_or_mirroring(seed):
    before = _any(seed)
    after = normalize.align(before)
    np.testing.assert_allclose(_gaps(after.joints), _gaps(before.joints), atol=1e-4)
    volume = lambda joints: np.linalg.det(joints[1, 0, :3].astype(np.float64))
    assert volume(after.joints) == pytest.approx(volume(before.joints), abs=1e-4)
    spine = after.joints[0, 0, HIGH] - after.joints[0, 0, LOW]
    across = after.joints[0, 0, LEFT] - after.joints[0, 0, RIGHT]
    np.testing.assert_allclose(spine[:2], 0, atol=1e-5)
    assert spine[2] > 0 and across[0] > 0
    assert across[1] == pytest.approx(0, abs=1e-5)


@settings(deadline=None)
@given(SEEDS)
def test_normalised_it_is_the_same_however_the_camera_stood(seed):
    rng = np.random.default_rng(seed)
    before = _any(seed)
    seen = (before.joints @ _rotation(rng).T) * rng.uniform(0.5, 2) + rng.normal(size=3)
    apply = normalize.compose(('center', 'align', 'size'))
    again = apply(dataclasses.replace(before, joints=seen.astype(np.float32)))
    np.testing.assert_allclose(again.joints, apply(before).joints, atol=1e-3)


def test_align_goes_by_the_first_frame_that_shows_the_first_person():
    shown = _any(0)
    hidden = np.full((2, 2, 25, 3), 7.0)
    valid = [[0, 0], [0, 1], [1, 1], [1, 1], [1, 1], [1, 1]]
    after = normalize.align(_recording(np.concatenate([hidden, shown.joints]), valid))
    np.testing.assert_array_equal(after.joints[2:], normalize.align(shown).joints)


def test_align_goes_by_a_frame_in_which_the_axes_were_measured_if_there_is_one():
    shown, guess = _any(0), _any(1)
    both = _recording(np.concatenate([guess.joints, shown.joints]))
    both.joint_valid[:4, 0, LEFT] = False
    after = normalize.align(both)
    np.testing.assert_array_equal(after.joints[4:], normalize.align(shown).joints)
    both.joint_valid[:, 0, LEFT] = False  # never: then as if it had been
    np.testing.assert_array_equal(normalize.align(both).joints[:4], normalize.align(guess).joints)


def test_axes_may_end_between_joints():
    """Of COCO, which has neither pelvis nor neck, from the middle of the hips to the shoulders'."""
    joints = np.zeros((1, 1, 17, 3))
    joints[0, 0, [11, 12]] = [0.1, 1, 0], [-0.1, 1, 0]
    joints[0, 0, [5, 6]] = [0.2, 1.5, 0], [-0.2, 1.5, 0]
    recording = dataclasses.replace(_recording(joints), layout='coco17')
    after = normalize.compose(('center', 'align', 'size'))(recording).joints[0, 0]
    np.testing.assert_allclose(after[[11, 12]], [[0.2, 0, 0], [-0.2, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(after[[5, 6]], [[0.4, 0, 1], [-0.4, 0, 1]], atol=1e-6)


@pytest.mark.parametrize('high', [(0, 0, 0), (1, 0, 0)])
def test_align_leaves_a_body_without_spine_or_shoulders_as_it_is(high):
    joints = np.zeros((1, 1, 25, 3), np.float32)
    joints[0, 0, [HIGH, LEFT, RIGHT]] = high, [0.2, 0, 0], [-0.2, 0, 0]  # all on one line
    np.testing.assert_array_equal(normalize.align(_recording(joints)).joints, joints)


def test_size_is_the_median_torso_of_the_frames_that_show_the_person():
    joints = np.zeros((6, 1, 25, 3))
    joints[:, 0, HIGH, 1] = [9, 9, 9, 0.4, 0.5, 3]
    joints[:, 0, 3, 0] = 1
    after = normalize.size(_recording(joints, [[0], [0], [0], [1], [1], [1]])).joints
    np.testing.assert_allclose(after[:, 0, HIGH, 1], [0, 0, 0, 0.8, 1, 6], rtol=1e-6)
    np.testing.assert_allclose(after[:, 0, 3, 0], [0, 0, 0, 2, 2, 2])


@pytest.mark.parametrize('valid', [[[1]], [[0]]])
def test_size_leaves_a_body_without_a_torso_as_it_is(valid):
    joints = np.zeros((1, 1, 25, 3))
    after = normalize.size(_recording(joints, valid)).joints
    np.testing.assert_array_equal(after, joints)


STEPS = [name if kind is None else f'{name}:2' for name, (_, kind) in normalize.STEPS.items()]


@pytest.mark.parametrize('name', [*STEPS, 'resample:60', 'stretch:9', *normalize.PIPELINES])
def test_an_absent_person_stays_at_zero_and_the_input_is_kept(name):
    before = _any(3)
    valid = before.person_valid.copy()
    valid[1:3, 1] = False
    before = dataclasses.replace(
        before, joints=np.where(valid[..., None, None], before.joints, 0), person_valid=valid
    )
    kept = before.joints.copy()
    after = normalize.compose((name,))(before)
    assert (after.joints[~after.person_valid] == 0).all()
    assert (after.joints[after.person_valid] != 0).any((-1, -2)).all()
    assert (after.frame_valid == after.person_valid.any(1)).all()
    assert after.joints.dtype == np.float32 and after.joints.shape[1:] == kept.shape[1:]
    assert after.person_valid.shape == after.joints.shape[:2]
    assert after.joint_valid.shape == after.joints.shape[:3]
    np.testing.assert_array_equal(before.joints, kept)


def test_steps_are_taken_in_the_order_of_their_names():
    recording = _any(5)
    both = normalize.compose(('center', 'size'))(recording)
    one_by_one = normalize.size(normalize.centre(recording))
    np.testing.assert_array_equal(both.joints, one_by_one.joints)
    assert normalize.compose(())(recording) is recording


def test_an_unknown_step_is_named_with_those_there_are():
    with pytest.raises(InputError, match=r"'shrink', known: center, .*, size, .*, ctr-gcn$"):
        normalize.compose(('center', 'shrink'))


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('resample', 'resample:NUMBER'), ('resample:', 'resample:NUMBER'),
        ('resample:often', 'resample:NUMBER'), ('resample:0', 'resample:NUMBER'),
        ('resample:-1', 'resample:NUMBER'), ('resample:nan', 'resample:NUMBER'),
        ('resample:inf', 'resample:NUMBER'), ('stretch:1.5', 'stretch:NUMBER'),
        ('center:1', 'center without a number'), ('size:', 'size without a number'),
    ],
)
def test_a_number_that_is_missing_wrong_or_too_many_is_named(text, expected):
    with pytest.raises(InputError, match=f'^normalization {text!r}, expected {expected}'):
        normalize.compose((text,))


def test_a_recording_comes_to_another_layout():
    before = _any(6)
    before.joint_valid[2, 0, 5] = False
    after = normalize.in_layout(before, 'coco17')
    assert after.layout == 'coco17' and after.joints.shape == (4, 2, 17, 3)
    np.testing.assert_array_equal(after.joints[:, :, 7], before.joints[:, :, 5])  # the elbow
    assert after.joint_valid[:, 0, 7].tolist() == [True, True, False, True]
    assert not after.joint_valid[:, :, 0].any()  # Kinect knows no nose
