import dataclasses

import numpy as np
import pytest

from skeljax.skeletons import graph, skeleton

# A path 0 - 1 - 2 whose middle is the root, and a third child of it.
STAR = dataclasses.replace(
    skeleton.get('ntu25'),
    joints=('a', 'root', 'b', 'c'),
    parents=(1, -1, 1, 1),
    points=('left shoulder', '', 'right shoulder', ''),
)
# A path 0 - 1 - 2 - 3 that hangs on its end.
PATH = dataclasses.replace(
    STAR, joints=('root', 'a', 'b', 'c'), parents=(-1, 0, 1, 2), points=('', '', '', '')
)
CENTRES = {
    'ntu25': 'SpineShoulder', 'kinect20': 'ShoulderCenter', 'uiprmd22': 'Chest', 'uiprmd39': 'C7',
    'cmu31': 'thorax',
    'bandai22': 'Chest', 'smplh52': 'spine3', 'coco17': 'nose', 'mediapipe33': 'nose',
    'openpose25': 'Neck', 'openpose18': 'Neck', 'h36m17': 'Thorax', 'azure32': 'SPINE_CHEST',
    'halpe26': 'Neck', 'coco23': 'nose', 'crowdpose14': 'neck', 'posetrack17': 'head_bottom',
    'mpii16': 'thorax', 'panoptic19': 'Neck', 'openpose67': 'Neck', 'smpl22': 'spine3',
    'smpl24': 'spine3',
}


def test_partitions_by_hand():
    itself, outward, inward = graph.partitions(STAR)
    np.testing.assert_array_equal(itself, np.eye(4))
    third = 1 / 3
    # Inward: from each child (row) to the root (column), which three edges reach.
    np.testing.assert_allclose(
        inward, [[0, third, 0, 0], [0, 0, 0, 0], [0, third, 0, 0], [0, third, 0, 0]]
    )
    np.testing.assert_allclose(outward, [[0, 0, 0, 0], [1, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]])


def test_ntu_counts():
    partitions = graph.partitions(skeleton.get('ntu25'))
    assert partitions.dtype == np.float32
    assert [int((p != 0).sum()) for p in partitions] == [25, 24, 24]
    np.testing.assert_allclose(partitions[2].sum(0)[20], 1, rtol=1e-6)
    # As in published weights: first from the parent (joint 2) to the child (joint 1).
    assert partitions[1][1, 0] == partitions[2][0, 1] == 1
    for matrix in partitions[1:]:
        sums = matrix.sum(0)
        np.testing.assert_allclose(sums[sums > 0], 1, rtol=1e-6)


def test_the_centre_of_every_layout():
    found = {name: layout.joints[graph.center(layout)] for name, layout in skeleton.LAYOUTS.items()}
    assert found == CENTRES
    assert graph.center(skeleton.get('ntu25')) == 20  # as published
    assert graph.center(PATH) == 0  # no shoulders, no pairs: the root


def test_spatial_subsets_by_hand():
    itself, nearer, further = graph.spatial(STAR)
    # Four edges end at the root, its own among them, and two at each child.
    np.testing.assert_array_equal(itself, np.diag([0.5, 0.25, 0.5, 0.5]))
    np.testing.assert_array_equal(
        nearer, [[0, 0.25, 0, 0], [0, 0, 0, 0], [0, 0.25, 0, 0], [0, 0.25, 0, 0]]
    )
    np.testing.assert_array_equal(
        further, [[0, 0, 0, 0], [0.5, 0, 0.5, 0.5], [0, 0, 0, 0], [0, 0, 0, 0]]
    )


def test_published_distances_end_after_one_bone():
    third = np.float32(1 / 3)
    _, nearer, further = graph.spatial(PATH)
    _, published, few = graph.spatial(PATH, faithful=True)
    np.testing.assert_array_equal(further, np.diag([third, third, 0.5], 1))
    np.testing.assert_array_equal(nearer, np.diag([0.5, third, third], -1))
    # Joints 2 and 3 are both too far to tell which is nearer.
    np.testing.assert_array_equal(few, np.diag([third, third, 0], 1))
    np.testing.assert_array_equal(published, nearer + np.diag([0, 0, 0.5], 1))


def test_spatial_counts_of_ntu():
    count = lambda matrices: [int((m != 0).sum()) for m in matrices]
    layout = skeleton.get('ntu25')
    assert count(graph.spatial(layout)) == [25, 24, 24]
    published = graph.spatial(layout, faithful=True)
    assert count(published) == [25, 40, 8]
    edges = {(int(v) + 1, int(w) + 1) for v, w in zip(*published[2].nonzero(), strict=True)}
    assert edges == {(2, 1), (3, 4), (5, 6), (9, 10), (21, 2), (21, 3), (21, 5), (21, 9)}


@pytest.mark.parametrize('name', sorted(skeleton.LAYOUTS))
@pytest.mark.parametrize('faithful', [False, True])
def test_spatial_columns_sum_to_1(name, faithful):
    subsets = graph.spatial(skeleton.get(name), faithful=faithful)
    assert subsets.dtype == np.float32
    np.testing.assert_allclose(subsets.sum((0, 1)), 1, rtol=1e-6)
