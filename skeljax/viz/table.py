"""Formats tables of numbers as Markdown and as aligned plain text for the terminal.

tabulate and rich are not used: they neither escape names for Markdown and for terminals nor align
numbers with their deviations in both formats.
"""

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
    """Returns a Markdown table with right-aligned numbers.

    Args:
        rows: R row names; tuples give several leading columns.
        columns: C column names.
        values: [R, C]; nan is shown as a dash, an unscaled int without decimals.
        deviations: float[R, C], shown after ±; nan shows none.
        corner: heading of the leading column, or of each of them.
        digits: number of decimals.
        scale: factor of the values; 100 shows fractions as percent.
        bold_best: sets the highest value of each column in bold.

    Returns:
        The table, without a line break at the end.

    Raises:
        InputError: the lengths of rows, columns and values do not match.
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
    names = [[_escape(name) for name in line] for line in names]
    cells[0] = [_escape(name) for name in cells[0]]
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
    """Returns the table of `markdown` as plain text, with a rule below the heads."""
    names, cells = _cells(rows, columns, values, deviations, corner, digits, scale)
    lines = ['  '.join(line).rstrip() for line in _aligned(names, cells)]
    return '\n'.join([lines[0], '-' * max(map(len, lines)), *lines[1:]])


def _escape(name: str) -> str:
    """Escapes the characters of a name that Markdown or HTML would interpret."""
    return _MARKDOWN.sub(r'\\\g<0>', name)


def _cells(rows, columns, values, deviations, corner, digits, scale):
    """Returns the names [R + 1][leading columns] and the cells [R + 1][C] as text, heads first."""
    numbers = _numbers(values, rows, columns, 'values')
    margins = np.full(numbers.shape, np.nan)
    if deviations is not None:
        margins = _numbers(deviations, rows, columns, 'deviations')
    # Names come from files: they may contain line breaks and terminal control sequences.
    columns = [shown(column) for column in columns]
    names = [list(map(shown, row)) if isinstance(row, tuple) else [shown(row)] for row in rows]
    leading = len(names[0]) if names else 1
    heads = list(corner) if isinstance(corner, tuple) else [corner] + [''] * (leading - 1)
    if any(len(line) != leading for line in [*names, heads]):
        raise InputError(f'table: row names and corner differ in length: {[heads, *names]}')
    cells = [
        [_cell(value, margin, digits, scale) for value, margin in zip(*line, strict=True)]
        for line in zip(values, margins, strict=True)
    ]
    return [heads, *names], [list(columns), *cells]


def _cell(value: float, deviation: float, digits: int, scale: float) -> str:
    if np.isnan(value):
        return '–'
    if isinstance(value, int) and scale == 1:
        digits = 0
    margin = '' if np.isnan(deviation) else f' ± {scale * deviation:.{digits}f}'
    return f'{scale * value:.{digits}f}{margin}'


def _numbers(values, rows, columns, what: str) -> np.ndarray:
    values = np.asarray(values, np.float64)
    expected = (len(rows), len(columns))
    if values.shape != expected and not (values.size == 0 and 0 in expected):
        raise InputError(f'table {what}: expected {expected} numbers, found {values.shape}')
    return values.reshape(expected)


def _aligned(names: list[list[str]], cells: list[list[str]]) -> list[list[str]]:
    """Pads the cells of each column to equal width: names on the left, numbers on the right."""
    lines = [[*name, *line] for name, line in zip(names, cells, strict=True)]
    # The rule of an aligned Markdown column has at least three characters.
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    leading = len(names[0])
    return [
        [c.ljust(w) if i < leading else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))]
        for line in lines
    ]
