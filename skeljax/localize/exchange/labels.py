"""Maps the labels of rows to indices of one class list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from skeljax.errors import FormatError, InputError
from skeljax.localize.exchange.parsed import ParsedFile, Row, RowErrors
from skeljax.localize.exchange.sets import SegmentSet


def assign_labels(
    rows: Sequence[Row],
    source: ParsedFile,
    path,
    errors: RowErrors,
    *,
    classes: Sequence[str] | None,
    truth: SegmentSet | None,
    label_base: int | None = None,
) -> tuple[list[Row], list[int], tuple[str, ...], bool]:
    """Returns the class of every row; see `skeljax.localize.exchange` for the rules.

    Returns:
        The valid rows, their labels, the class list, and whether it is closed.

    Raises:
        FormatError: a label that is not in a closed list, unless skipped; numbers whose classes
            are ambiguous.
        InputError: a class is listed twice.
    """
    known, closed = _known(rows, source, classes, truth)
    if len(set(known)) < len(known):
        raise InputError(f'{path}: a class stands twice in the list {", ".join(known)[:80]}')
    labels = {row.label for row in rows}
    named = closed or not all(name.isdecimal() for name in known)
    if not named and truth is not None:
        _check_numbers(labels, known, path)
    by_number = _by_number(labels, known, source, path, errors, closed, label_base)
    names = {name: index for index, name in enumerate(known)}
    index = names | by_number if source.numbered else by_number | names
    # In an open list of numbers, a further number is a name.
    unknown = labels - index.keys()
    extra = ordered(name for name in unknown if not (closed or named and name.isdecimal()))
    index |= {name: len(known) + position for position, name in enumerate(extra)}
    if extra:
        some = _shortened(extra, 5)
        errors.changes.append(f'{len(extra)} predicted classes are not in the truth: {some}')
    kept = []
    for row in rows:
        if row.label in index:
            kept.append(row)
            continue
        errors.add(
            row, 'labels outside the class list',
            f'label {row.label!r}, expected {_expected(known, closed, source, by_number)}',
        )
    return kept, [index[row.label] for row in kept], (*known, *extra), closed


def ordered(names: Iterable[str]) -> list[str]:
    """Sorts names; numbers come first, by value."""
    # `parsed.label` limits labels to 1000 characters, so `int` stays fast.
    number = lambda name: int(name) if name.isdecimal() else -1
    return sorted(names, key=lambda name: (not name.isdecimal(), number(name), name))


def _known(rows, source, classes, truth) -> tuple[tuple[str, ...], bool]:
    """Returns the class list and whether it is closed."""
    if classes:
        return tuple(classes), True
    if truth is not None:
        return truth.classes, truth.closed
    if source.classes:
        return source.classes, True
    return tuple(ordered({row.label for row in rows})), False


def _by_number(
    labels: set[str], known: tuple[str, ...], source: ParsedFile, path, errors: RowErrors,
    closed: bool, base: int | None,
) -> Mapping[str, int]:
    """Returns number -> class index; {} if numbers cannot index the list.

    Raises:
        FormatError: the base of the numbers is ambiguous.
    """
    numbers = {name for name in labels if name.isdecimal()} - set(known)
    if source.numbered:
        numbers = {name for name in labels if name.isdecimal()}
    own = source.classes if source.classes and not source.numbered else ()
    if own and own != known:  # list of the file, whose numbers count from 0
        indices = {name: index for index, name in enumerate(known)}
        return {str(i): indices[name] for i, name in enumerate(own) if name in indices}
    if not closed:
        return {}
    base = 1 if source.numbered else base
    if numbers and base is None:
        base = 0 if '0' in numbers or own else 1 if str(len(known)) in numbers else None
        if base is None:
            low, high = (f(map(int, numbers)) for f in (min, max))
            raise FormatError(
                f'{path}: labels are numbers ({low} to {high} of {len(known)} classes): do they '
                'count from 0 or from 1? expected --label-base, or names'
            )
    if numbers and not source.numbered:
        ends = (f'{base} is {known[0]}', f'{base + len(known) - 1} is {known[-1]}')
        errors.changes.append(f'labels are numbers from {base}: {", ".join(ends)}')
    return {str((base or 0) + index): index for index in range(len(known))}


def _check_numbers(labels: set[str], known: Sequence[str], path):
    """Checks predicted labels against a truth whose classes are numbers.

    Raises:
        FormatError: the labels are all names, or have another base than those of the truth.
    """
    if not labels or labels & set(known) == labels:
        return
    true, remedy = set(map(int, known)), '; --classes FILE names all classes in order'
    if not any(label.isdecimal() for label in labels):
        shown = f'the truth numbers its classes ({_shortened(known, 5)}), the predictions name them'
        raise FormatError(f'{path}: {shown} ({_shortened(ordered(labels), 5)}){remedy}')
    if true and all(label.isdecimal() for label in labels):
        numbers = set(map(int, labels))
        lower = (min(numbers), min(true)) == (0, 1) and max(numbers) < max(true)
        higher = (min(numbers), min(true)) == (1, 0) and max(numbers) == max(true) + 1
        if lower or higher:
            ends = f'labels are numbers from {min(numbers)} to {max(numbers)}'
            raise FormatError(
                f'{path}: {ends}, those of the truth from {min(true)} to {max(true)}: expected '
                f'the same numbers{remedy}'
            )


def _expected(known: Sequence[str], closed: bool, source: ParsedFile, by_number: Mapping) -> str:
    """Returns text that describes the valid labels."""
    if not closed:
        order = '; numbers need a list of all classes in order (--classes FILE)'
        return f'one of {_shortened(known, 12)}{order}'
    numbers = list(by_number) or ['none']
    return f'{numbers[0]} to {numbers[-1]} or one of {_shortened(known, 12)}'


def _shortened(names: Sequence[str], count: int) -> str:
    return ', '.join(names[:count]) + (', ...' if len(names) > count else '')
