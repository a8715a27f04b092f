"""Statistics of snippet embeddings: principal axes, nearest neighbors, self-similarity."""

from __future__ import annotations

import numpy as np

MAX_COMPARED = 8000  # vectors compared pairwise by `neighbor_agreement`


def pca(vectors: np.ndarray, num_axes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Projects vectors onto their principal axes.

    Args:
        vectors: float[N, C].
        num_axes: number of axes; axes beyond C or N are zero.

    Returns:
        Coordinates float64[N, num_axes] and the share of the variance along each axis,
        float64[num_axes]. The sign of an axis is chosen so that its largest weight is positive.
    """
    vectors = np.asarray(vectors, np.float64)
    centered = vectors - vectors.mean(0)
    variances, axes = np.linalg.eigh(centered.T @ centered)
    axes, variances = axes[:, ::-1][:, :num_axes], np.maximum(variances[::-1], 0)
    largest = np.take_along_axis(axes, np.abs(axes).argmax(0)[None], 0)[0]
    axes = axes * np.where(largest < 0, -1, 1)
    shares = variances[:num_axes] / max(variances.sum(), np.finfo(float).tiny)
    missing = num_axes - axes.shape[1]
    return np.pad(centered @ axes, [(0, 0), (0, missing)]), np.pad(shares, (0, missing))


def neighbor_agreement(
    vectors: np.ndarray, labels: np.ndarray, recording_index: np.ndarray
) -> float:
    """Computes how often the nearest vector of another recording has the same label.

    If there are more than `MAX_COMPARED` vectors, an evenly spaced subset is used.

    Args:
        vectors: unit vectors, float[N, C].
        labels: int[N].
        recording_index: recording of each vector, int[N].

    Returns:
        A fraction of 1; nan if all vectors belong to one recording.
    """
    count = min(len(vectors), MAX_COMPARED)
    subset = np.unique(np.linspace(0, len(vectors) - 1, count).astype(int))
    vectors, labels, recording_index = vectors[subset], labels[subset], recording_index[subset]
    if len(np.unique(recording_index)) < 2:
        return float('nan')
    correct = 0
    for rows in np.array_split(np.arange(len(vectors)), -(-len(vectors) // 1024)):
        cosine = vectors[rows] @ vectors.T
        cosine[recording_index[rows][:, None] == recording_index] = -np.inf
        correct += int((labels[cosine.argmax(1)] == labels[rows]).sum())
    return correct / len(vectors)


def centered_similarity(vectors: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Computes the cosine similarity of every pair of snippets after subtracting a mean.

    Without the subtraction, the component shared by all snippets dominates every cosine.

    Args:
        vectors: float[S, C].
        mean: mean of the snippets of all recordings, float[C].

    Returns:
        Cosines, float64[S, S]; 0 for a snippet equal to the mean.
    """
    centered = np.asarray(vectors, np.float64) - mean
    length = np.linalg.norm(centered, axis=1, keepdims=True)
    centered = centered / np.where(length > 0, length, 1)
    return centered @ centered.T
