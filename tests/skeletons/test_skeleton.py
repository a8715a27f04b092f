from hypothesis import given, strategies as st
import numpy as np
import pytest

from skeljax.errors import InputError
from skeljax.skeletons import anatomy, naming, skeleton


@pytest.fixture(params=sorted(skeleton.LAYOUTS))
def layout(request):
    return skeleton.get(request.param)


def test_the_bones_are_one_tree(layout):
    assert len(layout.parents) == layout.num_joints == len(set(layout.joints))
    assert layout.parents.count(-1) == 1 and len(layout.bones) == layout.num_joints - 1
    for joint in range(layout.num_joints):
        seen = set()
        while joint >= 0:
            assert joint not in seen
            seen.add(joint)
            joint = layout.parents[joint]


def test_the_number_in_a_name_is_that_of_the_joints(layout):
    assert layout.name.endswith(str(layout.num_joints))


def test_joints_mark_points_of_the_body_once_each(layout):
    marked = [point for point in layout.points if point]
    assert set(marked) <= anatomy.POINTS and len(set(marked)) == len(marked)
    # One root lies on the floor; OpenPose's hands have a second wrist, and tips of fingers.
    assert len(marked) >= layout.num_joints - {'openpose67': 8}.get(layout.name, 1)


def test_parts_hold_every_joint_once(layout):
    assert sorted(j for part in layout.parts for j in part) == list(range(layout.num_joints))
    assert all(len(part) >= 2 + (part is not layout.parts[0]) for part in layout.parts)
    limbs = [{anatomy.split(layout.points[j])[0] for j in part} for part in layout.parts[1:]]
    assert [some - {''} for some in limbs] == [{'left'}, {'right'}, {'left'}, {'right'}]


def test_mirror_pairs_are_the_points_of_the_two_sides(layout):
    for left, right in layout.mirror:
        names = layout.points[left], layout.points[right]
        assert names[0].replace('left', 'right', 1) == names[1]
        assert names[0].startswith('left ') or layout.name == 'openpose67' and not names[0]
    paired = {j for pair in layout.mirror for j in pair}
    limbs = {j for part in layout.parts[1:] for j in part}
    assert limbs <= paired
    alone = {layout.points[j] for j in set(range(layout.num_joints)) - paired}
    assert all(not anatomy.split(point)[0] for point in alone - {'right back'})


def test_parts_of_both_sides_are_mirror_images(layout):
    swap = dict(layout.mirror)
    torso, *limbs = layout.parts
    for left, right in (limbs[:2], limbs[2:]):
        assert sorted(swap[j] for j in left) == list(right)
    assert not set(torso) & {j for limb in limbs for j in limb}


def test_axes_stand_where_they_should(layout):
    names = lambda joints: {layout.points[j] for j in joints}
    (low, high), (right, left) = layout.spine, layout.shoulders
    assert all('pelvis' in n or 'hip' in n for n in names(low))
    assert names(high) <= {'spine', 'chest', 'neck', 'left shoulder', 'right shoulder'}
    assert (names(right), names(left)) == ({'right shoulder'}, {'left shoulder'})
    assert names(layout.center) in ({'spine'}, names(low))


def test_axes_of_the_kinect_are_the_fields():
    layout = skeleton.get('ntu25')
    assert (layout.spine, layout.shoulders, layout.center) == (((0,), (1,)), ((8,), (4,)), (1,))
    hips = skeleton.get('coco17').spine[0]
    joints = np.arange(51.0).reshape(17, 3)
    np.testing.assert_array_equal(skeleton.middle(joints, hips), (joints[11] + joints[12]) / 2)


def test_ntu_edges_are_the_published_ones():
    published = (
        '1 2, 2 21, 3 21, 4 3, 5 21, 6 5, 7 6, 8 7, 9 21, 10 9, 11 10, 12 11, 13 1, 14 13, 15 14, '
        '16 15, 17 1, 18 17, 19 18, 20 19, 22 23, 23 8, 24 25, 25 12'
    )
    edges = {tuple(int(n) - 1 for n in pair.split()) for pair in published.split(', ')}
    assert {(child, parent) for parent, child in skeleton.get('ntu25').bones} == edges


def test_smplh_parents_are_the_published_ones():
    body = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
    fingers = lambda wrist, first: [
        joint for f in range(5) for joint in (wrist, first + 3 * f, first + 3 * f + 1)
    ]
    assert skeleton.get('smplh52').parents == (*body, *fingers(20, 22), *fingers(21, 37))


def test_layouts_of_whole_bodies_share_the_order_of_their_part():
    joints = {name: layout.joints for name, layout in skeleton.LAYOUTS.items()}
    assert joints['smpl22'] == joints['smplh52'][:22] == joints['smpl24'][:22]
    assert joints['coco23'][:17] == joints['coco17']
    assert joints['openpose67'][:25] == joints['openpose25']
    # By hand, of the public descriptions.
    plain = lambda name: [joint.lower().replace('_', '') for joint in joints[name]]
    coco = [f'{joint[0]}{joint.partition("_")[2]}' for joint in joints['coco17'][1:]]
    assert plain('halpe26')[1:17] == [joint.replace('_', '') for joint in coco]
    assert joints['azure32'][26:] == (
        'HEAD', 'NOSE', 'EYE_LEFT', 'EAR_LEFT', 'EYE_RIGHT', 'EAR_RIGHT'
    )
    assert joints['panoptic19'][15:] == ('lEye', 'lEar', 'rEye', 'rEar')
    assert joints['posetrack17'][:3] == ('nose', 'head_bottom', 'head_top')
    assert joints['mpii16'][6:10] == ('pelvis', 'thorax', 'upper_neck', 'head_top')
    assert joints['openpose67'][25:30] == ('LHand', 'LThumb1', 'LThumb2', 'LThumb3', 'LThumb4')
    assert joints['openpose67'][46] == 'RHand' and joints['openpose67'][66] == 'RPinky4'


def test_an_unknown_layout_is_named():
    with pytest.raises(InputError, match="unknown joint layout 'coco18', known: ntu25"):
        skeleton.get('coco18')


def _own(layout) -> skeleton.Layout:
    """Gives a layout's joints names of their own, so that it is none of the known ones."""
    return skeleton.infer('of a file', [f'x:{name}' for name in layout.joints], layout.parents)


def test_a_described_layout_is_found_again(layout):
    assert skeleton.describe(layout) == layout.name
    own = _own(layout)
    text = skeleton.describe(own)
    assert text != own.name and skeleton.get(text) == own


@pytest.mark.parametrize(
    'text',
    [
        '{', '{"name": "x"}', '{"name": "x", "color": 1}',
        '{"name":"x","joints":["a"],"parents":[-1],"points":[]}',
        '{"name":"x","joints":["a"],"parents":[-1],"points":["wing"]}',
        '{"name":"x","joints":["a"],"parents":["up"],"points":[""]}',
        '{"name":"x","joints":3,"parents":[-1],"points":[""]}',
        '{"name":"x","joints":["a","b"],"parents":[-1,7],"points":["",""]}',
    ],
)
def test_a_damaged_description_is_told(text):
    with pytest.raises(InputError, match='damaged description'):
        skeleton.get(text)


def test_a_files_own_tree_is_known_by_names_and_parents(layout):
    assert skeleton.infer('clip', list(layout.joints), np.array(layout.parents)) is layout


def test_names_tell_what_the_tables_tell(layout):
    """Read from names alone, the layouts are the tables', but where a name is used otherwise."""
    otherwise = {
        'openpose25': {'Neck': 'neck'},
        'openpose18': {'Neck': 'neck'},
        'h36m17': {'Head': 'head'},
        'mediapipe33': {'left_thumb': 'left thumb', 'right_thumb': 'right thumb'},
        'kinect20': {'Spine': 'spine'},
        'azure32': {'SPINE_CHEST': 'chest'},
        'crowdpose14': {'head': 'head'},
        'halpe26': {'Head': 'head'},
        'panoptic19': {'Neck': 'neck'},
        'openpose67': {
            'Neck': 'neck', 'LHand': 'left hand', 'RHand': 'right hand',
            **dict.fromkeys(('LThumb4', 'RThumb4', 'LMiddle4', 'RMiddle4'), ''),
        },
    }.get(layout.name, {})
    own = _own(layout)
    expected = [otherwise.get(n, p) for n, p in zip(layout.joints, layout.points, strict=True)]
    assert list(own.points) == expected
    assert (own.mirror, own.parts) == (layout.mirror, layout.parts)
    if layout.name != 'kinect20':
        axes = layout.spine, layout.shoulders, layout.center
        assert (own.spine, own.shoulders, own.center) == axes


def test_axes_of_the_first_kinect_do_not_use_its_spine():
    layout = skeleton.get('kinect20')
    names = 'HipCenter', 'Spine', 'ShoulderCenter'
    hips, spine, shoulders = map(layout.joints.index, names)
    assert (layout.spine, layout.center) == (((hips,), (shoulders,)), (hips,))
    assert layout.parents[spine] == hips and layout.parents[shoulders] == spine
    assert spine in layout.parts[0]


def _rig(text: str) -> skeleton.Layout:
    """Infers a layout of 'name<parent' words, '_' for spaces."""
    rows = [row.replace('_', ' ').split('<') for row in text.split()]
    joints = [row[0] for row in rows]
    return skeleton.infer('rig', joints, [joints.index(r[1]) if r[1] else -1 for r in rows])


def _points(layout) -> dict[str, str]:
    return dict(zip(layout.joints, layout.points, strict=True))


def test_a_mixamo_skeleton_is_understood():
    arm = lambda s: (
        f'mixamorig:{s}Shoulder<mixamorig:Spine2 mixamorig:{s}Arm<mixamorig:{s}Shoulder '
        f'mixamorig:{s}ForeArm<mixamorig:{s}Arm mixamorig:{s}Hand<mixamorig:{s}ForeArm '
        f'mixamorig:{s}HandThumb1<mixamorig:{s}Hand '
        f'mixamorig:{s}HandThumb4<mixamorig:{s}HandThumb1 '
        f'mixamorig:{s}HandIndex1<mixamorig:{s}Hand '
    )
    leg = lambda s: (
        f'mixamorig:{s}UpLeg<mixamorig:Hips mixamorig:{s}Leg<mixamorig:{s}UpLeg '
        f'mixamorig:{s}Foot<mixamorig:{s}Leg mixamorig:{s}ToeBase<mixamorig:{s}Foot '
    )
    layout = _rig(
        'mixamorig:Hips< mixamorig:Spine<mixamorig:Hips mixamorig:Spine1<mixamorig:Spine '
        'mixamorig:Spine2<mixamorig:Spine1 mixamorig:Neck<mixamorig:Spine2 '
        'mixamorig:Head<mixamorig:Neck ' + arm('Left') + arm('Right') + leg('Right') + leg('Left')
    )
    points = {name.removeprefix('mixamorig:'): point for name, point in _points(layout).items()}
    torso = {'Hips': 'pelvis', 'Spine': 'spine', 'Spine1': 'upper spine', 'Spine2': 'chest',
             'Neck': 'neck', 'Head': 'head'}
    beside = {'Shoulder': 'collar', 'Arm': 'shoulder', 'ForeArm': 'elbow', 'Hand': 'wrist',
              'HandThumb1': 'thumb 1', 'HandIndex1': 'index 1', 'UpLeg': 'hip', 'Leg': 'knee',
              'Foot': 'ankle', 'ToeBase': 'toe'}
    for side in ('Left', 'Right'):
        torso |= {f'{side}{name}': f'{side.lower()} {point}' for name, point in beside.items()}
        torso[f'{side}HandThumb4'] = ''
    assert points == torso
    thumbs = [layout.joints.index(f'mixamorig:{side}HandThumb4') for side in ('Left', 'Right')]
    assert tuple(thumbs) in layout.mirror
    assert thumbs[0] in layout.parts[1] and thumbs[1] in layout.parts[2]


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        # 3ds Max Biped
        ('Bip01< Bip01_Pelvis<Bip01 Bip01_Spine<Bip01_Pelvis Bip01_L_Thigh<Bip01_Pelvis '
         'Bip01_R_Thigh<Bip01_Pelvis Bip01_L_Calf<Bip01_L_Thigh Bip01_R_Calf<Bip01_R_Thigh '
         'Bip01_L_Foot<Bip01_L_Calf Bip01_R_Foot<Bip01_R_Calf Bip01_L_Toe0<Bip01_L_Foot '
         'Bip01_R_Toe0<Bip01_R_Foot',
         [0, 'pelvis', 'spine', 'left hip', 'right hip', 'left knee', 'right knee', 'left ankle',
          'right ankle', 'left toe', 'right toe']),
        # Biovision
        ('Hips< Chest<Hips Neck<Chest Head<Neck LeftCollar<Chest LeftShoulder<LeftCollar '
         'LeftElbow<LeftShoulder LeftWrist<LeftElbow RightCollar<Chest RightShoulder<RightCollar '
         'RightElbow<RightShoulder RightWrist<RightElbow',
         ['pelvis', 'chest', 'neck', 'head', 'left collar', 'left shoulder', 'left elbow',
          'left wrist', 'right collar', 'right shoulder', 'right elbow', 'right wrist']),
        # Blender
        ('spine< spine.001<spine chest<spine.001 upper-arm.L<chest upper-arm.R<chest '
         'forearm.L<upper-arm.L forearm.R<upper-arm.R shin.L<spine shin.R<spine',
         ['spine', 'upper spine', 'chest', 'left shoulder', 'right shoulder', 'left elbow',
          'right elbow', 'left knee', 'right knee']),
        # DAZ
        ('hip< abdomen<hip lThigh<hip rThigh<hip lShin<lThigh rShin<rThigh lShldr<abdomen '
         'rShldr<abdomen',
         ['pelvis', 'spine', 'left hip', 'right hip', 'left knee', 'right knee', 'left shoulder',
          'right shoulder']),
        # an ASF of other bones than CMU's, plain lower case
        ('root< lfemur<root rfemur<root ltibia<lfemur rtibia<rfemur lowerback<root '
         'thorax<lowerback lhumerus<thorax rhumerus<thorax head<thorax',
         ['pelvis', 'left knee', 'right knee', 'left ankle', 'right ankle', 'spine', 'chest',
          'left elbow', 'right elbow', 'head top']),
        ('lhip<root root< rhip<root LKnee<lhip RKnee<rhip',
         ['left hip', 'pelvis', 'right hip', 'left knee', 'right knee']),
    ],
)
def test_names_of_common_rigs_are_understood(text, expected):
    assert list(_rig(text).points) == [point or '' for point in expected]


def test_markers_of_another_order_are_understood():
    layout = skeleton.infer('c3d', ['P1:RTOE', 'P1:C7', 'P1:LTOE'], [1, -1, 1])
    assert layout.points == ('right toe', 'neck', 'left toe') and layout.mirror == ((2, 0),)


def test_where_nothing_is_recognised_all_is_torso_and_nothing_is_aligned():
    layout = skeleton.infer('box', ['a', 'b', 'c'], [1, -1, 1])
    assert layout.points == ('', '', '') and layout.mirror == ()
    assert layout.parts == ((0, 1, 2), (), (), (), ())
    assert layout.spine == ((1,), (1,)) and layout.shoulders == ((1,), (1,))
    assert layout.center == (1,)


_NAMES = st.one_of(
    st.text(max_size=6), st.sampled_from([n for x in skeleton.LAYOUTS.values() for n in x.joints])
)


@given(st.data(), st.integers(1, 12))
def test_any_tree_of_any_names_has_a_layout(data, count):
    joints = data.draw(st.lists(_NAMES, min_size=count, max_size=count))
    parents = [-1, *(data.draw(st.integers(0, i - 1)) for i in range(1, count))]
    layout = skeleton.infer('any', joints, parents)
    assert sorted(j for part in layout.parts for j in part) == list(range(count))
    paired = [j for pair in layout.mirror for j in pair]
    assert len(set(paired)) == len(paired)
    marked = [point for point in layout.points if point]
    assert len(set(marked)) == len(marked)
    for ends in (*layout.spine, *layout.shoulders, layout.center):
        assert ends and all(0 <= j < count for j in ends)
    assert skeleton.get(skeleton.describe(layout)) == layout


@pytest.mark.parametrize(
    ('joints', 'parents', 'told'),
    [
        ([], [], '0 joints'),
        (['a', 'b'], [-1], '2 joints with 1 parents'),
        (['a', 'b'], [-1, -1], '2 roots'),
        (['a', 'b'], [-1, 2], 'not one of its 2'),
        (['a', 'b'], [-1, -2], 'not one of its 2'),
        (['a', 'b', 'c'], [-1, 2, 1], "'b' is not connected to the root"),
    ],
)
def test_what_is_no_tree_is_told(joints, parents, told):
    with pytest.raises(InputError, match=f'^layout clip: .*{told}'):
        skeleton.infer('clip', joints, parents)


def test_distances_are_counted_in_bones():
    assert naming.distances([1, -1, 1, 2], 0) == [0, 1, 2, 3]
