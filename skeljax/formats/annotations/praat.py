"""Reads Praat's TextGrid, long or short, in UTF-8, UTF-16 or Latin-1.

Praat reads free-standing numbers, quoted texts and flags, and passes over all else; so
does this (www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html). Intervals without
text are pauses; points are labels of no length.
"""

from collections.abc import Iterator
from pathlib import Path
import re

from skeljax.errors import FormatError
from skeljax.formats import texts
from skeljax.formats.labels import Label, Labels, mark

_TOKEN = re.compile(
    r'"((?:[^"]|"")*)"|(?:(?<=\s)|^)(-?\d[\d.]*(?:[eE][-+]?\d+)?)(?=\s|$)|<(\w+)>'
)
_CLASSES = {'IntervalTier': 3, 'TextTier': 2}  # values of each entry


def read(path) -> Labels:
    """Reads the labels of one recording, named as the file.

    Raises:
        FormatError: no TextGrid, or one that ends early.
    """
    path = Path(path)
    text = texts.read(path, latin=True)
    if 'ooTextFile' not in text[:200] or 'TextGrid' not in text[:300]:
        raise FormatError(f'{path}: no TextGrid of Praat, expected File type "ooTextFile"')
    tokens = _tokens(text)
    labels = Labels()
    labels.add(path.stem, str(path))
    try:
        file_type = next(tokens)
        while file_type[0] != 'TextGrid':
            file_type = next(tokens)
        _, _, flag, count = [next(tokens) for _ in range(4)]
        if flag[0] != 'exists':
            return labels
        for number in range(int(count[0])):
            labels.segments[path.stem] += _tier(path, tokens, number)
    except FormatError:
        raise
    except (StopIteration, ValueError):
        raise FormatError(f'{path}: ends within a tier, or a number is missing') from None
    return labels


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    """Yields texts, numbers and flags, each with its line from 1."""
    line, at = 1, 0
    for match in _TOKEN.finditer(text):
        line += text.count('\n', at, match.start())
        at = match.start()
        quoted, number, flag = match.groups()
        yield (quoted.replace('""', '"') if quoted is not None else number or flag), line


def _tier(path: Path, tokens, number: int) -> list[Label]:
    kind, line = next(tokens)
    if kind not in _CLASSES:
        stated = f'tier {number + 1} is {kind!r:.30}, expected IntervalTier'
        raise FormatError(f'{path}:{line}: {stated}')
    name, _, _, count = [next(tokens)[0] for _ in range(4)]
    found = []
    for _ in range(int(count)):
        *times, (text, line) = [next(tokens) for _ in range(_CLASSES[kind])]
        if text.strip():
            start, end = times[0][0], times[-1][0]
            found.append(mark(start, end, text.strip(), f'{path}:{line}', tier=name))
    return found
