"""Text files (UTF-8, with or without a mark of its order, gzipped or not) and numbers in them."""

import gzip
import json
from pathlib import Path
import zlib

import numpy as np

from skeljax import documents
from skeljax.errors import FormatError

# No measure of a body comes near, whatever the unit; below it no square overflows.
_LIMIT = 1e9
UNPACKED = 1 << 28  # bytes of a gzipped text; a few thousand packed ones could hold any number


def read(path, *, latin: bool = False) -> str:
    """Reads a text file.

    Args:
        path: plain, or gzipped (.gz).
        latin: reads what is not UTF-8 as UTF-16 where it begins with its mark, else as
            Windows-1252, the Latin-1 of many programs.

    Raises:
        FormatError: it cannot be opened or unpacked, or is not UTF-8 (names the line).
    """
    path = Path(path)
    try:
        data = _unpacked(path) if path.suffix.lower() == '.gz' else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise FormatError(f'{path}: cannot be read: {error}') from None
    try:
        return data.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        if latin and data[:2] in (b'\xff\xfe', b'\xfe\xff'):
            return data.decode('utf-16', errors='replace')
        if latin:
            return data.decode('cp1252', errors='replace')
        line = data.count(b'\n', 0, error.start) + 1
        found = f'byte 0x{data[error.start]:02x}'
        raise FormatError(f'{path}:{line}: {found}, expected text in UTF-8') from None


def _unpacked(path: Path) -> bytes:
    """Reads a gzipped file of at most `UNPACKED` bytes."""
    with gzip.open(path) as file:
        data = file.read(UNPACKED + 1)
    if len(data) > UNPACKED:
        raise FormatError(f'{path}: unpacks to more than {UNPACKED >> 20} MiB; unpack it first')
    return data


def document(path, text: str | None = None, pairs=None):
    """Reads a JSON file, or the text of one; `pairs` makes objects, as json's hook does.

    Raises:
        FormatError: names the line.
    """
    text = read(path) if text is None else text
    try:
        return documents.parse(text, pairs)
    except json.JSONDecodeError as error:
        raise FormatError(f'{path}:{error.lineno}: no JSON: {error.msg}') from None
    except ValueError as error:
        raise FormatError(f'{path}: no JSON: {error}') from None


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
    # Slower, but finds what is wrong and where.
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
    if any('_' in word for word in words):  # Python would take 1_0 for 10
        values = []
    if len(values) < len(words) or not all(abs(value) < _LIMIT for value in values):
        bad = next(word for word in words if not _is_number(word))
        raise FormatError(f'{path}:{line}: {bad!r:.40}, expected a number')
    return values


def _is_number(word: str) -> bool:
    try:
        return '_' not in word and abs(float(word)) < _LIMIT
    except ValueError:
        return False
