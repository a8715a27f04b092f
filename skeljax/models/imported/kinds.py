"""Layouts of the kinds of published layers, and functions that the architectures share."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Leaf(NamedTuple):
    """One array of a layer: its collection and name here, its published name, its conversion."""

    collection: str
    ours: str
    theirs: str
    change: Callable[[np.ndarray], np.ndarray] = lambda array: array


def _matrix(weight):
    """Maps [D, C, 1, 1] or [D, C] to [C, D]."""
    return weight.reshape(weight.shape[:2]).T


def _taps(weight):
    """Maps [D, C, K, 1] to [K, C, D]."""
    return weight.reshape(weight.shape[:3]).transpose(2, 1, 0)


def _subsets(weight):
    """Maps [3 D, C, 1, 1] to [3, C, D]."""
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
    """A layer of every block: its path here, its published name and its kind.

    Several published layers become one, with their channels concatenated. In both names {n} is
    the number of the block and {i} is n - 1.
    """

    ours: str
    theirs: str | tuple[str, ...]
    kind: tuple[Leaf, ...]


def down_stages(tensors: dict[str, np.ndarray]) -> tuple[int, ...]:
    """Returns the numbers of the blocks that halve the temporal resolution.

    They are the published ones, 5 and 8, and those with weights of a residual that keeps the
    number of channels: without a stride it would have none.
    """
    halving = {5, 8}
    for n in range(2, 11):
        weight = tensors.get(f'l{n}.residual.conv.weight')
        if weight is not None and weight.shape[0] == weight.shape[1]:
            halving.add(n)
    return tuple(sorted(halving))
