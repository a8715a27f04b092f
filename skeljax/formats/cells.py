"""Reads a table of text cells with a header: CSV as spreadsheets write it."""

import csv
from dataclasses import dataclass
import io
from pathlib import Path

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import texts

_DELIMITERS = ',;\t'


@dataclass(frozen=True)
class Cells:
    """A table as its file tells it.

    Attributes:
        path: of the file.
        names: of the columns, as written.
        rows: cells of each row, without blank lines; a row of empty cells is one.
        lines: of the file, on which each row ends, from 1.
    """

    path: Path
    names: list[str]
    rows: list[list[str]]
    lines: list[int]

    def column(self, *names: str) -> int | None:
        """Finds the first column of one of these names, whatever their case."""
        lower = [name.lower() for name in self.names]
        return next((lower.index(name) for name in names if name in lower), None)

    def numbers(self, columns: list[int]) -> np.ndarray:
        """Reads columns as float64[rows, columns]; an empty cell is nan.

        Raises:
            FormatError: names the line and the column of what is no number.
        """
        picked = [[row[column] or 'nan' for column in columns] for row in self.rows]
        try:
            numbers = np.array(picked, np.float64).reshape(len(picked), len(columns))
        except ValueError:
            numbers = None
        # Python, and NumPy with it, would take 1_0 for 10.
        if numbers is not None and not any('_' in cell for row in picked for cell in row):
            return numbers
        for line, row in zip(self.lines, picked, strict=True):
            for column, cell in zip(columns, row, strict=True):
                if not _is_number(cell):
                    name = self.names[column]
                    raise FormatError(
                        f'{self.path}:{line}: {name} is {cell[:40]!r}, expected a number'
                    )
        raise AssertionError('every cell is a number')

    def fail(self, row: int, what: str):
        """Raises FormatError at a row."""
        raise FormatError(f'{self.path}:{self.lines[row]}: {what}')


def read(path) -> Cells:
    """Reads a table; its first line names the columns, parted by comma, semicolon or tab.

    Raises:
        FormatError: names the line, what was found and what was expected.
    """
    path = Path(path)
    text = texts.read(path)
    head = text.lstrip().split('\n', 1)[0]
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=''), delimiter=delimiter, skipinitialspace=True)
    rows, lines = [], []
    try:
        for row in reader:
            row = [cell.strip() for cell in row]
            if row not in ([], ['']):
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise FormatError(f'{path}:{reader.line_num}: {error}') from None
    if not rows:
        raise FormatError(f'{path}: empty, expected a line that names the columns')
    names = rows[0]
    for index, name in enumerate(names):
        if name and name in names[:index]:
            raise FormatError(f'{path}:{lines[0]}: two columns {name!r}')
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(names):
            raise FormatError(f'{path}:{line}: {len(row)} columns, expected {len(names)}')
    return Cells(path, names, rows[1:], lines[1:])


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return '_' not in cell
