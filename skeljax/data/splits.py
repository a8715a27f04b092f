"""Divides the recordings of a corpus into splits, reproducibly."""

from collections.abc import Mapping, Set

from skeljax.data.compose import number

SHARE = 0.15  # of the groups, for each of validation and test


def deal(groups: Mapping[str, Set[str]], seed: int) -> dict[str, str]:
    """Assigns groups of recordings (those of one person) to three splits.

    The groups are ordered by `compose.number(seed, 'split', group)`. First come those needed to
    cover all classes, chosen greedily: the group with the most classes not yet covered, of
    several the first. Of n groups the last max(1, round(0.15 n)) are the test split, the same
    number before them the validation split, the others the training split. Needed groups always
    are in the training split; if too few groups remain for the other two, these are halved, with
    the odd one for validation. So the second of two groups is the validation split.

    Args:
        groups: name -> classes in its recordings.
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
    """Returns a small set of groups that covers all classes."""
    missing = set().union(*groups.values())
    picked = []
    while missing:
        picked.append(max(order, key=lambda group: len(groups[group] & missing)))
        missing -= groups[picked[-1]]
    return picked
