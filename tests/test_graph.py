import dataclasses

import numpy as np

from skeljax import graph, skeleton

# A path 0 - 1 - 2 whose middle is the root, and a second child of it.
STAR = dataclasses.replace(
    skeleton.get('ntu25'), joints=('a', 'root', 'b', 'c'), parents=(1, -1, 1, 1)
)


def test_partitions_by_hand():
    itself, inward, outward = graph.partitions(STAR)
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
    np.testing.assert_allclose(partitions[1].sum(0)[20], 1, rtol=1e-6)
    for matrix in partitions[1:]:
        sums = matrix.sum(0)
        np.testing.assert_allclose(sums[sums > 0], 1, rtol=1e-6)
