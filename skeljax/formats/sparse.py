"""Tables of numbers with gaps: cells that are blank where nothing was measured."""

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import texts

_LIMIT = 1e9  # no measure of a body comes near, whatever the unit


def table(path, lines: list[tuple[int, str]], columns: int, separator: str) -> np.ndarray:
    """Reads lines of numbers, float64[N, C]; blank cells and those of no finite number are nan.

    A line may end early, or with blank cells beyond the last column.

    Args:
        path: for messages.
        lines: (number from 1, line), at least one.
        columns: C, in each line.
        separator: one character between cells.

    Raises:
        FormatError: names the first line with more cells, or with one that is no number.
    """
    rows = [_filled(line, columns, separator) for _, line in lines]
    try:
        values = np.loadtxt(rows, delimiter=separator, comments=None, ndmin=2)
    except ValueError:
        values = None
    if values is None or values.shape != (len(lines), columns):
        values = np.array([_row(path, *line, columns, separator) for line in lines])
    return np.where(np.abs(values) < _LIMIT, values, np.nan)


def _filled(line: str, columns: int, separator: str) -> str:
    """Returns a line with `nan` in its blank cells; one of too many cells as it is."""
    count = line.count(separator)
    if count == columns and line.endswith(separator):
        line, count = line[:-1], count - 1
    doubled = separator * 2
    if count == columns - 1 and doubled not in line and separator not in (line[0], line[-1]):
        return line
    cells = [cell.strip() or 'nan' for cell in line.split(separator)]
    while len(cells) > columns and cells[-1] == 'nan':
        cells.pop()
    return separator.join(cells + ['nan'] * (columns - len(cells)))


def _row(path, number: int, line: str, columns: int, separator: str) -> list[float]:
    """Reads one line the slow way, so that a cell that is no number can be named."""
    cells = _filled(line, columns, separator).split(separator)
    if len(cells) > columns:
        raise FormatError(f'{path}:{number}: {len(cells)} columns, expected {columns}')
    known = [cell for cell in cells if cell.strip().lower() not in _NO_NUMBERS]
    texts.row(path, number, known)
    return [
        np.nan if cell.strip().lower() in _NO_NUMBERS else float(cell) for cell in cells
    ]


_NO_NUMBERS = ('nan', '-nan', 'nan(ind)', '-nan(ind)', 'inf', '-inf', 'na', 'null')
