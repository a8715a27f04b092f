"""Reads BVH (Biovision hierarchy): a tree of joints, and its channels frame by frame.

A joint's rotation channels multiply in the order in which they are listed; its
position channels, any of them and on any joint, replace that part of OFFSET. End
Sites are no joints here: they have neither a name nor channels. The vertical is y.

BVH files state no unit. Unless given, it is the first of `UNITS` in which the longest way
through the body from tip to tip (a hand to a foot, along the bones of the first frame)
is 1.1 to 3 m; a body that none of them makes so large is refused.

Several ROOTs are several actors. Those of whom the first has a like tree are read, as
persons; others are left out. Frames with nan are filled in. A recording cut off in its
last frame is read without it.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
import re

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import bvh_tree, chain, filling, texts
from skeljax.formats.bvh_tree import Joint
from skeljax.formats.chain import Chain
from skeljax.formats.motion import Motion

# Metres. CMU's is that of its motion capture database and of what was made from it; inches
# come last, for they overlap with it and with centimetres, which are met far more often.
UNITS = {'m': 1.0, 'cm': 0.01, 'mm': 0.001, 'CMU unit': 0.0254 / 0.45, 'inch': 0.0254}
_SPAN = (1.1, 3.0)  # meters from tip to tip
_HEAD = (r'Frames\s*:\s*([0-9]{1,9})', r'Frame\s+Time\s*:\s*(\S+)')


@dataclass(frozen=True)
class Take:
    """The content of a file.

    Attributes:
        chain: the motion, meters.
        parents: of each joint.
        layout: of the joints, by name or described.
        fps: frames per second.
        notes: what was estimated, one line each.
    """

    chain: Chain
    parents: tuple[int, ...]
    layout: str
    fps: float
    notes: tuple[str, ...] = ()


def read(path, *, unit: float | None = None, subject: str | None = None) -> Motion:
    """Reads absolute joints, float32[T, M, V, 3].

    Args:
        path: plain or gzipped.
        unit: meters that one unit of the file is; estimated by default.
        subject: name of the ROOT whose tree to read, if there are several.

    Raises:
        FormatError: names the file, the line, what was found and expected.
    """
    takes, notes = _takes(path, unit, subject)
    joints = np.stack([chain.forward(take.chain, take.parents) for take in takes], 1)
    measured = np.isfinite(joints).all(-1)
    if measured.all():
        joints = joints.astype(np.float32)
        valid = np.ones(joints.shape[:2], bool)
        return Motion(joints, takes[0].fps, takes[0].layout, valid, Path(path).name, notes=notes)
    empty = ~measured.any((1, 2))
    stated = f'{empty.sum()} frames hold nan: filled in from those around'
    return filling.motion(
        path,
        joints,
        measured,
        fps=takes[0].fps,
        layout=takes[0].layout,
        valid=np.ones(joints.shape[:2], bool),
        notes=(*notes, stated),
    )


def read_take(path, *, unit: float | None = None) -> Take:
    """Reads the rotations themselves; see `read`.

    Raises:
        FormatError: as `read`, or there are several actors.
    """
    takes, notes = _takes(path, unit, None)
    if len(takes) > 1:
        raise FormatError(f'{path}: {len(takes)} actors, expected one')
    return dataclasses.replace(takes[0], notes=notes)


def _takes(path, unit: float | None, subject: str | None) -> tuple[list[Take], tuple[str, ...]]:
    """Reads the rotations of each actor, and what was estimated or left out."""
    lines = texts.read(path, latin=True).splitlines()
    joints, line = bvh_tree.read(path, lines)
    columns = sum(len(joint.channels) for joint in joints)
    if not columns:
        raise FormatError(f'{path}: no joint has a channel')
    values, fps, notes = _motion(path, lines, line, columns)
    actors, more = _actors(path, joints, subject)
    takes = []
    for begin, end in actors:
        own = [dataclasses.replace(j, parent=max(j.parent - begin, -1)) for j in joints[begin:end]]
        first = sum(len(joint.channels) for joint in joints[:begin])
        parents = tuple(joint.parent for joint in own)
        width = sum(len(joint.channels) for joint in own)
        offsets, turns = _poses(own, values[:, first : first + width])
        if unit is None:
            whole = np.flatnonzero(np.isfinite(offsets).all((1, 2)))
            if not len(whole):
                raise FormatError(f'{path}: no frame without nan')
            unit, guessed = _guess(path, offsets[whole[0]], parents)
            more = (*more, *guessed)
        offsets *= unit
        root = offsets[:, 0].copy()
        offsets[:, 0] = 0
        layout = chain.layout('bvh', [joint.name for joint in own], parents)
        takes.append(Take(Chain(root, offsets, turns), parents, layout, fps))
    # Of like trees the first one's names stand for all.
    takes = [dataclasses.replace(take, layout=takes[0].layout) for take in takes]
    return takes, (*notes, *more)


def _actors(
    path, joints: list[Joint], subject: str | None
) -> tuple[list[tuple[int, int]], tuple[str, ...]]:
    """Returns the joints of each actor that is read, [begin, end), and what is left out."""
    begins = [index for index, joint in enumerate(joints) if joint.parent < 0]
    actors = list(zip(begins, [*begins[1:], len(joints)], strict=True))
    if subject is not None:
        found = [actor for actor in actors if joints[actor[0]].name == subject]
        if not found:
            known = ', '.join(repr(joints[begin].name)[:40] for begin in begins[:5])
            raise FormatError(f'{path}: no ROOT {subject!r:.40}, found {known}')
        return found[:1], ()
    trees = [[joint.parent - begin for joint in joints[begin:end]] for begin, end in actors]
    # The parent of a root is -1 wherever it begins.
    trees = [[-1, *tree[1:]] for tree in trees]
    alike = [actor for actor, tree in zip(actors, trees, strict=True) if tree == trees[0]]
    if len(alike) == len(actors):
        return alike, ()
    left = ', '.join(repr(joints[a[0]].name)[:40] for a in actors if a not in alike)
    return alike, (f'left out {left}: another tree; the option subject takes it',)


def _motion(
    path, lines: list[str], line: int, columns: int
) -> tuple[np.ndarray, float, tuple[str, ...]]:
    """Reads what follows MOTION: values float64[T, C], frames per second, what was left out."""
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
    stated, notes = int(frames[1]), ()
    if len(rows) == stated and stated > 1 and len(rows[-1][1].split()) < columns:
        rows = rows[:-1]  # cut off within the last line
    if rows and abs(len(rows) - stated) == 1:
        notes = (f'{len(rows)} frames, though "{frames[0]}"',)
        stated = len(rows)
    if len(rows) != stated or not rows:
        raise FormatError(f'{path}: {len(rows)} lines of numbers, but "{frames[0]}"')
    return _values(path, rows, columns), _rate(seconds), notes


def _values(path, rows: list[tuple[int, str]], columns: int) -> np.ndarray:
    """Reads lines of numbers; one that holds nan is nan throughout."""
    whole = np.array(['nan' not in line.lower() for _, line in rows])
    good = [row for row, kept in zip(rows, whole, strict=True) if kept]
    if not good:
        raise FormatError(f'{path}: no frame without nan')
    if len(good) == len(rows):
        return texts.table(path, rows, columns)
    values = np.full((len(rows), columns), np.nan)
    values[whole] = texts.table(path, good, columns)
    return values


def _rate(seconds: float) -> float:
    """Inverts a frame time; files round it, so a rate within 0.05 % of a whole number is that."""
    fps = 1 / seconds
    return float(round(fps)) if abs(round(fps) / fps - 1) < 5e-4 else fps


def _poses(joints: list[Joint], values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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
    """Estimates how many meters a unit is and notes it; see the top of this file."""
    span = _tip_to_tip(np.linalg.norm(offsets, axis=-1), parents)
    name = next((n for n, unit in UNITS.items() if _SPAN[0] <= span * unit <= _SPAN[1]), None)
    if name is None:
        known = ', '.join(UNITS)
        raise FormatError(
            f'{path}: {span:g} from tip to tip, no human body in any of {known}: expected the '
            'option unit'
        )
    stated = f'the body is {span * UNITS[name]:.2f} m from tip to tip'
    note = f'the unit is assumed to be {name}: {stated}; the option unit sets another'
    return UNITS[name], (note,)


def _tip_to_tip(lengths: np.ndarray, parents: tuple[int, ...]) -> float:
    """Computes the longest path between two leaves of a tree; of a chain, its length.

    What leads from the root to the first fork does not count: that is often a place
    in the room, not a bone.
    """
    below: list[list[float]] = [[] for _ in parents]
    for joint in range(len(parents) - 1, 0, -1):
        below[parents[joint]].append(max(below[joint], default=0.0) + lengths[joint])
    forks = [sum(sorted(ways)[-2:]) for ways in below if len(ways) > 1]
    return max(forks, default=max(below[0], default=0.0))
