"""Maps between layouts: what is copied, what is guessed, and where that comes to lie."""

import itertools

import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.formats import ui_prmd
from skeljax.skeletons import anatomy, remap, skeleton

# A body at rest: meters, x to the left, y up, z ahead. The right side is the left's mirror image.
_LEFT = {
    'pelvis': (0, 0.95, 0), 'spine': (0, 1.08, 0), 'upper spine': (0, 1.22, -0.02),
    'chest': (0, 1.38, -0.02), 'neck': (0, 1.48, -0.01), 'head': (0, 1.58, 0.02),
    'head top': (0, 1.75, 0), 'nose': (0, 1.60, 0.12), 'throat': (0, 1.40, 0.06),
    'sternum': (0, 1.25, 0.10), 'back': (0, 1.22, -0.10),
    'left back': (0.08, 1.25, -0.10), 'left eye': (0.03, 1.63, 0.10),
    'left inner eye': (0.02, 1.63, 0.10), 'left outer eye': (0.05, 1.63, 0.09),
    'left ear': (0.08, 1.61, 0.01), 'left mouth': (0.03, 1.55, 0.10),
    'left front head': (0.07, 1.68, 0.09), 'left back head': (0.07, 1.68, -0.07),
    'left front pelvis': (0.13, 1.02, 0.10), 'left back pelvis': (0.05, 1.02, -0.12),
    'left collar': (0.05, 1.38, 0.01), 'left shoulder': (0.18, 1.40, 0),
    'left upper arm': (0.19, 1.26, 0), 'left elbow': (0.20, 1.12, 0),
    'left forearm': (0.21, 0.98, 0.02), 'left wrist': (0.22, 0.87, 0.04),
    'left inner wrist': (0.22, 0.87, 0.07), 'left outer wrist': (0.22, 0.87, 0.01),
    'left hand': (0.22, 0.80, 0.05), 'left hand tip': (0.22, 0.70, 0.06),
    'left thumb': (0.21, 0.77, 0.10), 'left hip': (0.09, 0.92, 0), 'left thigh': (0.10, 0.70, 0),
    'left knee': (0.10, 0.50, 0.01), 'left shank': (0.10, 0.28, 0),
    'left ankle': (0.10, 0.09, -0.02), 'left heel': (0.10, 0.03, -0.07),
    'left toe': (0.11, 0.03, 0.11), 'left toe tip': (0.11, 0.02, 0.16),
    'left small toe': (0.15, 0.02, 0.10),
}
_KNUCKLES = {'index': 0.08, 'middle': 0.06, 'ring': 0.04, 'pinky': 0.02}  # how far ahead
for _finger, _ahead in _KNUCKLES.items():
    for _n, _height in enumerate((0.79, 0.75, 0.72), 1):
        _LEFT[f'left {_finger} {_n}'] = (0.22, _height, _ahead)
for _n, _height in enumerate((0.84, 0.81, 0.79), 1):
    _LEFT[f'left thumb {_n}'] = (0.21, _height, 0.09)

REST = _LEFT | {
    point.replace('left', 'right'): (-x, y, z)
    for point, (x, y, z) in _LEFT.items()
    if point.startswith('left ')
}

# Layouts whose joints are all among those of others are mapped to and from a few alone.
SIMILAR = (
    'azure32', 'halpe26', 'coco23', 'crowdpose14', 'posetrack17', 'mpii16', 'panoptic19',
    'openpose67', 'smpl22', 'smpl24',
)
HUBS = ('ntu25', 'coco17', 'mediapipe33')
PAIRS = [
    (one, other) for one, other in itertools.permutations(skeleton.LAYOUTS, 2)
    if not {one, other} & set(SIMILAR) or {one, other} & set(HUBS)
]
NEAR = 0.2  # meters that a guess may be off; the tip of the toes, by the ankle, is worst


def _rest(name) -> np.ndarray:
    """Poses a layout's joints at rest, float32[V, 3]; what marks no point lies on the floor."""
    points = skeleton.get(name).points
    return np.array([REST.get(point, (0, 0, 0)) for point in points], np.float32)


def _random(name, *shape) -> np.ndarray:
    count = skeleton.get(name).num_joints
    return np.random.default_rng(0).normal(size=(*shape, count, 3)).astype(np.float32)


def _exact(source, target) -> list[tuple[int, int]]:
    """Lists (source joint, target joint) of points that both mark."""
    have, want = (skeleton.get(name).points for name in (source, target))
    return [(have.index(p), w) for w, p in enumerate(want) if p and p in have]


@pytest.mark.parametrize(('source', 'target'), PAIRS)
def test_joints_in_common_are_copied_and_the_others_flagged(source, target):
    joints = _random(source, 4, 2)
    moved, valid = remap.remap(joints, source, target)
    assert moved.shape == (4, 2, skeleton.get(target).num_joints, 3) and moved.dtype == np.float32
    assert np.isfinite(moved).all()
    exact = _exact(source, target)
    assert len(exact) >= 8
    for have, want in exact:
        np.testing.assert_array_equal(moved[:, :, want], joints[:, :, have])
        assert valid[:, :, want].all()
    guesses = sorted(set(range(moved.shape[2])) - {want for _, want in exact})
    assert not valid[:, :, guesses].any()
    names = skeleton.get(target).joints
    assert remap.estimated(source, target) == tuple(names[joint] for joint in guesses)


@pytest.mark.parametrize(('source', 'target'), PAIRS)
def test_guesses_lie_where_the_point_is_on_a_body(source, target):
    moved, _ = remap.remap(_rest(source), source, target)
    for joint, point in enumerate(skeleton.get(target).points):
        if point:
            off = np.linalg.norm(moved[joint] - REST[point])
            assert off < NEAR, (skeleton.get(target).joints[joint], off)


@pytest.mark.parametrize(('source', 'target'), PAIRS)
def test_there_and_back_keeps_what_both_have(source, target):
    joints = _random(source, 3, 1)
    there, valid = remap.remap(joints, source, target)
    back, valid = remap.remap(there, target, source, valid)
    for have, _ in _exact(source, target):
        np.testing.assert_array_equal(back[:, :, have], joints[:, :, have])
        assert valid[:, :, have].all()
    assert valid.sum() == 3 * len(_exact(source, target))


@pytest.mark.parametrize(('source', 'target'), PAIRS)
def test_moved_and_turned_the_map_is_the_same(source, target):
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    carried = lambda joints: (joints @ turn + [3, -1, 2]).astype(np.float32)
    joints = _random(source)
    after, _ = remap.remap(carried(joints), source, target)
    np.testing.assert_allclose(after, carried(remap.remap(joints, source, target)[0]), atol=1e-5)


@pytest.mark.parametrize(('source', 'target'), PAIRS)
def test_the_sides_are_treated_alike(source, target):
    """Every layout but the markers is the same in the mirror, so the map must be."""
    swap = lambda name: _swapped(skeleton.get(name))
    weights = remap.plan(source, target).weights
    mirrored = weights[swap(target)][:, swap(source)]
    np.testing.assert_allclose(mirrored, weights, atol=1e-6)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)


def _swapped(layout):
    order = np.arange(layout.num_joints)
    for left, right in layout.mirror:
        order[[left, right]] = right, left
    return order


def test_a_spine_that_coco_lacks_by_hand():
    joints = _random('coco17')
    moved, valid = remap.remap(joints, 'coco17', 'ntu25')
    at = lambda name: joints[skeleton.get('coco17').joints.index(name)].astype(np.float64)
    to = dict(zip(skeleton.get('ntu25').joints, moved, strict=True))
    pelvis = (at('left_hip') + at('right_hip')) / 2
    chest = (at('left_shoulder') + at('right_shoulder')) / 2
    head = (at('left_ear') + at('right_ear')) / 2
    by_hand = {
        'SpineBase': pelvis, 'SpineShoulder': chest, 'SpineMid': (pelvis + chest) / 2,
        'Head': head, 'Neck': 0.7 * chest + 0.3 * head, 'FootLeft': at('left_ankle'),
        'HandLeft': at('left_wrist') + 0.3 * (at('left_wrist') - at('left_elbow')),
    }
    for name, place in by_hand.items():
        np.testing.assert_allclose(to[name], place, atol=1e-6, err_msg=name)
    assert valid.sum() == 12  # shoulders, elbows, wrists, hips, knees, ankles


def test_a_real_body_stays_one(real_data):
    folder = real_data / 'ui_prmd' / 'Segmented Movements' / 'Kinect' / 'Positions'
    motion = ui_prmd.read(folder / 'm01_s01_e01_positions.txt.gz')
    moved, _ = remap.remap(motion.joints, motion.layout, 'ntu25')
    layout = skeleton.get('ntu25')
    guesses = remap.estimated('uiprmd22', 'ntu25')
    assert len(guesses) == 6  # hands, their tips, thumbs
    for parent, child in layout.bones:
        length = np.linalg.norm(moved[:, 0, child] - moved[:, 0, parent], axis=-1)
        assert length.max() < 0.5
        # What is guessed moves with the body, whose bones, as sensed, vary by up to 3.5 cm.
        assert np.std(length) < (0.02 if layout.joints[child] in guesses else 0.04)
    # Arms are raised over the head with a stick in both hands.
    height = dict(zip(layout.joints, moved[0, 0, :, 1], strict=True))
    climb = 'FootLeft KneeLeft SpineBase SpineMid SpineShoulder Head HandLeft HandTipLeft'.split()
    assert sorted(climb, key=height.get) == climb


def test_what_the_first_and_the_second_kinect_have_in_common():
    # The first one's Spine lies beside the pelvis, not where the other's SpineMid is.
    assert remap.estimated('ntu25', 'kinect20') == ('Spine',)
    lost = 'SpineMid', 'Neck', 'HandTipLeft', 'ThumbLeft', 'HandTipRight', 'ThumbRight'
    assert remap.estimated('kinect20', 'ntu25') == lost
    names = skeleton.get('kinect20').joints
    joints = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    place = dict(zip(names, joints, strict=True))
    moved = remap.remap(joints, 'kinect20', 'ntu25')[0]
    middle = (place['HipCenter'] + place['ShoulderCenter']) / 2
    np.testing.assert_allclose(moved[1], middle, atol=1e-6)
    np.testing.assert_allclose(moved[20], place['ShoulderCenter'], atol=1e-6)


def test_the_layout_itself_is_kept():
    joints = _random('ntu25', 5, 2)
    measured = np.random.default_rng(2).random((5, 2, 25)) < 0.5
    moved, valid = remap.remap(joints, 'ntu25', 'ntu25', measured)
    np.testing.assert_array_equal(moved, joints)
    np.testing.assert_array_equal(valid, measured)


def test_a_joint_not_measured_stays_so():
    measured = np.ones((2, 1, 17), bool)
    measured[1, 0, skeleton.get('coco17').joints.index('left_knee')] = False
    _, valid = remap.remap(_random('coco17', 2, 1), 'coco17', 'ntu25', measured)
    knee = skeleton.get('ntu25').joints.index('KneeLeft')
    assert valid[:, 0, knee].tolist() == [True, False]


def test_a_file_of_its_own_skeleton_is_mapped_by_names():
    joints = ['Hips', 'Spine', 'LeftUpLeg', 'LeftLeg', 'RightUpLeg', 'RightLeg', 'Tail']
    own = skeleton.describe(skeleton.infer('pet', joints, [-1, 0, 0, 2, 0, 4, 0]))
    moved, valid = remap.remap(np.arange(21.0).reshape(7, 3), own, 'ntu25')
    to = dict(zip(skeleton.get('ntu25').joints, moved[:, 0], strict=True))
    assert valid.sum() == 6
    assert (to['SpineMid'], to['KneeLeft'], to['KneeRight'], to['AnkleLeft']) == (3, 9, 15, 9)
    # From which nothing tells where arms are, all of them lie at the nearest joint of the tree.
    assert to['HandTipLeft'] == to['SpineShoulder'] == to['SpineMid']
    back, valid = remap.remap(moved, 'ntu25', own)
    assert back[6].tolist() == back[0].tolist() and valid.tolist() == [True] * 6 + [False]


def test_joints_without_a_point_are_known_by_name():
    one = skeleton.describe(skeleton.infer('one', ['a', 'b', 'c'], [-1, 0, 1]))
    other = skeleton.describe(skeleton.infer('two', ['c', 'a', 'b', 'd'], [-1, 0, 1, 2]))
    moved, valid = remap.remap(np.arange(9.0).reshape(3, 3), one, other)
    assert moved[:, 0].tolist() == [6, 0, 3, 3]
    assert valid.tolist() == [True, True, True, False]


def test_a_skeleton_of_which_names_come_twice_stays_itself():
    named = lambda name: skeleton.describe(skeleton.infer(name, ['End', 'a', 'End'], [1, -1, 1]))
    moved, valid = remap.remap(np.arange(9.0).reshape(3, 3), named('one'), named('other'))
    assert moved[:, 0].tolist() == [0, 3, 6] and valid.all()


@pytest.mark.parametrize('joints', [['a', 'b', 'c'], ['Hips', 'Head', 'x', 'y']])
def test_too_little_in_common_is_one_line(joints):
    own = skeleton.describe(skeleton.infer('crab', joints, [-1, *[0] * (len(joints) - 1)]))
    with pytest.raises(InputError, match='^layout crab cannot be mapped to ntu25: [02] joints'):
        remap.remap(np.zeros((len(joints), 3)), own, 'ntu25')
    with pytest.raises(InputError, match="^unknown joint layout 'crab9'"):
        remap.remap(np.zeros((25, 3)), 'ntu25', 'crab9')


def test_the_body_at_rest_has_every_point():
    assert REST.keys() == anatomy.POINTS


def test_every_point_can_be_guessed_from_a_whole_body():
    """No recipe leads nowhere: with all other points there, each can be made of them."""
    for point in anatomy.POINTS:
        others = list(anatomy.estimates(point))
        assert others, point
        for recipe in others:
            assert recipe.keys() <= anatomy.POINTS - {point}, point
            assert sum(recipe.values()) == pytest.approx(1), point
