"""Reads the skeleton that an Acclaim motion turns; see `skeljax.formats.amc`."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import chain, texts

_INCH = 0.0254


@dataclass(frozen=True)
class Bone:
    """A bone, or the root.

    Attributes:
        name: of it, and of the joint at its end.
        parent: index of its parent, -1 for the root.
        offset: from its start to its end at rest, meters, float64[3].
        axis: turns the room's frame into its own, float64[3, 3].
        freedoms: the channels of the motion, in order: 'tx' ... 'rz'.
    """

    name: str
    parent: int
    offset: np.ndarray
    axis: np.ndarray
    freedoms: tuple[str, ...]


@dataclass(frozen=True)
class Skeleton:
    """Bones, parents before children; meters a unit; whether angles are degrees."""

    bones: tuple[Bone, ...]
    unit: float
    degrees: bool


def read(path) -> Skeleton:
    """Reads an .asf, plain or gzipped.

    Raises:
        FormatError: names the file, the line, what was found and expected.
    """
    sections = _sections(texts.read(path))
    missing = [name for name in ('units', 'root', 'bonedata', 'hierarchy') if name not in sections]
    if missing:
        raise FormatError(f'{path}: no :{missing[0]}, expected the skeleton of an Acclaim motion')
    unit, degrees = _units(path, sections['units'])
    bones = {}
    for number, block in _blocks(path, sections['bonedata']):
        bone = _bone(path, number, block, unit, degrees)
        if bone.name in bones or bone.name == 'root':
            raise FormatError(f'{path}:{number}: a second bone {bone.name!r}')
        bones[bone.name] = bone
    parents = _hierarchy(path, sections['hierarchy'], bones)
    placed = {'root': _root(path, sections['root'])}
    while len(placed) <= len(bones):
        # The first whose parent has its place: the order of the file where that will do.
        ready = (n for n in bones if n not in placed and parents.get(n) in placed)
        name = next(ready, None)
        if name is None:
            lost = next(name for name in bones if name not in placed)
            raise FormatError(f'{path}: bone {lost!r} is not connected to the root by :hierarchy')
        parent = list(placed).index(parents[name])
        placed[name] = dataclasses.replace(bones[name], parent=parent)
    return Skeleton(tuple(placed.values()), unit, degrees)


def _sections(content: str) -> dict[str, list[tuple[int, list[str]]]]:
    """Splits at keywords: name -> (line from 1, words) of the lines below it."""
    sections: dict[str, list[tuple[int, list[str]]]] = {}
    lines: list[tuple[int, list[str]]] = []
    for number, line in enumerate(content.splitlines(), 1):
        words = line.split('#')[0].split()
        if words and words[0][0] == ':':
            lines = sections.setdefault(words[0][1:].lower(), [])
            words = words[1:]
        if words:
            lines.append((number, words))
    return sections


def _units(path, lines) -> tuple[float, bool]:
    """Reads meters a unit, and whether angles are degrees."""
    length, degrees = 1.0, True
    for number, words in lines:
        if words[0] == 'length':
            length = _numbers(path, number, words[1:], 1)[0]
            if not 1e-6 < length:
                raise FormatError(f'{path}:{number}: length {length:g}, expected more than 0')
        elif words[0] == 'angle':
            if words[1:] not in (['deg'], ['rad']):
                raise FormatError(f'{path}:{number}: {" ".join(words):.40}, expected deg or rad')
            degrees = words[1] == 'deg'
    return _INCH / length, degrees


def _root(path, lines) -> Bone:
    freedoms = ()
    for number, words in lines:
        if words[0] == 'order':
            freedoms = _freedoms(path, number, words[1:], 'tr')
        elif words[0] in ('position', 'orientation'):
            if _numbers(path, number, words[1:], 3).any():
                stated = f'{words[0]} of the root that is not 0'
                raise FormatError(f'{path}:{number}: {stated}, which no known corpus has')
    if not freedoms:
        raise FormatError(f'{path}: no order in :root, expected one like TX TY TZ RX RY RZ')
    return Bone('root', -1, np.zeros(3), np.eye(3), freedoms)


def _blocks(path, lines):
    """Yields what stands between begin and end: line of `begin`, key -> (line, words)."""
    block, start = None, 0
    for number, words in lines:
        if (words[0] == 'begin') == (block is not None):
            raise FormatError(f'{path}:{number}: {" ".join(words)!r:.40}, expected begin ... end')
        if words[0] == 'begin':
            block, start = {}, number
        elif words[0] == 'end':
            yield start, block
            block = None
        else:
            block.setdefault(words[0], (number, words[1:]))
    if block is not None:
        raise FormatError(f'{path}:{start}: begin without end')


def _bone(path, start: int, block: dict, unit: float, degrees: bool) -> Bone:
    for key in ('name', 'direction', 'length', 'axis'):
        if key not in block:
            raise FormatError(f'{path}:{start}: a bone without {key}')
    number, words = block['name']
    if len(words) != 1:
        raise FormatError(f'{path}:{number}: name {" ".join(words)!r:.40}, expected one word')
    direction = _numbers(path, *block['direction'], count=3)
    length = _numbers(path, *block['length'], count=1)[0]
    number, axis = block['axis']
    if len(axis) != 4 or sorted(axis[3].lower()) != ['x', 'y', 'z']:
        raise FormatError(f'{path}:{number}: axis {" ".join(axis):.40}, expected 3 numbers and XYZ')
    angles = _numbers(path, number, axis[:3], 3)
    angles = np.deg2rad(angles) if degrees else angles
    # The letters state the order of rotations; the numbers are about x, y, z in any case.
    letters = axis[3].lower()[::-1]
    turn = chain.rotations(angles[['xyz'.index(letter) for letter in letters]], letters)
    freedoms = _freedoms(path, *block['dof'], kinds='r') if 'dof' in block else ()
    return Bone(words[0], -1, direction * length * unit, turn, freedoms)


def _freedoms(path, number: int, words: list[str], kinds: str) -> tuple[str, ...]:
    known = [kind + axis for kind in kinds for axis in 'xyz']
    freedoms = tuple(word.lower() for word in words)
    if not set(freedoms) <= set(known) or len(set(freedoms)) < len(freedoms):
        raise FormatError(f'{path}:{number}: {" ".join(words):.40}, expected of {" ".join(known)}')
    return freedoms


def _hierarchy(path, lines, bones: dict) -> dict[str, str]:
    """Reads lines `parent child ...`: child -> parent."""
    parents: dict[str, str] = {}
    for number, (parent, *children) in lines:
        if parent in ('begin', 'end') and not children:
            continue
        for name in (parent, *children):
            if name not in bones and name != 'root':
                raise FormatError(f'{path}:{number}: {name!r:.40} is no bone of :bonedata')
        for child in children:
            if child in parents or child == 'root':
                raise FormatError(f'{path}:{number}: {child!r} has a second parent, {parent!r}')
            parents[child] = parent
    return parents


def _numbers(path, number: int, words: list[str], count: int) -> np.ndarray:
    if len(words) != count:
        raise FormatError(f'{path}:{number}: {len(words)} numbers, expected {count}')
    return np.array(texts.row(path, number, words))
