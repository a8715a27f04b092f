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


def numbers(path, rows: list[list[str]], lines: list[int]) -> np.ndarray:
    """Turns rows of words into numbers, float64[N, C].

    Args:
        path: for messages.
        rows: as many words in each.
        lines: number of each row's line, from 1, for messages.

    Raises:
        FormatError: names the first line with a word that is none, or 1e9 and more.
    """
    try:
        table = np.array(rows, np.float64)
    except ValueError:
        table = np.array(np.nan)
    if not (np.abs(table) < _LIMIT).all():
        table = np.array([row(path, *each) for each in zip(lines, rows, strict=True)])
    return table


def row(path, line: int, words: list[str]) -> list[float]:
    """Turns the words of one line into numbers; see `numbers`."""
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
