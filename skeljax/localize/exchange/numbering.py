"""Numbers the labels of rows by one list of classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from skeljax.errors import InputError
from skeljax.localize.exchange.faults import Faults
from skeljax.localize.exchange.sets import SegmentSet
from skeljax.localize.exchange.told import Row, Told


def numbered(
    rows: Sequence[Row],
    told: Told,
    path,
    faults: Faults,
    *,
    classes: Sequence[str] | None,
    truth: SegmentSet | None,
) -> tuple[list[Row], list[int], tuple[str, ...], bool]:
    """Finds the class of every row; see `skeljax.localize.exchange`.

    Returns:
        The rows kept, their labels, the classes, and whether the list is closed.

    Raises:
        FormatError: a label that is none of a closed list, if it is not skipped.
        InputError: a class stands twice in the list.
    """
    known, closed = _known(rows, told, classes, truth)
    if len(set(known)) < len(known):
        raise InputError(f'{path}: a class stands twice in the list {", ".join(known)[:80]}')
    first = int(told.numbered)
    # Where all names are numbers and more may come, a number is a name.
    by_number = told.numbered or closed or not all(name.isdecimal() for name in known)
    numbers = {str(first + index): index for index in range(len(known))} if by_number else {}
    names = {name: index for index, name in enumerate(known)}
    index = names | numbers if told.numbered else numbers | names
    more = {row.label for row in rows} - index.keys()
    extra = ordered(name for name in more if not (closed or by_number and name.isdecimal()))
    index |= {name: len(known) + position for position, name in enumerate(extra)}
    if extra:
        some = _some(extra, 5)
        faults.noted.append(f'{len(extra)} predicted classes are not in the truth: {some}')
    kept = []
    for row in rows:
        if row.label in index:
            kept.append(row)
            continue
        expected = f'{first} to {first + len(known) - 1} or one of {_some(known, 12)}'
        what = f'label {row.label!r}, expected {expected}'
        faults.refuse(row, 'labels outside the class list', what)
    return kept, [index[row.label] for row in kept], (*known, *extra), closed


def ordered(names: Iterable[str]) -> list[str]:
    """Sorts names; numbers by their value, before the others."""
    number = lambda name: int(name) if name.isdecimal() else -1  # labels are short, see `told`
    return sorted(names, key=lambda name: (not name.isdecimal(), number(name), name))


def _known(rows, told, classes, truth) -> tuple[tuple[str, ...], bool]:
    """Picks the list of classes: names, and whether it is closed."""
    if classes:
        return tuple(classes), True
    if truth is not None:
        return truth.classes, truth.closed
    if told.classes:
        return told.classes, True
    return tuple(ordered({row.label for row in rows})), False


def _some(names: Sequence[str], count: int) -> str:
    return ', '.join(names[:count]) + (', ...' if len(names) > count else '')
