"""Reads BVH (Biovision hierarchy): a tree of joints, and its channels frame by frame.

A joint's rotation channels multiply in the order in which they are listed; its
position channels, any of them and on any joint, replace that part of OFFSET. End
Sites are no joints here: they have neither a name nor channels. The vertical is y.

BVH tells no unit. Unless told, it is the first of `UNITS` in which the longest way
through the body from tip to tip (a hand to a foot, along the bones of the first frame)
is 1.1 to 3 m; a body that none of them makes so large is refused.
"""

from dataclasses import dataclass, field
from pathlib import Path
import re

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import chain, texts
from skeljax.formats.chain import Chain
from skeljax.formats.motion import Motion

# Metres. CMU's is that of its motion capture database and of what was made from it; inches
# come last, for they overlap with it and with centimetres, which are met far more often.
UNITS = {'m': 1.0, 'cm': 0.01, 'mm': 0.001, 'CMU unit': 0.0254 / 0.45, 'inch': 0.0254}
_SPAN = (1.1, 3.0)  # metres from tip to tip
_CHANNEL = re.compile('([XYZ])(position|rotation)', re.IGNORECASE)
_INSIDE = ('}', 'JOINT', 'END', 'OFFSET', 'CHANNELS')  # belong between braces
_HEAD = (r'Frames\s*:\s*([0-9]{1,9})', r'Frame\s+Time\s*:\s*(\S+)')


@dataclass(frozen=True)
class Take:
    """What a file tells.

    Attributes:
        chain: the motion, metres.
        parents: of each joint.
        layout: of the joints, by name or described.
        fps: frames a second.
        notes: what was guessed, a line each.
    """

    chain: Chain
    parents: tuple[int, ...]
    layout: str
    fps: float
    notes: tuple[str, ...] = ()


@dataclass
class _Joint:
    name: str
    parent: int
    offset: np.ndarray | None = None
    channels: list[tuple[str, str]] = field(default_factory=list)  # axis, kind


def read(path, *, unit: float | None = None) -> Motion:
    """Reads absolute joints, float32[T, 1, V, 3].

    Args:
        path: plain or gzipped.
        unit: metres that one unit of the file is; guessed by default.

    Raises:
        FormatError: names the file, the line, what was found and expected.
    """
    take = read_take(path, unit=unit)
    joints = chain.forward(take.chain, take.parents)[:, None].astype(np.float32)
    return Motion(
        joints=joints,
        fps=take.fps,
        layout=take.layout,
        valid=np.ones(joints.shape[:2], bool),
        source=Path(path).name,
        notes=take.notes,
    )


def read_take(path, *, unit: float | None = None) -> Take:
    """Reads the rotations themselves; see `read`."""
    lines = texts.read(path).splitlines()
    joints, line = _hierarchy(path, lines)
    columns = sum(len(joint.channels) for joint in joints)
    if not columns:
        raise FormatError(f'{path}: no joint has a channel')
    values, fps = _motion(path, lines, line, columns)
    parents = tuple(joint.parent for joint in joints)
    offsets, turns = _poses(joints, values)
    scale, notes = _guess(path, offsets[0], parents) if unit is None else (unit, ())
    offsets *= scale
    root = offsets[:, 0].copy()
    offsets[:, 0] = 0
    layout = chain.layout('bvh', [joint.name for joint in joints], parents)
    return Take(Chain(root, offsets, turns), parents, layout, fps, notes)


def _hierarchy(path, lines: list[str]) -> tuple[list[_Joint], int]:
    """Reads the tree; returns its joints, parents first, and the number of the line MOTION."""
    joints: list[_Joint] = []
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
        elif word == 'ROOT' and not joints or word == 'JOINT' and inside >= 0 and rest:
            new = len(joints)
            joints.append(_Joint(' '.join(rest), -1 if inside is None else inside))
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
        told = ' '.join(rest)
        raise FormatError(f'{where}: CHANNELS {told:.60}, expected their number and as many names')
    return [(match[1].lower(), match[2].lower()) for match in found]


def _motion(path, lines: list[str], line: int, columns: int) -> tuple[np.ndarray, float]:
    """Reads what follows MOTION: values float64[T, C] and frames a second."""
    rest = [(number, row) for number, row in enumerate(lines[line:], line + 1) if row.strip()]
    head = [
        re.fullmatch(pattern, row.strip(), re.IGNORECASE)
        for pattern, (_, row) in zip(_HEAD, rest, strict=False)
    ]
    if len(head) < 2 or not all(head):
        raise FormatError(f'{path}:{line + 1}: expected "Frames: N" and "Frame Time: S"')
    (_, (number, _), *rows), (frames, time) = rest, head
    seconds = texts.row(path, number, [time[1]])[0]
    if not 1e-5 < seconds < 1e3:
        raise FormatError(f'{path}:{number}: frame time of {seconds} s')
    values = texts.table(path, rows, columns) if rows else []
    if len(values) != int(frames[1]) or not rows:
        raise FormatError(f'{path}: {len(values)} lines of numbers, but "{frames[0]}"')
    return values, _rate(seconds)


def _rate(seconds: float) -> float:
    """Inverts a frame time; files round it, so a rate within 0.05 % of a whole number is that."""
    fps = 1 / seconds
    return float(round(fps)) if abs(round(fps) / fps - 1) < 5e-4 else fps


def _poses(joints: list[_Joint], values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorts channels into offsets float64[T, V, 3] and rotations float64[T, V, 3, 3]."""
    frames = len(values)
    offsets = np.tile(np.array([joint.offset for joint in joints]), (frames, 1, 1))
    turns = np.empty((frames, len(joints), 3, 3))
    column = 0
    for index, joint in enumerate(joints):
        own = values[:, column : column + len(joint.channels)]
        column += len(joint.channels)
        for (axis, kind), value in zip(joint.channels, own.T, strict=True):
            if kind == 'position':
                offsets[:, index, 'xyz'.index(axis)] = value
        turned = [n for n, (_, kind) in enumerate(joint.channels) if kind == 'rotation']
        axes = ''.join(joint.channels[n][0] for n in turned)
        turns[:, index] = chain.rotations(np.deg2rad(own[:, turned]), axes)
    return offsets, turns


def _guess(path, offsets: np.ndarray, parents: tuple[int, ...]) -> tuple[float, tuple[str, ...]]:
    """Guesses how many meters a unit is and notes it; see the top of this file."""
    span = _tip_to_tip(np.linalg.norm(offsets, axis=-1), parents)
    name = next((n for n, unit in UNITS.items() if _SPAN[0] <= span * unit <= _SPAN[1]), None)
    if name is None:
        known = ', '.join(UNITS)
        raise FormatError(
            f'{path}: {span:g} from tip to tip, no human body in any of {known}: expected the '
            'option unit'
        )
    told = f'the body is {span * UNITS[name]:.2f} m from tip to tip'
    return UNITS[name], (f'the unit is taken for {name}: {told}; the option unit tells another',)


def _tip_to_tip(lengths: np.ndarray, parents: tuple[int, ...]) -> float:
    """Measures the longest way between two leaves of a tree; in a mere chain, all of it.

    What leads from the root to the first fork does not count: that is often a place
    in the room, not a bone.
    """
    below: list[list[float]] = [[] for _ in parents]
    for joint in range(len(parents) - 1, 0, -1):
        below[parents[joint]].append(max(below[joint], default=0.0) + lengths[joint])
    forks = [sum(sorted(ways)[-2:]) for ways in below if len(ways) > 1]
    return max(forks, default=max(below[0], default=0.0))
