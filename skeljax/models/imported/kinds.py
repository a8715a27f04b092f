"""How each kind of published layer is laid out here, and the common rows of tables."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Leaf(NamedTuple):
    """One array of a layer: where it goes, whence it comes and what happens to it."""

    collection: str
    ours: str
    theirs: str
    change: Callable[[np.ndarray], np.ndarray] = lambda array: array


def _matrix(weight):
    """[D, C, 1, 1] or [D, C] -> [C, D]."""
    return weight.reshape(weight.shape[:2]).T


def _taps(weight):
    """[D, C, K, 1] -> [K, C, D]."""
    return weight.reshape(weight.shape[:3]).transpose(2, 1, 0)


def _subsets(weight):
    """[3 D, C, 1, 1] -> [3, C, D]."""
    features, channels = weight.shape[:2]
    return weight.reshape(3, features // 3, channels).transpose(0, 2, 1)


_BIAS = Leaf('params', 'bias', 'bias')
LINEAR = (Leaf('params', 'kernel', 'weight', _matrix), _BIAS)
TEMPORAL = (Leaf('params', 'kernel', 'weight', _taps), _BIAS)
SUBSETS = (
    Leaf('params', 'kernel', 'weight', _subsets),
    Leaf('params', 'bias', 'bias', lambda bias: bias.reshape(3, -1)),
)
NORM = (
    Leaf('params', 'scale', 'weight'),
    _BIAS,
    Leaf('batch_stats', 'mean', 'running_mean'),
    Leaf('batch_stats', 'variance', 'running_var'),
)
PARAMETER = (Leaf('params', '', ''),)
SCALAR = (Leaf('params', '', '', lambda number: number.reshape(())),)


class Row(NamedTuple):
    """A layer of every block: where it goes, whence it comes, of which kind.

    Several published layers become one, their channels one after the other. In
    both names {n} stands for the number of the block and {i} for one less.
    """

    ours: str
    theirs: str | tuple[str, ...]
    kind: tuple[Leaf, ...]


def strides(tensors: dict[str, np.ndarray]) -> tuple[int, ...]:
    """Tells which blocks halve time: those that double channels, as published, and others.

    A shortcut that keeps the number of channels has weights only if it halves time.
    """
    halving = {5, 8}
    for n in range(2, 11):
        weight = tensors.get(f'l{n}.residual.conv.weight')
        if weight is not None and weight.shape[0] == weight.shape[1]:
            halving.add(n)
    return tuple(sorted(halving))
