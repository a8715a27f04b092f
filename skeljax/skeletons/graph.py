"""Adjacency matrices of the skeleton graph, by partitions of its edges."""

import numpy as np

from skeljax.skeletons import naming
from skeljax.skeletons.skeleton import Layout


def partitions(layout: Layout) -> np.ndarray:
    """Returns the three partitions of 2s-AGCN (arXiv 1805.07694).

    Returns:
        float32[3, V, V]: identity, parent to child, and child to parent; the columns of the
        last two sum to 1 (or 0 if no edge ends there). Indices are [k, source, target]:
        `out[w] = sum_v in[v] A[k, v, w]`. The order is that of published weights; their code
        calls the second partition inward because it writes [target, source], but it multiplies
        as here.
    """
    count = layout.num_joints
    outward = np.zeros((count, count), np.float32)
    for parent, child in layout.bones:
        outward[parent, child] = 1
    columns = lambda a: a / np.maximum(a.sum(0, keepdims=True), 1)
    return np.stack([np.eye(count, dtype=np.float32), columns(outward), columns(outward.T)])


def spatial(layout: Layout, *, faithful: bool = False) -> np.ndarray:
    """Returns the 'spatial' partitions of ST-GCN (arXiv 1801.07455).

    An edge is in the third partition if its source is nearer to the center than its target,
    otherwise in the second.

    Args:
        layout: the skeleton.
        faithful: computes distances as the published code: those beyond one bone are infinite,
            hence equal, so that only the edges from the center and to it from its neighbors
            remain in the third partition.

    Returns:
        float32[3, V, V]; the columns of the sum over k sum to 1. Indices are
        [k, source, target]: `out[w] = sum_v in[v] A[k, v, w]`.
    """
    count = layout.num_joints
    away = np.array(naming.distances(layout.parents, center(layout)), np.float32)
    if faithful:
        away[away > 1] = np.inf
    edges = np.zeros((count, count), np.float32)
    for parent, child in layout.bones:
        edges[parent, child] = edges[child, parent] = 1
    itself = np.eye(count, dtype=np.float32)
    outward = edges * (away[:, None] < away[None])
    subsets = np.stack([itself, edges - outward, outward])
    return subsets / (edges + itself).sum(0)


def center(layout: Layout) -> int:
    """Returns the lowest common ancestor of the two shoulders."""
    right, left = (_ancestors(layout, end[0]) for end in layout.shoulders)
    return next(joint for joint in right if joint in left)


def _ancestors(layout: Layout, joint: int) -> list[int]:
    """Returns a joint, its parent, and so on to the root."""
    chain = []
    while joint >= 0:
        chain.append(joint)
        joint = layout.parents[joint]
    return chain
