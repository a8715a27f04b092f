import jax
import jax.numpy as jnp
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.skeletons import skeleton, streams


def _case():
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(2, 6, 2, 25, 3)).astype(np.float32)
    mask = np.ones((2, 6, 2), bool)
    mask[0, 4:] = False  # a short one
    mask[1, 2, 1] = False  # the second person is lost for a moment
    return jnp.array(joints), jnp.array(mask)


def test_joints_stay_as_they_are():
    joints, mask = _case()
    assert streams.derive(joints, mask, 'joint', 'ntu25') is joints


def test_motion_is_the_way_to_the_next_frame_where_both_are_there():
    joints, mask = _case()
    motion = np.asarray(streams.derive(joints, mask, 'motion', 'ntu25'))
    expected = np.zeros_like(motion)
    for b, t, m in np.ndindex(2, 5, 2):
        if mask[b, t, m] and mask[b, t + 1, m]:
            expected[b, t, m] = np.asarray(joints[b, t + 1, m] - joints[b, t, m])
    np.testing.assert_array_equal(motion, expected)
    assert not motion[0, 3:].any() and not motion[1, 1:3, 1].any() and motion[1, 1:3, 0].any()


def test_what_lies_in_the_padding_does_not_matter():
    joints, mask = _case()
    garbage = jnp.where(mask[..., None, None], joints, 1e3)
    ours, theirs = (streams.derive(x, mask, 'motion', 'ntu25') for x in (joints, garbage))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize('layout', ['ntu25', 'coco17', 'smplh52'])
def test_bones_lead_from_parent_to_child(layout):
    known = skeleton.get(layout)
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(1, 3, 1, known.num_joints, 3)).astype(np.float32)
    bones = np.asarray(streams.derive(joints, np.ones((1, 3, 1), bool), 'bone', layout))
    for parent, child in known.bones:
        np.testing.assert_array_equal(
            bones[..., child, :], joints[..., child, :] - joints[..., parent, :]
        )
    assert not bones[..., known.parents.index(-1), :].any()
    # From the root outwards they add up to the joints.
    total = {known.parents.index(-1): joints[..., known.parents.index(-1), :]}
    while len(total) < known.num_joints:
        for parent, child in known.bones:
            if parent in total:
                total[child] = total[parent] + bones[..., child, :]
    rebuilt = np.stack([total[joint] for joint in range(known.num_joints)], -2)
    np.testing.assert_allclose(rebuilt, joints, atol=1e-5)


def test_a_stream_of_one_frame_has_no_motion():
    joints, mask = _case()
    motion = jax.jit(streams.derive, static_argnums=(2, 3))(
        joints[:, :1], mask[:, :1], 'motion', 'ntu25'
    )
    assert motion.shape == (2, 1, 2, 25, 3) and not np.any(motion)


def test_what_is_no_stream_is_told():
    with pytest.raises(InputError, match="unknown stream 'speed', known: joint, motion, bone"):
        streams.check('speed', 'ntu25')
    alone = skeleton.describe(skeleton.infer('dot', ['dot'], [-1]))
    with pytest.raises(InputError, match="stream 'bone': layout dot has no bones"):
        streams.check('bone', alone)
    streams.check('motion', alone)
