"""Takes average precision from which proposals of a ranking are right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skeljax.errors import InputError


def average_precision(hits: np.ndarray, num_true: int) -> np.ndarray:
    """Takes the area under the monotone precision envelope.

    Args:
        hits: bool[..., P], whether each proposal is right, best score first.
        num_true: number of true segments, at least 1.

    Returns:
        float64[...]; 0 without proposals.
    """
    precision = np.cumsum(hits, axis=-1) / np.arange(1, hits.shape[-1] + 1)
    envelope = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    # Recall rises by 1 / num_true at every hit and nowhere else.
    return np.sum(envelope * hits, axis=-1) / num_true


def claims(
    owner: np.ndarray, share: np.ndarray, tious: Sequence[float], num_true: int
) -> tuple[np.ndarray, np.ndarray]:
    """Marks the proposals that reach their true segment, and the first one of each.

    A proposal may only claim the true segment it shares most with, as `best_true` finds it.

    Args:
        owner: int64[P], row of that true segment or -1, best score first.
        share: float64[P], the share.
        tious: K thresholds above 0.
        num_true: number of true segments.

    Returns:
        matched bool[K, P], share at or above the threshold, and hits bool[K, P], the best
        scored match of its true segment.
    """
    matched = share >= np.asarray(tious)[:, None]
    hits = np.zeros(matched.shape, bool)
    for level, reached in enumerate(matched):
        rows = np.flatnonzero(reached)
        first = np.full(num_true, -1)
        # Of several rows of one owner the last that is assigned stays: the best scored.
        first[owner[rows[::-1]]] = rows[::-1]
        hits[level, first[first >= 0]] = True
    return matched, hits


def check_tious(tious: Sequence[float]) -> tuple[float, ...]:
    """Returns the thresholds as floats.

    Raises:
        InputError: none, or one that is not above 0 and up to 1.
    """
    tious = tuple(float(t) for t in tious)
    if not tious or not all(0 < t <= 1 for t in tious):
        raise InputError(f'tIoU thresholds: expected numbers above 0 and up to 1, found {tious}')
    return tious


def named(name: str, tious: Sequence[float], values: np.ndarray) -> dict[str, float]:
    """Names the values of each threshold: name@threshold."""
    return {f'{name}@{t:g}': float(v) for t, v in zip(tious, values, strict=True)}
