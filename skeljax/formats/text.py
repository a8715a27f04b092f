"""Text files, plain or gzipped, and the numbers in them."""

import gzip
from pathlib import Path
import zlib

import numpy as np

from skeljax.errors import FormatError

# No measure of a body comes near, whatever the unit; below it no square overflows.
_LIMIT = 1e9


def load(path) -> str:
    """Reads a UTF-8 text, gzipped where its name ends in .gz.

    Raises:
        FormatError: it cannot be read.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
        return (gzip.decompress(raw) if path.suffix == '.gz' else raw).decode('utf-8-sig')
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise FormatError(f'{path}: cannot be read: {error}') from None


def table(path, lines: list[tuple[int, str]], columns: int, separator=None) -> np.ndarray:
    """Turns lines into numbers, float64[N, C].

    Args:
        path: for messages.
        lines: (number from 1, line), at least one.
        columns: in each.
        separator: of words; by default any blanks.

    Raises:
        FormatError: names the first line with more or fewer columns, or with a word
            that is no number, or 1e9 and more.
    """
    try:
        values = np.loadtxt(
            [line for _, line in lines], delimiter=separator, comments=None, ndmin=2
        )
    except ValueError:
        values = np.array(np.nan)
    if values.shape == (len(lines), columns) and (np.abs(values) < _LIMIT).all():
        return values
    # The slow way tells what is wrong, and where.
    rows = []
    for number, line in lines:
        words = line.split(separator)
        if len(words) != columns:
            raise FormatError(f'{path}:{number}: {len(words)} columns, expected {columns}')
        rows.append(row(path, number, words))
    return np.array(rows)


def row(path, line: int, words: list[str]) -> list[float]:
    """Turns the words of one line into numbers; see `table`."""
    try:
        values = [float(word) for word in words]
    except ValueError:
        values = []
    if len(values) < len(words) or not all(abs(value) < _LIMIT for value in values):
        bad = next(word for word in words if not _is_number(word))
        raise FormatError(f'{path}:{line}: {bad!r:.40}, expected a number')
    return values


def _is_number(word: str) -> bool:
    try:
        return abs(float(word)) < _LIMIT
    except ValueError:
        return False
