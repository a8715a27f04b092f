import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax import augment
from skeljax.skeletons import skeleton

B, T, M, V = 3, 40, 2, 25


def _keys(seed=0, count=B):
    return augment.example_keys(jax.random.key(seed), jnp.arange(count))


def _joints(frames=T):
    return jnp.array(np.random.default_rng(0).normal(size=(B, frames, M, V, 3)), jnp.float32)


def _ramp(frames=T):
    """The frame's number in every coordinate: shows where frames came from."""
    numbers = jnp.arange(frames, dtype=jnp.float32)[:, None, None, None]
    return jnp.broadcast_to(numbers, (B, frames, M, V, 3))


def _transform(joints, keys=None, **amplitudes):
    run = jax.jit(functools.partial(augment.transform, layout='ntu25', **amplitudes))
    return np.asarray(run(_keys() if keys is None else keys, joints))


def test_nothing_switched_on_changes_nothing():
    np.testing.assert_array_equal(_transform(_joints()), _joints())


def test_crop_takes_consecutive_frames():
    joints, frames = augment.crop(
        _keys(), _ramp(), jnp.ones((B, T, 1), bool), length=16, pad_ratio=0
    )
    places = np.asarray(joints)[:, :, 0, 0, 0]
    np.testing.assert_array_equal(np.diff(places, axis=1), np.ones((B, 15)))
    assert frames.all() and len(set(places[:, 0])) > 1


def test_crop_reflects_at_both_ends():
    # Many draws of the whole clip: positions before 0 mirror frame 0, 1, ...
    keys = augment.example_keys(jax.random.key(1), jnp.arange(200))
    ramp = jnp.broadcast_to(_ramp()[:1, :, :1, :1], (200, T, 1, 1, 3))
    joints, frames = augment.crop(keys, ramp, jnp.ones((200, T, 1), bool), length=T, pad_ratio=4)
    places = np.asarray(joints)[..., 0, 0, 0].astype(int)
    assert frames.all()
    lengthened = np.concatenate([np.arange(10)[::-1], np.arange(T), np.arange(T - 10, T)[::-1]])
    expected = {tuple(lengthened[s : s + T]) for s in range(21)}
    assert {tuple(row) for row in places} == expected


def test_crop_of_a_short_clip_masks_the_rest():
    valid = jnp.arange(T)[None] < jnp.array([[12], [30], [0]])
    joints, mask = augment.crop(_keys(), _ramp(), valid[..., None], length=24, pad_ratio=6)
    assert np.asarray(mask).sum(1).tolist() == [[16], [24], [0]]
    assert np.asarray(joints)[0, :16].max() <= 11


def test_crop_keeps_labels_with_their_frames():
    labels = jnp.broadcast_to(jnp.arange(T), (B, T))
    joints, _, cut = augment.crop(
        _keys(), _ramp(), jnp.ones((B, T, 1), bool), length=16, tempo=0.5, labels=labels
    )
    assert np.abs(np.asarray(joints)[:, :, 0, 0, 0] - np.asarray(cut)).max() <= 0.5


def test_who_comes_and_goes_is_never_mixed_with_nobody():
    there = (jnp.arange(T) >= 10) & (jnp.arange(T) < 25)
    mask = jnp.stack([jnp.ones(T, bool), there], -1)[None].repeat(B, 0)
    one = _ramp()[:, :, :1]
    both = jnp.concatenate([one, one + 100], axis=2)
    joints = jnp.where(mask[..., None, None], both, 0)
    cut, seen = augment.crop(_keys(), joints, mask, length=20, pad_ratio=0, tempo=0.5)
    cut, seen = np.asarray(cut)[..., 0, 0], np.asarray(seen)
    assert seen[..., 0].all() and seen[..., 1].any() and not seen[..., 1].all()
    apart = (cut[..., 1] - cut[..., 0])[seen[..., 1]]
    # The first goes on between two frames, the second stays with the nearest: half a frame.
    np.testing.assert_allclose(apart, 100, atol=0.5)


def test_tempo_changes_the_speed_within_its_bounds():
    keys = augment.example_keys(jax.random.key(0), jnp.arange(100))
    ramp = jnp.broadcast_to(_ramp(160)[:1, :, :1, :1], (100, 160, 1, 1, 3))
    joints, _ = augment.crop(
        keys, ramp, jnp.ones((100, 160, 1), bool), length=64, pad_ratio=0, tempo=1.0
    )
    speeds = np.diff(np.asarray(joints)[..., 0, 0, 0], axis=1).mean(1)
    assert 0.49 < speeds.min() < 0.6 and 1.7 < speeds.max() < 2.01


def test_shear_is_one_linear_map_an_example():
    joints = _joints()
    sheared = _transform(joints, shear=0.5)
    for before, after in zip(np.asarray(joints), sheared):
        matrix = np.linalg.lstsq(before.reshape(-1, 3), after.reshape(-1, 3), rcond=None)[0].T
        np.testing.assert_allclose(before @ matrix.T, after, atol=1e-4)
        np.testing.assert_allclose(np.diag(matrix), 1, atol=1e-4)
        assert 0 < np.abs(matrix - np.eye(3)).max() <= 0.5


@pytest.mark.parametrize('amplitudes', [dict(yaw=1.0), dict(rotate=0.5)])
def test_rotations_keep_lengths(amplitudes):
    turned = _transform(_joints(), **amplitudes)
    np.testing.assert_allclose(
        np.linalg.norm(turned, axis=-1), np.linalg.norm(_joints(), axis=-1), rtol=1e-5
    )
    assert not np.allclose(turned, _joints())


def test_turn_keeps_the_vertical():
    turned = _transform(_joints(), yaw=1.0)
    np.testing.assert_allclose(turned[..., 2], _joints()[..., 2], atol=1e-6)


def test_mirror_exchanges_sides():
    mirrored = _transform(_joints(), mirror=1.0)
    left, right = skeleton.get('ntu25').mirror[0]
    flipped = np.asarray(_joints())[..., left, :] * [-1, 1, 1]
    np.testing.assert_allclose(mirrored[..., right, :], flipped, rtol=1e-6)
    np.testing.assert_allclose(_transform(jnp.array(mirrored), mirror=1.0), _joints(), rtol=1e-6)
    published = _transform(_joints(), mirror=1.0, faithful=True)
    np.testing.assert_array_equal(published[..., right, :], _joints()[..., left, :])


def test_blur_keeps_a_standing_pose_unless_faithful():
    still = jnp.broadcast_to(_joints(1), (B, T, M, V, 3))
    np.testing.assert_allclose(_transform(still, blur=2.0), still, atol=1e-5)
    many = jnp.broadcast_to(still[:1], (32, T, M, V, 3))
    louder = _transform(many, _keys(count=32), blur=2.0, faithful=True)[:, T // 2] / many[:, T // 2]
    # The published kernel sums to 1.0 (width 0.1) up to 5.0 (width 2).
    assert louder.max() > 3 and louder.min() > 0.99 and (louder < 1.01).any()


def test_blur_smooths():
    rough = np.abs(np.diff(_joints(), axis=1)).mean()
    many = jnp.broadcast_to(_joints()[:1], (32, T, M, V, 3))
    blurred = _transform(many, _keys(count=32), blur=2.0)
    steps = np.abs(np.diff(blurred, axis=1)).mean((1, 2, 3, 4))
    assert (np.isclose(steps, np.abs(np.diff(many[0], axis=0)).mean(), rtol=1e-4)).any()  # p = 0.5
    assert steps.min() < rough / 2


def test_noise_has_its_size_where_it_is_drawn():
    many = jnp.zeros((64, T, M, V, 3))
    spread = _transform(many, _keys(count=64), noise=0.05).std((1, 2, 3, 4))
    drawn = spread[spread > 0]
    assert 15 < len(drawn) < 49
    np.testing.assert_allclose(drawn, 0.05, rtol=0.1)


def test_masks_zero_whole_axes_and_joints():
    many = jnp.ones((64, T, M, V, 3))
    zero = _transform(many, _keys(count=64), axis_mask=0.5) == 0
    assert set(zero.sum((1, 2, 3, 4)) / (T * M * V)) == {0, 1}
    assert (zero.all((1, 2, 3)).sum(0) > 3).all()
    zero = _transform(many, _keys(count=64), mask_joints=7) == 0
    assert (zero.all((1, 2, 4)).sum(1) == 7).all()
    assert (zero.sum((1, 2, 3, 4)) == 7 * T * M * 3).all()


def test_hidden_joints_are_others_in_each_frame_and_the_same_of_all_persons():
    keys = _keys(count=64)
    shown = np.asarray(augment.mask_joints(keys, jnp.ones((64, T, M, V, 3)), 2))
    zero = shown[:, :, 0, :, 0] == 0
    np.testing.assert_array_equal(
        shown == 0, np.broadcast_to(zero[:, :, None, :, None], shown.shape)
    )
    assert (zero.sum(-1) == 2).all()
    # Every joint as often as any other: 64 · T · 2 / V times, give or take five deviations.
    assert (abs(zero.sum((0, 1)) - 204.8) < 5 * 13.7).all()
    assert (zero[:, 1:] != zero[:, :-1]).any(-1).mean() > 0.95
    again = augment.mask_joints(keys[5:6], jnp.ones((1, T, M, V, 3)), 2)
    np.testing.assert_array_equal(again, shown[5:6])


def test_an_example_does_not_depend_on_its_neighbours():
    amplitudes = dict(shear=0.5, noise=0.01, blur=2.0, axis_mask=0.5, scale=0.2, mirror=0.5)
    whole = _transform(_joints(), **amplitudes)
    alone = _transform(_joints()[1:2], _keys()[1:2], **amplitudes)
    np.testing.assert_allclose(whole[1:2], alone, rtol=1e-6, atol=1e-6)


def test_another_body_keeps_directions_and_changes_bones_alike_on_both_sides():
    layout = skeleton.get('ntu25')
    joints = _joints() - skeleton.middle(_joints(), layout.center)[..., None, :]
    other = _transform(joints, bone_scale=0.3)
    vectors = lambda x: np.stack([np.asarray(x)[..., c, :] - x[..., p, :] for p, c in layout.bones])
    ratio = (vectors(other) * vectors(joints)).sum(-1) / (vectors(joints) ** 2).sum(-1)
    np.testing.assert_allclose(vectors(other), ratio[..., None] * vectors(joints), atol=1e-4)
    # One ratio an example and bone, for all frames and persons.
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :, :1, :1], ratio.shape), atol=1e-4)
    ratio = {child: r[:, 0, 0] for (_, child), r in zip(layout.bones, ratio, strict=True)}
    for left, right in layout.mirror:
        np.testing.assert_allclose(ratio[left], ratio[right], atol=1e-4)
    drawn = np.stack(list(ratio.values()))
    assert 0.7 <= drawn.min() < 0.8 and 1.2 < drawn.max() <= 1.3
    np.testing.assert_allclose(skeleton.middle(other, layout.center), 0, atol=1e-6)


def test_relative_tempo_gives_one_half_at_its_rate_or_all_of_it_at_twice_that():
    joints = np.arange(8 * 7, dtype=np.float32).reshape(8, 7, 1, 1, 1)
    mask = np.ones((8, 7, 1), bool)
    mask[:, 5:] = False
    keys = augment.example_keys(jax.random.key(3), jnp.arange(8))
    (same, same_mask), (other, other_mask) = (
        augment.relative_tempo(keys, jnp.array(joints), jnp.array(mask), other=which)
        for which in (False, True)
    )
    half, whole = joints[:, :3, 0, 0, 0], joints[:, :6:2, 0, 0, 0]
    slow = (np.asarray(same)[:, :, 0, 0, 0] == half).all(1)
    assert 0 < slow.sum() < 8  # the coin falls either way
    np.testing.assert_array_equal(same[..., 0, 0, 0], np.where(slow[:, None], half, whole))
    np.testing.assert_array_equal(other[..., 0, 0, 0], np.where(slow[:, None], whole, half))
    np.testing.assert_array_equal(same_mask[..., 0], np.ones((8, 3), bool))  # frames 0 to 4 are
    # The coin belongs to the example, wherever it lies in the batch.
    again, _ = augment.relative_tempo(
        keys[::-1], jnp.array(joints[::-1]), jnp.array(mask), other=False
    )
    np.testing.assert_array_equal(again[::-1], same)


def test_a_single_frame_has_one_tempo():
    joints, mask = _ramp(1), jnp.ones((B, 1, M), bool)
    for other in (False, True):
        found = augment.relative_tempo(_keys(), joints, mask, other=other)
        jax.tree.map(np.testing.assert_array_equal, found, (joints, mask))


def test_half_of_the_clips_are_sheared_in_the_others_joints_are_spoilt():
    count, spoilt = 400, 10
    joints = jnp.broadcast_to(_joints(4)[:1], (count, 4, M, V, 3))
    made = _transform(joints, _keys(count=count), shear=1.0, corrupt_joints=spoilt)
    changed = (made != np.asarray(joints)).any((1, 2, 4))
    sheared = changed.all(1)
    assert 0.4 < sheared.mean() < 0.6  # binomial: four deviations are 0.1
    assert (changed[~sheared].sum(1) == spoilt).all()
    assert len(set(map(tuple, changed[~sheared]))) > 100  # others in each clip
    zeroed = (made == 0).all((1, 2, 4)).any(1)
    assert not zeroed[sheared].any() and 0.35 < zeroed[~sheared].mean() < 0.65
    assert ((made[zeroed] == 0).all((1, 2, 4)).sum(1) == spoilt).all()
    # The rest: all spoilt joints of a clip by one matrix, the same in every frame.
    for number in np.flatnonzero(~sheared & ~zeroed)[:9]:
        lost = changed[number]
        before, after = (np.asarray(x)[number][:, :, lost].reshape(-1, 3) for x in (joints, made))
        matrix, residual = np.linalg.lstsq(before, after, rcond=None)[:2]
        np.testing.assert_allclose(residual, 0, atol=1e-6)
        assert np.abs(matrix).max() < 1 and np.abs(matrix - np.eye(3)).max() > 0.1
    alone = _transform(joints, _keys(count=count), shear=1.0)
    np.testing.assert_allclose(made[sheared], alone[sheared], atol=1e-6)
