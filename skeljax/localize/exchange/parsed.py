"""Content of a file of segments before labels and times are converted, and its checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import math
from typing import NamedTuple

from skeljax.errors import FormatError, is_name

_LONGEST = 1000  # characters of a label


class Row(NamedTuple):
    """One segment as written in its file.

    Attributes:
        recording: its name.
        label: name or number of the class, as text.
        start, end: seconds or frames.
        score: higher is more confident.
        where: file and line, or file, recording and index, for error messages.
    """

    recording: str
    label: str
    start: float
    end: float
    score: float
    where: str


@dataclass
class ParsedFile:
    """Content of a file of segments.

    Attributes:
        rows: in the order of the file.
        in_seconds: whether times are seconds; otherwise frames.
        subsets: every recording, also those without segments -> its subset, '' if unknown.
        fps: recording -> frames per second, if known.
        frames: recording -> its number of frames, if known.
        seconds: recording -> its duration, if known.
        classes: names of all classes, () if unknown.
        numbered: whether labels are numbers from 1; otherwise names, or numbers from 0.
    """

    rows: list[Row] = field(default_factory=list)
    in_seconds: bool = True
    subsets: dict[str, str] = field(default_factory=dict)
    fps: dict[str, float] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    numbered: bool = False


class RowErrors:
    """Raises an error for an invalid row, or skips invalid rows and counts them.

    Attributes:
        skip: whether to skip invalid rows.
        changes: one line for each kind of change made to the data.
    """

    def __init__(self, skip: bool):
        self.skip = skip
        self.changes: list[str] = []
        self._skipped: dict[str, tuple[int, str]] = {}

    def add(self, row: Row, kind: str, message: str):
        """Counts an invalid row of this kind.

        Raises:
            FormatError: rows are not to be skipped; names the row.
        """
        if not self.skip:
            raise FormatError(f'{row.where}: {message}')
        count, first = self._skipped.get(kind, (0, f'{row.where}: {message}'))
        self._skipped[kind] = count + 1, first

    def notes(self) -> tuple[str, ...]:
        """Returns one line for each kind of change and of skipped rows."""
        skipped = [
            f'left out {count} segments: {kind} (first: {first})'
            for kind, (count, first) in self._skipped.items()
        ]
        return (*self.changes, *skipped)


def number(value, name: str, where: str) -> float:
    """Returns a value as a number; nan and infinity are checked later, with the segment.

    Raises:
        FormatError: the value is missing or not a number.
    """
    if isinstance(value, str) and '_' not in value:  # Python parses 1_0 as 10
        try:
            return float(value)
        except ValueError:
            pass
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    found = 'missing' if value is None or value == '' else f'{str(value)[:40]!r}'
    raise FormatError(f'{where}: {name} is {found}, expected a number')


def positive(value, name: str, where: str) -> float:
    """Returns a value as a number above 0; raises FormatError otherwise."""
    found = number(value, name, where)
    if not (math.isfinite(found) and found > 0):
        raise FormatError(f'{where}: {name} is {found:g}, expected a number above 0')
    return found


def label(value, where: str) -> str:
    """Returns the name or number of a class as text; raises FormatError if invalid."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        found = 'missing' if value is None or value == '' else f'{str(value)[:40]!r}'
        raise FormatError(f'{where}: label is {found}, expected a name or a number of a class')
    if len(value) > _LONGEST:
        raise FormatError(f'{where}: label has {len(value)} characters, expected up to {_LONGEST}')
    value = value.strip()
    if not is_name(value):
        raise FormatError(f'{where}: label is {value!r:.60}, which has a control character')
    return value


def member(document: Mapping, name: str, kind: type, where: str):
    """Returns a member of a JSON object.

    Raises:
        FormatError: it is missing or has another type.
    """
    words = {dict: 'an object', list: 'a list'}
    if not isinstance(document, dict):
        raise FormatError(f'{where}: expected an object with {name!r}')
    if not isinstance(document.get(name), kind):
        found = 'missing' if document.get(name) is None else f'{str(document[name])[:40]!r}'
        raise FormatError(f'{where}: {name} is {found}, expected {words[kind]}')
    return document[name]


def names(document: Mapping, where: str) -> tuple[str, ...]:
    """Returns the optional class list of a JSON object, () without one."""
    if document.get('classes') is None:
        return ()
    return tuple(label(name, where) for name in member(document, 'classes', list, where))
