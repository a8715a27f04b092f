"""Parses JSON of unknown origin: bounded numbers, valid Unicode, one-line errors."""

import json
from pathlib import Path
import re

from skeljax.errors import FormatError

_SURROGATE = re.compile(r'\\u[dD][89a-fA-F]')
_DIGITS = 19  # of an integer; longer ones do not fit int64


def parse(text: str | bytes, pairs=None):
    """Parses JSON text.

    Args:
        text: one JSON value.
        pairs: converts a list of (key, value) pairs to an object; a dict by default.

    Raises:
        ValueError: no JSON; nested too deep; an integer of more than 64 bits; a text that is not
            Unicode (half of a surrogate pair), which could not be written again.
    """
    try:
        made = json.loads(text, object_pairs_hook=pairs, parse_int=_whole)
        shown = text if isinstance(text, str) else text.decode('utf-8', 'replace')
        if _SURROGATE.search(shown):
            json.dumps(made, ensure_ascii=False).encode('utf-8')
    except RecursionError:
        raise ValueError('nested too deep') from None
    except UnicodeEncodeError:
        raise ValueError('a text that is no Unicode: half of a surrogate pair') from None
    return made


def read(path) -> dict:
    """Reads a file with one JSON object.

    Raises:
        FormatError: no such file, or other content.
    """
    path = Path(path)
    try:
        made = parse(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise FormatError(f'{path}: cannot be read: {error.strerror}') from None
    except ValueError as error:
        raise FormatError(f'{path}: no JSON: {error}') from None
    if not isinstance(made, dict):
        raise FormatError(f'{path}: a JSON {type(made).__name__}, expected an object')
    return made


def _whole(digits: str) -> int:
    number = int(digits) if len(digits) <= _DIGITS + 1 else None
    if number is None or not -(2**63) <= number < 2**63:
        raise ValueError(f'a whole number of {len(digits.lstrip("-"))} digits')
    return number
