"""Layouts that a user tells: names, parts of whole bodies, lists of joints; for every format."""

import json

import numpy as np
import pytest

import skeljax
from skeljax.errors import FormatError, InputError
from skeljax.formats import wanted
from skeljax.skeletons import skeleton

RNG = np.random.default_rng(0)
BVH = """HIERARCHY
ROOT Hips
{
OFFSET 0 0 0
CHANNELS 3 Zrotation Xrotation Yrotation
JOINT Spine
{
OFFSET 0 60 0
CHANNELS 3 Zrotation Xrotation Yrotation
JOINT Head
{
OFFSET 0 40 0
CHANNELS 3 Zrotation Xrotation Yrotation
End Site
{
OFFSET 0 10 0
}
}
}
JOINT Foot
{
OFFSET 0 -90 0
CHANNELS 3 Zrotation Xrotation Yrotation
}
}
MOTION
Frames: 2
Frame Time: 0.0333333
0 0 0 0 0 0 0 0 0 0 0 0
0 0 0 0 0 0 0 0 0 0 0 0
"""


def _read(tmp_path, joints, layout, **more):
    np.save(tmp_path / 'a.npy', joints)
    return skeljax.read(tmp_path / 'a.npy', fps=30, layout=layout, up='y', unit='m', **more)


@pytest.mark.parametrize('name', sorted(skeleton.LAYOUTS))
def test_every_layout_can_be_told_by_name(tmp_path, name):
    count = skeleton.get(name).num_joints
    joints = RNG.normal(size=(4, count, 3)).astype(np.float32)
    motion = _read(tmp_path, joints, name)
    assert motion.layout == name and motion.notes == ()
    np.testing.assert_array_equal(motion.joints[:, 0], joints)


@pytest.mark.parametrize(
    ('told', 'count', 'layout', 'taken'),
    [
        ('halpe136', 136, 'halpe26', range(26)),
        ('halpe26', 136, 'halpe26', range(26)),
        ('coco_wholebody133', 133, 'coco23', range(23)),
        ('coco17', 133, 'coco17', range(17)),
        ('smplx55', 55, 'smplh52', [*range(22), *range(25, 55)]),
        ('smplh52', 127, 'smplh52', [*range(22), *range(25, 55)]),
        ('smpl45', 45, 'smpl24', range(24)),
        ('smpl22', 24, 'smpl22', range(22)),
        ('openpose25', 67, 'openpose25', range(25)),
    ],
)
def test_the_body_is_taken_of_a_whole_body(tmp_path, told, count, layout, taken):
    joints = RNG.normal(size=(4, count, 3)).astype(np.float32)
    motion = _read(tmp_path, joints, told)
    assert motion.layout == layout
    np.testing.assert_array_equal(motion.joints[:, 0], joints[:, list(taken)])
    left = count - len(list(taken))
    assert motion.notes == (f'{left} of {count} points are no joints of {layout}',)


def test_axes_are_found_with_the_points_of_a_whole_body(tmp_path):
    joints = RNG.normal(size=(9, 133, 2)).cumsum(0).astype(np.float32)
    motion = _read(tmp_path, joints.transpose(2, 0, 1), 'coco_wholebody133')
    np.testing.assert_array_equal(motion.joints[:, 0, :, :2], joints[:, :23])


def test_names_of_joints_are_a_layout(tmp_path):
    joints = RNG.normal(size=(4, 3, 3)).astype(np.float32)
    for told in ('nose,left hip,tail', ['nose', 'left hip', 'tail']):
        motion = _read(tmp_path, joints, told)
        assert skeleton.get(motion.layout).joints == ('nose', 'left hip', 'tail')
    # Names of a known layout, in another order.
    order = RNG.permutation(17)
    shuffled = [skeleton.get('coco17').joints[joint] for joint in order]
    joints = RNG.normal(size=(4, 17, 3)).astype(np.float32)
    motion = _read(tmp_path, joints, ','.join(shuffled))
    assert motion.layout == 'coco17'
    np.testing.assert_array_equal(motion.joints[:, 0, order], joints)


def test_some_joints_of_a_layout_hang_together_as_there():
    own = wanted.named(['Left Shoulder', 'left_wrist', 'nose', 'left_knee']).layout
    assert own.parents == (2, 0, -1, 0)
    assert own.points == ('', '', 'nose', '')  # nothing is right of what is left


def test_names_stand_in_arrays_too(tmp_path):
    order = RNG.permutation(25)
    names = np.array(skeleton.get('ntu25').joints)[order]
    joints = RNG.normal(size=(4, 25, 3)).astype(np.float32)
    np.savez(tmp_path / 'a.npz', joints=joints, joint_names=names, fps=30)
    motion = skeljax.read(tmp_path / 'a.npz', up='y', unit='m')
    assert motion.layout == 'ntu25'
    np.testing.assert_array_equal(motion.joints[:, 0, order], joints)


def test_joints_are_taken_from_a_file_with_a_skeleton_of_its_own(tmp_path):
    (tmp_path / 'a.bvh').write_text(BVH)
    motion = skeljax.read(tmp_path / 'a.bvh', layout='Head,Hips,Foot', unit='cm')
    layout = skeleton.get(motion.layout)
    assert layout.joints == ('Head', 'Hips', 'Foot') and layout.parents == (1, -1, 1)
    np.testing.assert_allclose(motion.joints[0, 0], [[0, 1, 0], [0, 0, 0], [0, -0.9, 0]])
    whole = skeljax.read(tmp_path / 'a.bvh', layout='ntu25', unit='cm')
    assert whole.joints.shape[2] == 4
    assert whole.notes == (
        'the file has a skeleton of its own: ntu25 needs joints that it does not have',
    )


def test_a_table_of_numbered_points_of_a_whole_body(tmp_path):
    head = ','.join(f'{axis}{n}' for n in range(501) for axis in 'xyz')
    row = ','.join(map(str, range(1503)))
    (tmp_path / 'a.csv').write_text(f'{head}\n{row}\n{row}\n')
    motion = skeljax.read(tmp_path / 'a.csv', fps=30, layout='mediapipe33', unit='m', up='y')
    assert motion.layout == 'mediapipe33'
    np.testing.assert_array_equal(motion.joints[0, 0], np.arange(99).reshape(33, 3))


def test_alphapose_of_the_whole_body(tmp_path):
    flat = [v for n in range(136) for v in (n, 2 * n, 0.9)]
    items = [{'image_id': f'{n}.jpg', 'keypoints': flat, 'score': 1} for n in range(3)]
    (tmp_path / 'a.json').write_text(json.dumps(items))
    motion = skeljax.read(tmp_path / 'a.json', fps=30)
    assert motion.layout == 'halpe26'
    np.testing.assert_allclose(motion.joints[0, 0, :, 0], np.arange(26))
    assert motion.notes == ('110 of 136 points are no joints of halpe26',)


@pytest.mark.parametrize(
    ('told', 'message'),
    [
        ('halpe27', "unknown joint layout 'halpe27', known: .*, halpe136, coco_wholebody133"),
        ('nose,nose', 'names of joints are nose, nose: expected each once'),
        ('nose,,hip', 'expected each once'),
        (7, 'layout is 7, expected a name or names of joints'),
        ([7], r'layout is \[7\], expected a name or names of joints'),
    ],
)
def test_what_is_no_layout_is_told(told, message):
    with pytest.raises(InputError, match=message):
        wanted.parse(told)


def test_a_file_of_another_number_is_told(tmp_path):
    with pytest.raises(FormatError, match='17 joints, expected the 136 of halpe26'):
        _read(tmp_path, RNG.normal(size=(4, 17, 3)), 'halpe136')
