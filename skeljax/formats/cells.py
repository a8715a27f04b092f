"""Reads a table of text cells with a header: CSV as spreadsheets write it."""

import csv
from dataclasses import dataclass, field
import functools
import io
from pathlib import Path
import re

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import texts

_DELIMITERS = ',;\t'
_DECIMAL_COMMA = re.compile(r'[-+]?\d*,\d+([eE][-+]?\d+)?')
_THOUSANDS = re.compile(r'[-+]?\d{1,3}([.,]\d{3})+([.,]\d+)?')


@dataclass(frozen=True)
class Cells:
    """The content of a table.

    Attributes:
        path: of the file.
        names: of the columns, as written.
        lines: of the file, on which each row ends, from 1.
        delimiter: between the cells.
        plain: text of each row, where no cell is quoted; None otherwise.
        split: cells of each row, where one is quoted; None otherwise.
    """

    path: Path
    names: list[str]
    lines: list[int]
    delimiter: str
    plain: list[str] | None = field(repr=False, default=None)
    split: list[list[str]] | None = field(repr=False, default=None)

    def __len__(self) -> int:
        """Counts the rows."""
        return len(self.lines)

    @functools.cached_property
    def rows(self) -> list[list[str]]:
        """Cells of each row, without blank lines; a row of empty cells is one.

        In columns of numbers with a decimal comma it becomes a point.
        """
        rows = self._cells()
        if self.delimiter == ',' or not rows:
            return rows
        for column, cells in enumerate(zip(*rows, strict=True)):
            if any(map(_DECIMAL_COMMA.fullmatch, cells)) and all(map(_number_or_none, cells)):
                for row, cell in zip(rows, cells, strict=True):
                    row[column] = cell.replace(',', '.')
        return rows

    def column(self, *names: str) -> int | None:
        """Returns the first column of one of these names, ignoring case."""
        lower = [name.lower() for name in self.names]
        return next((lower.index(name) for name in names if name in lower), None)

    def cells(self, column: int) -> list[str]:
        """Returns the cells of one column."""
        if self.plain is None:
            return [row[column] for row in self.split]
        return [row.split(self.delimiter, column + 1)[column].strip() for row in self.plain]

    def numbers(self, columns: list[int]) -> np.ndarray:
        """Reads columns as float64[rows, columns]; an empty cell is nan.

        Where the columns are not separated by commas, a decimal comma is a point.

        Raises:
            FormatError: names the line and the column of what is no number.
        """
        numbers = self._quick(columns)
        if numbers is not None:
            return numbers
        rows = self._cells()
        values = [[self._number(row[column]) for column in columns] for row in rows]
        for line, row, found in zip(self.lines, rows, values, strict=True):
            if None in found:
                column = columns[found.index(None)]
                stated = f'{self.names[column]} is {row[column][:40]!r}'
                raise FormatError(f'{self.path}:{line}: {stated}, {_expected(row[column])}')
        return np.array(values, np.float64).reshape(len(values), len(columns))

    def fail(self, row: int, what: str):
        """Raises FormatError at a row."""
        raise FormatError(f'{self.path}:{self.lines[row]}: {what}')

    def _cells(self) -> list[list[str]]:
        if self.plain is None:
            return [list(row) for row in self.split]
        return [[cell.strip() for cell in row.split(self.delimiter)] for row in self.plain]

    def _quick(self, columns: list[int]) -> np.ndarray | None:
        """Reads columns at once; None if a cell may be no number."""
        if self.plain is None or not self.plain or not columns:
            return None
        fresh = [column for column in dict.fromkeys(columns) if column not in self._known]
        if fresh:
            try:
                numbers = np.loadtxt(
                    self._filled, delimiter=self.delimiter, usecols=fresh, comments=None, ndmin=2
                )
            except ValueError:
                return None
            self._known.update(zip(fresh, numbers.T, strict=True))
        return np.stack([self._known[column] for column in columns], 1)

    @functools.cached_property
    def _known(self) -> dict[int, np.ndarray]:
        """Columns that have been read as numbers."""
        return {}

    @functools.cached_property
    def _filled(self) -> list[str]:
        """Text of each row with nan in empty cells, and with decimal points."""
        text, mark = '\n'.join(self.plain), self.delimiter
        if mark != ',' and ',' in text:
            text = text.replace(',', '.')
        for empty, nan in (
            (mark * 2, f'{mark}nan{mark}'), (mark * 2, f'{mark}nan{mark}'),
            (f'{mark}\n', f'{mark}nan\n'), (f'\n{mark}', f'\nnan{mark}'),
        ):
            # Twice, as a replacement does not see the mark that it ends with.
            text = text.replace(empty, nan) if empty in text else text
        text = f'nan{text}' if text.startswith(mark) else text
        return (f'{text}nan' if text.endswith(mark) else text).split('\n')

    def _number(self, cell: str) -> float | None:
        """Reads a cell; nan for an empty one, None for what is no number."""
        if not cell:
            return np.nan
        if self.delimiter != ',' and _DECIMAL_COMMA.fullmatch(cell):
            cell = cell.replace(',', '.')
        try:
            return None if '_' in cell else float(cell)  # Python would take 1_0 for 10
        except ValueError:
            return None


def read(path) -> Cells:
    """Reads a table; its first line names the columns, separated by comma, semicolon or tab.

    Raises:
        FormatError: names the line, what was found and what was expected.
    """
    path = Path(path)
    text = texts.read(path)
    head = text.lstrip().split('\n', 1)[0]
    delimiter = max(_DELIMITERS, key=head.count)
    rows, lines = (_quoted if '"' in text else _unquoted)(path, text, delimiter)
    if not rows:
        raise FormatError(f'{path}: empty, expected a line that names the columns')
    head, quoted = rows[0], not isinstance(rows[0], str)
    names = [name.strip() for name in head.split(delimiter)] if isinstance(head, str) else head
    for index, name in enumerate(names):
        if name and name in names[:index]:
            raise FormatError(f'{path}:{lines[0]}: two columns {name!r}')
    for line, row in zip(lines, rows, strict=True):
        count = len(row) if quoted else row.count(delimiter) + 1
        if count != len(names):
            raise FormatError(f'{path}:{line}: {count} columns, expected {len(names)}')
    kept = {'split': rows[1:]} if quoted else {'plain': rows[1:]}
    return Cells(path, names, lines[1:], delimiter, **kept)


def _unquoted(path: Path, text: str, delimiter: str) -> tuple[list[str], list[int]]:
    """Returns the text of each row and its line."""
    whole = text.replace('\r\n', '\n').replace('\r', '\n').split('\n')
    numbered = [(line, row) for line, row in enumerate(whole, 1) if row.strip(' ')]
    return [row for _, row in numbered], [line for line, _ in numbered]


def _quoted(path: Path, text: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    """Returns the cells of each row and the line that it ends on."""
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
    return rows, lines


def _expected(cell: str) -> str:
    if _DECIMAL_COMMA.fullmatch(cell):
        return 'a decimal comma, expected a point, or columns separated by semicolons'
    if _THOUSANDS.fullmatch(cell):
        return 'expected a number without a mark of thousands'
    return 'expected a number'


def _number_or_none(cell: str) -> bool:
    try:
        return not cell or '_' not in cell and float(cell.replace(',', '.')) is not None
    except ValueError:
        return False
