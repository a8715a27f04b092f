"""How vectors of snippets lie to each other: principal axes, neighbours, similarity in time."""

from __future__ import annotations

import numpy as np


def principal(vectors: np.ndarray, count: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Projects vectors onto the axes along which they vary most (PCA).

    Args:
        vectors: float[N, C].
        count: axes; those beyond C or N are zero.

    Returns:
        Coordinates float64[N, count], each axis turned so that its largest weight is positive,
        and its share of the variance, float64[count].
    """
    vectors = np.asarray(vectors, np.float64)
    centred = vectors - vectors.mean(0)
    variances, axes = np.linalg.eigh(centred.T @ centred)
    axes, variances = axes[:, ::-1][:, :count], np.maximum(variances[::-1], 0)
    axes = axes * np.where(np.take_along_axis(axes, np.abs(axes).argmax(0)[None], 0)[0] < 0, -1, 1)
    shares = variances[:count] / max(variances.sum(), np.finfo(float).tiny)
    missing = count - axes.shape[1]
    return np.pad(centred @ axes, [(0, 0), (0, missing)]), np.pad(shares, (0, missing))


MOST = 8000  # vectors that are compared with each other


def agreement(vectors: np.ndarray, labels: np.ndarray, owner: np.ndarray) -> float:
    """Tells how often the nearest vector of another recording has the same label.

    Of more than `MOST` vectors as many are taken, evenly spread.

    Args:
        vectors: unit vectors, float[N, C].
        labels: int[N].
        owner: recording of each, int[N].

    Returns:
        A share of 1; nan with one recording only.
    """
    kept = np.unique(np.linspace(0, len(vectors) - 1, min(len(vectors), MOST)).astype(int))
    vectors, labels, owner = vectors[kept], labels[kept], owner[kept]
    if len(np.unique(owner)) < 2:
        return float('nan')
    right = 0
    for rows in np.array_split(np.arange(len(vectors)), -(-len(vectors) // 1024)):
        cosine = vectors[rows] @ vectors.T
        cosine[owner[rows][:, None] == owner] = -np.inf
        right += int((labels[cosine.argmax(1)] == labels[rows]).sum())
    return right / len(vectors)


def similarity(vectors: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Compares every snippet of a recording with every other.

    What all snippets have in common hides what tells them apart: the cosine is that of their
    differences from a centre.

    Args:
        vectors: float[S, C].
        centre: mean of the snippets of all recordings, float[C].

    Returns:
        Cosines, float64[S, S]; 0 for a snippet at the centre.
    """
    apart = np.asarray(vectors, np.float64) - centre
    length = np.linalg.norm(apart, axis=1, keepdims=True)
    apart = apart / np.where(length > 0, length, 1)
    return apart @ apart.T
