"""Deals the recordings of a corpus into splits, reproducibly."""

from collections.abc import Mapping, Set

from skeljax.data.compose import number

SHARE = 0.15  # of groups, for validation and for test


def deal(groups: Mapping[str, Set[str]], seed: int) -> dict[str, str]:
    """Deals groups of recordings (those of one person) into three splits.

    Groups stand in the order of `compose.number(seed, 'split', group)`, behind those
    that are needed to show every class: again and again the one that shows most of
    the classes not shown yet, of several the first in that order. Of n groups the last
    max(1, round(0.15 n)) are the test split, as many before them the validation split,
    the rest and all that are needed the training split. What that leaves of the other
    two is halved, the odd one for validation; so of two groups the second is.

    Args:
        groups: name of each -> the classes it shows.
        seed: of the order.

    Returns:
        Group -> split.
    """
    rest = sorted(groups, key=lambda group: (number(seed, 'split', group), group))
    needed = _needed(groups, rest)
    order = needed + [group for group in rest if group not in needed]
    part = max(1, round(SHARE * len(order)))
    held_out = min(2 * part, len(order) - max(1, len(needed))) if order else 0
    validation = (held_out + 1) // 2
    train = len(order) - held_out
    names = ['train'] * train + ['validation'] * validation + ['test'] * (held_out - validation)
    return dict(zip(order, names, strict=True))


def _needed(groups: Mapping[str, Set[str]], order: list[str]) -> list[str]:
    """Picks few groups that show every class."""
    missing = set().union(*groups.values())
    picked = []
    while missing:
        picked.append(max(order, key=lambda group: len(groups[group] & missing)))
        missing -= groups[picked[-1]]
    return picked
