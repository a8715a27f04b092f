"""Reads the hierarchy of BVH: its joints, their offsets and channels."""

from dataclasses import dataclass, field
import re

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import texts

_CHANNEL = re.compile('([XYZ])(position|rotation)', re.IGNORECASE)
_INSIDE = ('}', 'JOINT', 'END', 'OFFSET', 'CHANNELS')  # belong between braces


@dataclass
class Joint:
    """A joint of the file; `parent` is an index, -1 for a root; `offset` is float64[3]."""

    name: str
    parent: int
    offset: np.ndarray | None = None
    channels: list[tuple[str, str]] = field(default_factory=list)  # axis, kind


def read(path, lines: list[str]) -> tuple[list[Joint], int]:
    """Reads the trees; returns their joints, parents first, and the number of the line MOTION.

    Raises:
        FormatError: names the line, what was found and expected.
    """
    joints: list[Joint] = []
    nesting: list[int] = []  # joints whose braces are open; -1 for an End Site
    new = None  # the same, still without its brace
    for number, statement in _statements(lines):
        where, (word, *rest) = f'{path}:{number}', statement.split()
        word = word.upper()
        if not joints and word not in ('HIERARCHY', 'ROOT'):
            break
        if word == 'MOTION' and not nesting and new is None:
            return joints, number
        inside = nesting[-1] if nesting else None
        if (new is None) == (word == '{') or (inside is None and word in _INSIDE):
            raise FormatError(f'{where}: {statement!r:.40} is out of place')
        if word == '{':
            nesting.append(new)
            new = None
        elif word == '}':
            closed = nesting.pop()
            if closed >= 0 and joints[closed].offset is None:
                raise FormatError(f'{where}: joint {joints[closed].name!r} closed without OFFSET')
        elif word == 'ROOT' and inside is None or word == 'JOINT' and inside >= 0 and rest:
            new = len(joints)
            joints.append(Joint(' '.join(rest), -1 if inside is None else inside))
        elif word == 'END' and inside >= 0:
            new = -1
        elif word == 'OFFSET':
            offset = np.array(texts.row(path, number, rest))
            if len(offset) != 3:
                raise FormatError(f'{where}: OFFSET with {len(offset)} numbers, expected 3')
            if inside >= 0:
                joints[inside].offset = offset
        elif word == 'CHANNELS' and inside >= 0:
            joints[inside].channels = _channels(where, rest)
        elif word != 'HIERARCHY' or joints:
            raise FormatError(f'{where}: {statement!r:.40}, expected a BVH hierarchy')
    raise FormatError(f'{path}: no HIERARCHY with a ROOT at its start and MOTION after it')


def _statements(lines: list[str]):
    """Splits lines at braces: (number from 1, statement)."""
    for number, line in enumerate(lines, 1):
        for statement in re.split('([{}])', line):
            if statement.strip():
                yield number, statement.strip()


def _channels(where: str, rest: list[str]) -> list[tuple[str, str]]:
    """Reads what follows CHANNELS: their number, then (axis, kind) of each."""
    found = [_CHANNEL.fullmatch(name) for name in rest[1:]]
    if not rest or rest[0] != str(len(found)) or not all(found):
        stated = ' '.join(rest)
        raise FormatError(f'{where}: CHANNELS {stated:.60}, expected their number and names')
    return [(match[1].lower(), match[2].lower()) for match in found]
