"""Numbers the labels of rows by one list of classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from skeljax.errors import FormatError, InputError
from skeljax.localize.exchange.errors import Faults
from skeljax.localize.exchange.parsed import Row, Told
from skeljax.localize.exchange.sets import SegmentSet


def numbered(
    rows: Sequence[Row],
    told: Told,
    path,
    faults: Faults,
    *,
    classes: Sequence[str] | None,
    truth: SegmentSet | None,
    label_base: int | None = None,
) -> tuple[list[Row], list[int], tuple[str, ...], bool]:
    """Finds the class of every row; see `skeljax.localize.exchange`.

    Returns:
        The rows kept, their labels, the classes, and whether the list is closed.

    Raises:
        FormatError: a label that is none of a closed list, if it is not skipped; labels that
            are numbers, where nothing tells which class each is.
        InputError: a class stands twice in the list.
    """
    known, closed = _known(rows, told, classes, truth)
    if len(set(known)) < len(known):
        raise InputError(f'{path}: a class stands twice in the list {", ".join(known)[:80]}')
    labels = {row.label for row in rows}
    named = closed or not all(name.isdecimal() for name in known)
    if not named and truth is not None:
        _check_numbers(labels, known, path)
    by_number = _by_number(labels, known, told, path, faults, closed, label_base)
    names = {name: index for index, name in enumerate(known)}
    index = names | by_number if told.numbered else by_number | names
    # Where all names are numbers and more may come, a number is a name.
    more = labels - index.keys()
    extra = ordered(name for name in more if not (closed or named and name.isdecimal()))
    index |= {name: len(known) + position for position, name in enumerate(extra)}
    if extra:
        some = _some(extra, 5)
        faults.noted.append(f'{len(extra)} predicted classes are not in the truth: {some}')
    kept = []
    for row in rows:
        if row.label in index:
            kept.append(row)
            continue
        faults.refuse(
            row, 'labels outside the class list',
            f'label {row.label!r}, expected {_expected(known, closed, told, by_number)}',
        )
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


def _by_number(
    labels: set[str], known: tuple[str, ...], told: Told, path, faults: Faults, closed: bool,
    base: int | None,
) -> Mapping[str, int]:
    """Returns number -> index of its class, {} where numbers are no classes.

    Raises:
        FormatError: nothing tells from which number a list counts.
    """
    numbers = {name for name in labels if name.isdecimal()} - set(known)
    if told.numbered:
        numbers = {name for name in labels if name.isdecimal()}
    own = told.classes if told.classes and not told.numbered else ()
    if own and own != known:  # of the file itself, whose numbers count from 0
        place = {name: index for index, name in enumerate(known)}
        return {str(i): place[name] for i, name in enumerate(own) if name in place}
    if not closed:
        return {}
    base = 1 if told.numbered else base
    if numbers and base is None:
        base = 0 if '0' in numbers or own else 1 if str(len(known)) in numbers else None
        if base is None:
            low, high = (f(map(int, numbers)) for f in (min, max))
            raise FormatError(
                f'{path}: labels are numbers ({low} to {high} of {len(known)} classes): do they '
                'count from 0 or from 1? expected --label-base, or names'
            )
    if numbers and not told.numbered:
        ends = (f'{base} is {known[0]}', f'{base + len(known) - 1} is {known[-1]}')
        faults.noted.append(f'labels are numbers from {base}: {", ".join(ends)}')
    return {str((base or 0) + index): index for index in range(len(known))}


def _check_numbers(labels: set[str], known: Sequence[str], path):
    """Refuses labels that cannot be those of a truth whose classes are only numbered.

    Raises:
        FormatError: the labels are all names, or count from another number than the truth.
    """
    if not labels or labels & set(known) == labels:
        return
    true, way = set(map(int, known)), '; --classes FILE names all classes in order'
    if not any(label.isdecimal() for label in labels):
        shown = f'the truth numbers its classes ({_some(known, 5)}), the predictions name them'
        raise FormatError(f'{path}: {shown} ({_some(ordered(labels), 5)}){way}')
    if true and all(label.isdecimal() for label in labels):
        found = set(map(int, labels))
        lower = (min(found), min(true)) == (0, 1) and max(found) < max(true)
        higher = (min(found), min(true)) == (1, 0) and max(found) == max(true) + 1
        if lower or higher:
            ends = f'labels are numbers from {min(found)} to {max(found)}'
            raise FormatError(
                f'{path}: {ends}, those of the truth from {min(true)} to {max(true)}: expected '
                f'the same numbers{way}'
            )


def _expected(known: Sequence[str], closed: bool, told: Told, by_number: Mapping) -> str:
    """Says which labels there may be."""
    if not closed:
        order = '; numbers need a list of all classes in order (--classes FILE)'
        return f'one of {_some(known, 12)}{order}'
    numbers = list(by_number) or ['none']
    return f'{numbers[0]} to {numbers[-1]} or one of {_some(known, 12)}'


def _some(names: Sequence[str], count: int) -> str:
    return ', '.join(names[:count]) + (', ...' if len(names) > count else '')
