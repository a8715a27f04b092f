"""The skeleton as a graph: partitions of its edges as adjacency matrices."""

import numpy as np

from skeljax.skeletons import naming
from skeljax.skeletons.skeleton import Layout


def partitions(layout: Layout) -> np.ndarray:
    """Builds the three subsets of 2s-AGCN (arXiv 1805.07694).

    Returns:
        float32[3, V, V]: itself (identity), parent to child, and child to parent,
        the last two with columns that sum to 1 (or 0, where no edge ends). Index
        [k, source, target]: `out[w] = sum_v in[v] A[k, v, w]`. The order is that of
        published weights, whose code calls the second inward: it writes
        [target, source], but multiplies as here.
    """
    count = layout.num_joints
    outward = np.zeros((count, count), np.float32)
    for parent, child in layout.bones:
        outward[parent, child] = 1
    columns = lambda a: a / np.maximum(a.sum(0, keepdims=True), 1)
    return np.stack([np.eye(count, dtype=np.float32), columns(outward), columns(outward.T)])


def spatial(layout: Layout, *, faithful: bool = False) -> np.ndarray:
    """Builds the 'spatial' subsets of ST-GCN (arXiv 1801.07455).

    An edge belongs to the second subset when its source is not nearer to the
    centre than its target, to the third when it is.

    Args:
        layout: the skeleton.
        faithful: count distances as the published code does: those beyond one
            bone are all infinite, hence equal, and of the third subset only edges
            from the centre and from its neighbours to it remain.

    Returns:
        float32[3, V, V], of whose sum every column sums to 1. Index [k, source,
        target]: `out[w] = sum_v in[v] A[k, v, w]`.
    """
    count = layout.num_joints
    away = np.array(naming.distances(layout.parents, centre(layout)), np.float32)
    if faithful:
        away[away > 1] = np.inf
    edges = np.zeros((count, count), np.float32)
    for parent, child in layout.bones:
        edges[parent, child] = edges[child, parent] = 1
    itself = np.eye(count, dtype=np.float32)
    outward = edges * (away[:, None] < away[None])
    subsets = np.stack([itself, edges - outward, outward])
    return subsets / (edges + itself).sum(0)


def centre(layout: Layout) -> int:
    """Finds the joint in which the ways from the two shoulders to the root meet."""
    right, left = (_ancestors(layout, end[0]) for end in layout.shoulders)
    return next(joint for joint in right if joint in left)


def _ancestors(layout: Layout, joint: int) -> list[int]:
    """Lists a joint, its parent, and so on to the root."""
    chain = []
    while joint >= 0:
        chain.append(joint)
        joint = layout.parents[joint]
    return chain
