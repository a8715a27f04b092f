"""The skeleton as a graph: partitions of its edges as adjacency matrices."""

import numpy as np

from skeljax.skeleton import Layout


def partitions(layout: Layout) -> np.ndarray:
    """Builds the three subsets of 2s-AGCN (arXiv 1805.07694).

    Returns:
        float32[3, V, V]: itself (identity), inward (child to parent) and outward
        edges, the last two with columns that sum to 1 (or 0, where no edge
        ends). Index [k, source, target]: `out[w] = sum_v in[v] A[k, v, w]`.
    """
    count = layout.num_joints
    inward = np.zeros((count, count), np.float32)
    for parent, child in layout.bones:
        inward[child, parent] = 1
    columns = lambda a: a / np.maximum(a.sum(0, keepdims=True), 1)
    return np.stack([np.eye(count, dtype=np.float32), columns(inward), columns(inward.T)])
