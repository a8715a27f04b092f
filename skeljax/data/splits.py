"""Deals the recordings of a corpus into splits, reproducibly."""

from collections.abc import Mapping, Set

from skeljax.data.compose import number

SHARES = {'train': 0.7, 'validation': 0.15, 'test': 0.15}


def deal(groups: Mapping[str, Set[str]], seed: int) -> dict[str, str]:
    """Deals groups of recordings (those of one person) into three splits.

    Groups stand in the order of `compose.number(seed, 'split', group)`, but those that
    are the first to show a class come before the others. Of n groups the last
    max(1, round(0.15 n)) are the test split, as many before them the validation split,
    the rest the training split; of two groups the second is for validation, one
    alone is for training.

    Args:
        groups: name of each -> the classes it shows.
        seed: of the order.

    Returns:
        Group -> split.
    """
    order = sorted(groups, key=lambda group: (number(seed, 'split', group), group))
    shown: set[str] = set()
    first, others = [], []
    for group in order:
        (others if groups[group] <= shown else first).append(group)
        shown |= groups[group]
    order = first + others
    count = len(order)
    test = max(1, round(SHARES['test'] * count)) if count > 2 else 0
    validation = max(1, round(SHARES['validation'] * count)) if count > 1 else 0
    train = count - validation - test
    names = ['train'] * train + ['validation'] * validation + ['test'] * test
    return dict(zip(order, names, strict=True))
