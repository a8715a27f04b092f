"""Reads text files of all kinds: UTF-8, with or without a mark of its order, gzipped or not."""

import gzip
import json
from pathlib import Path
import zlib

from skeljax.errors import FormatError


def read(path) -> str:
    """Reads a text file.

    Raises:
        FormatError: it cannot be opened or unpacked, or is not UTF-8 (names the line).
    """
    path = Path(path)
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix.lower() == '.gz' else data
    except (OSError, EOFError, zlib.error) as error:
        raise FormatError(f'{path}: cannot be read: {error}') from None
    try:
        return data.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        line = data.count(b'\n', 0, error.start) + 1
        found = f'byte 0x{data[error.start]:02x}'
        raise FormatError(f'{path}:{line}: {found}, expected text in UTF-8') from None


def document(path, text: str | None = None):
    """Reads a JSON file, or the text of one.

    Raises:
        FormatError: names the line.
    """
    text = read(path) if text is None else text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise FormatError(f'{path}:{error.lineno}: no JSON: {error.msg}') from None
    except (ValueError, RecursionError) as error:
        raise FormatError(f'{path}: no JSON: {error}') from None
