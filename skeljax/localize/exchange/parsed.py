"""What a file tells of segments, before labels are numbered and times are frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
import math
from typing import NamedTuple

from skeljax.errors import FormatError, is_name

_LONGEST = 1000  # characters of a label


class Row(NamedTuple):
    """One segment as its file tells it.

    Attributes:
        recording: its name.
        label: name or number of the class, as text.
        start, end: seconds or frames.
        score: higher is surer.
        where: file and line, or file, recording and position, for messages.
    """

    recording: str
    label: str
    start: float
    end: float
    score: float
    where: str


@dataclass
class Told:
    """The segments of a file, and what else it tells.

    Attributes:
        rows: in the order of the file.
        in_seconds: whether their times are seconds; else frames.
        subsets: every recording, also those without segments -> its subset, '' if not told.
        fps: recording -> frames a second, where told.
        frames: recording -> its number of frames, where told.
        seconds: recording -> its duration, where told.
        classes: all classes, where told; empty otherwise.
        numbered: whether labels are numbers from 1; else names, or numbers from 0.
    """

    rows: list[Row] = field(default_factory=list)
    in_seconds: bool = True
    subsets: dict[str, str] = field(default_factory=dict)
    fps: dict[str, float] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    numbered: bool = False


def number(value, name: str, where: str) -> float:
    """Reads a number of a file; nan and infinity pass, they are judged with the segment.

    Raises:
        FormatError: names the place, the field and what was found.
    """
    if isinstance(value, str) and '_' not in value:  # Python would take 1_0 for 10
        try:
            return float(value)
        except ValueError:
            pass
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    found = 'missing' if value is None or value == '' else f'{str(value)[:40]!r}'
    raise FormatError(f'{where}: {name} is {found}, expected a number')


def positive(value, name: str, where: str) -> float:
    """Reads a number above 0; raises FormatError otherwise."""
    found = number(value, name, where)
    if not (math.isfinite(found) and found > 0):
        raise FormatError(f'{where}: {name} is {found:g}, expected a number above 0')
    return found


def label(value, where: str) -> str:
    """Reads the name or the number of a class, as text; raises FormatError otherwise."""
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
    """Takes a member of a JSON object.

    Raises:
        FormatError: it is missing or of another kind.
    """
    words = {dict: 'an object', list: 'a list'}
    if not isinstance(document, dict):
        raise FormatError(f'{where}: expected an object with {name!r}')
    if not isinstance(document.get(name), kind):
        found = 'missing' if document.get(name) is None else f'{str(document[name])[:40]!r}'
        raise FormatError(f'{where}: {name} is {found}, expected {words[kind]}')
    return document[name]


def names(document: Mapping, where: str) -> tuple[str, ...]:
    """Reads the optional list of classes of a JSON object."""
    if document.get('classes') is None:
        return ()
    return tuple(label(name, where) for name in member(document, 'classes', list, where))
