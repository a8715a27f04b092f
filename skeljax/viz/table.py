"""Lays out tables of numbers as markdown and as plain text for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
import re

import numpy as np

from skeljax.errors import InputError, shown

_MARKDOWN = re.compile(r'[\\|`<>\[\]]')


def markdown(
    rows: Sequence[str | tuple[str, ...]],
    columns: Sequence[str],
    values,
    *,
    deviations=None,
    corner: str | tuple[str, ...] = '',
    digits: int = 1,
    scale: float = 1.0,
    bold_best: bool = False,
) -> str:
    """Writes a markdown table, numbers right-aligned.

    Args:
        rows: R row names; tuples make several leading columns.
        columns: C column names.
        values: [R, C]; nan is shown as a dash, an int that is not scaled without decimals.
        deviations: float[R, C], shown after ±; nan shows none.
        corner: heading of the leading column, or of each of them.
        digits: decimals.
        scale: 100 shows fractions as percent.
        bold_best: sets the highest value of each column in bold.

    Returns:
        The table without a line break at its end.

    Raises:
        InputError: the numbers of rows, columns and values do not fit.
    """
    names, cells = _cells(rows, columns, values, deviations, corner, digits, scale)
    if bold_best:
        values = np.asarray(values, np.float64)
        best = np.max(np.where(np.isnan(values), -np.inf, values), axis=0, initial=-np.inf)
        cells = [cells[0]] + [
            [f'**{cell}**' if value == top else cell
             for cell, value, top in zip(line, numbers, best, strict=True)]
            for line, numbers in zip(cells[1:], values, strict=True)
        ]
    names = [[_literal(name) for name in line] for line in names]
    cells[0] = [_literal(name) for name in cells[0]]
    lines = _aligned(names, cells)
    widths = [len(cell) for cell in lines[0]]
    leading = len(names[0])
    rule = ['-' * w if i < leading else '-' * (w - 1) + ':' for i, w in enumerate(widths)]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in [lines[0], rule, *lines[1:]])


def text(
    rows: Sequence[str | tuple[str, ...]],
    columns: Sequence[str],
    values,
    *,
    deviations=None,
    corner: str | tuple[str, ...] = '',
    digits: int = 1,
    scale: float = 1.0,
) -> str:
    """Writes the table of `markdown` in columns of fixed width, with a rule below the head."""
    names, cells = _cells(rows, columns, values, deviations, corner, digits, scale)
    lines = ['  '.join(line).rstrip() for line in _aligned(names, cells)]
    return '\n'.join([lines[0], '-' * max(map(len, lines)), *lines[1:]])


def _literal(name: str) -> str:
    """Writes a name so that markdown shows it as it is: no link, no HTML, no column of its own."""
    return _MARKDOWN.sub(r'\\\g<0>', name)


def _cells(rows, columns, values, deviations, corner, digits, scale):
    """Makes the names float[R + 1][leading] and the cells [R + 1][C], heads first."""
    numbers = _numbers(values, rows, columns, 'values')
    spread = np.full(numbers.shape, np.nan)
    if deviations is not None:
        spread = _numbers(deviations, rows, columns, 'deviations')
    # Names come of files: nothing in them may end a line, or reach a terminal.
    columns = [shown(column) for column in columns]
    names = [list(map(shown, row)) if isinstance(row, tuple) else [shown(row)] for row in rows]
    leading = len(names[0]) if names else 1
    heads = list(corner) if isinstance(corner, tuple) else [corner] + [''] * (leading - 1)
    if any(len(line) != leading for line in [*names, heads]):
        raise InputError(f'table: row names and corner differ in length: {[heads, *names]}')
    cells = [
        [_cell(value, around, digits, scale) for value, around in zip(*line, strict=True)]
        for line in zip(values, spread, strict=True)
    ]
    return [heads, *names], [list(columns), *cells]


def _cell(value: float, deviation: float, digits: int, scale: float) -> str:
    if np.isnan(value):
        return '–'
    if isinstance(value, int) and scale == 1:
        digits = 0
    around = '' if np.isnan(deviation) else f' ± {scale * deviation:.{digits}f}'
    return f'{scale * value:.{digits}f}{around}'


def _numbers(values, rows, columns, what: str) -> np.ndarray:
    values = np.asarray(values, np.float64)
    expected = (len(rows), len(columns))
    if values.shape != expected and not (values.size == 0 and 0 in expected):
        raise InputError(f'table {what}: expected {expected} numbers, found {values.shape}')
    return values.reshape(expected)


def _aligned(names: list[list[str]], cells: list[list[str]]) -> list[list[str]]:
    """Pads the cells of each column to one width: names left, numbers right."""
    lines = [[*name, *line] for name, line in zip(names, cells, strict=True)]
    # Markdown needs three characters for a rule that is aligned.
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    leading = len(names[0])
    return [
        [c.ljust(w) if i < leading else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))]
        for line in lines
    ]
