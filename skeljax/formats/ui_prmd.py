"""Reads UI-PRMD (Vakanski et al., Data 2018, 3(1):2): Kinect positions and angles.

Two text files a repetition, one line a frame, 66 numbers = 22 joints x 3. The
positions file gives the waist in the room (cm, y up) and every other joint as an
offset in its parent's frame; the angles file gives rotations in degrees about x,
y, z with R = Rz · Rx · Ry, accumulated along the chain. (Of the 24 conventions
tried this one alone keeps standing feet in place during a squat: the ankles drift
5 cm horizontally, with the next best 35 cm.)
"""

from collections.abc import Iterator
from dataclasses import dataclass
import gzip
from pathlib import Path
import re

import numpy as np

from skeljax import skeleton
from skeljax.errors import FormatError, InputError
from skeljax.formats.chain import Chain, forward, rotations
from skeljax.formats.motion import Motion

FPS = 30.0  # of the data paper; the files do not carry it
LAYOUT = 'uiprmd22'
MOVEMENTS = (
    'deep squat', 'hurdle step', 'inline lunge', 'side lunge', 'sit to stand',
    'standing active straight leg raise', 'shoulder abduction', 'shoulder extension',
    'shoulder internal-external rotation', 'shoulder scaption',
)
_FOLDERS = {True: 'Segmented Movements', False: 'Incorrect Segmented Movements'}
_NAME = re.compile(r'm(\d\d)_s(\d\d)_e(\d\d)_(positions|angles)(_inc)?\.txt(\.gz)?$')
_COLUMNS = 66


@dataclass(frozen=True, order=True)
class Repetition:
    """One file pair: who does what, how, for the how-manieth time (numbers from 1)."""

    movement: int
    person: int
    episode: int
    correct: bool
    positions: Path
    angles: Path

    @property
    def name(self) -> str:
        kind = '' if self.correct else '_inc'
        return f'm{self.movement:02}_s{self.person:02}_e{self.episode:02}{kind}'


def repetitions(folder) -> list[Repetition]:
    """Finds every repetition below the official tree's root, sorted.

    A file that is there both plain and gzipped is read plain.

    Raises:
        InputError: no such folder, nothing in it, one file of a pair missing, or
            a movement that the corpus does not have.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f'{folder}: no such directory')
    found = [
        repetition
        for correct, part in _FOLDERS.items()
        for repetition in _below(folder / part / 'Kinect', correct)
    ]
    if not found:
        example = f'{_FOLDERS[True]}/Kinect/Positions/m01_s01_e01_positions.txt'
        raise InputError(f'{folder}: no "{example}" or the like')
    return sorted(found)


def _below(kinect: Path, correct: bool) -> Iterator[Repetition]:
    positions = _files(kinect / 'Positions', 'positions', correct)
    angles = _files(kinect / 'Angles', 'angles', correct)
    for key in sorted(positions.keys() | angles.keys()):
        if key not in positions:
            folder = kinect / 'Positions'
            raise InputError(f'{angles[key]}: its positions file is missing from {folder}')
        if not 1 <= key[0] <= len(MOVEMENTS):
            expected = f'expected 1 to {len(MOVEMENTS)}'
            raise InputError(f'{positions[key]}: movement {key[0]}, {expected}')
        yield Repetition(*key, correct, positions[key], _twin(positions[key]))


def _files(folder: Path, kind: str, correct: bool) -> dict[tuple[int, int, int], Path]:
    """Finds the files of one kind by (movement, person, episode)."""
    files = {}
    # Backwards, so that a plain file replaces its gzipped copy, which sorts after it.
    for path in sorted(folder.glob('*.txt*'), reverse=True):
        match = _NAME.match(path.name)
        if match and match[4] == kind and (match[5] is None) == correct:
            files[int(match[1]), int(match[2]), int(match[3])] = path
    return files


def _twin(positions: Path) -> Path:
    """Finds the angles file of a positions file, plain or gzipped."""
    name = positions.name.replace('positions', 'angles').removesuffix('.gz')
    folder = positions.parent
    folder = folder.parent / 'Angles' if folder.name == 'Positions' else folder
    for candidate in (folder / name, folder / f'{name}.gz'):
        if candidate.is_file():
            return candidate
    raise InputError(f'{positions}: its angles file {folder / name} is missing')


def read_chain(positions, angles=None) -> Chain:
    """Reads one repetition.

    Args:
        positions: file, plain or gzipped.
        angles: its twin; found beside it by default.

    Raises:
        FormatError: names the file, the line, what was found and expected.
    """
    angles = _twin(Path(positions)) if angles is None else angles
    place, turn = _table(Path(positions)), _table(Path(angles))
    if len(place) != len(turn):
        raise FormatError(
            f'{positions}: {len(place)} frames, but {angles} has {len(turn)}: expected as many'
        )
    offsets = place.reshape(len(place), -1, 3) / 100
    root, offsets = offsets[:, 0].copy(), offsets.copy()
    offsets[:, 0] = 0
    # Columns are x, y, z.
    angles = np.deg2rad(turn.reshape(len(turn), -1, 3)[..., [2, 0, 1]])
    return Chain(root, offsets, rotations(angles, 'zxy'))


def read(path) -> Motion:
    """Reads one positions file and its angles as absolute joints, float32[T, 1, 22, 3]."""
    match = _NAME.match(Path(path).name)
    joints = forward(read_chain(path), skeleton.get(LAYOUT).parents)
    return Motion(
        joints=joints[:, None].astype(np.float32),
        fps=FPS,
        layout=LAYOUT,
        valid=np.ones((len(joints), 1), bool),
        source=Path(path).name,
        subject=f's{match[2]}' if match else '',
    )


def _table(path: Path) -> np.ndarray:
    """Reads comma-separated numbers, float64[T, 66]."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == '.gz' else raw).decode('ascii')
    except (OSError, EOFError, gzip.zlib.error, UnicodeDecodeError) as error:
        raise FormatError(f'{path}: cannot be read: {error}') from None
    lines = text.rstrip().splitlines()
    if not lines:
        raise FormatError(f'{path}: empty, expected one line of {_COLUMNS} numbers a frame')
    for number, line in enumerate(lines, 1):
        if line.count(',') != _COLUMNS - 1:
            found = line.count(',') + 1
            raise FormatError(f'{path}:{number}: {found} columns, expected {_COLUMNS}')
    try:
        table = np.array(','.join(lines).split(','), np.float64)
    except ValueError as error:
        number = next(n for n, line in enumerate(lines, 1) if not _numbers(line))
        raise FormatError(f'{path}:{number}: {error}, expected {_COLUMNS} numbers') from None
    table = table.reshape(len(lines), _COLUMNS)
    bad = np.argwhere(~np.isfinite(table))
    if len(bad):
        line, column = bad[0] + 1
        found = f'column {column} is {table[line - 1, column - 1]}'
        raise FormatError(f'{path}:{line}: {found}, expected a finite number')
    return table


def _numbers(line: str) -> bool:
    try:
        np.array(line.split(','), np.float64)
    except ValueError:
        return False
    return True
