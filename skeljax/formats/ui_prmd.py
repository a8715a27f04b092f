"""Reads UI-PRMD (Vakanski et al., Data 2018, 3(1):2): Kinect and Vicon.

Kinect: two text files a repetition, one line a frame, 66 numbers = 22 joints x 3. The
positions file gives the waist in the room (cm, y up) and every other joint as an
offset in its parent's frame; the angles file gives rotations in degrees about x,
y, z with R = Rz · Rx · Ry, accumulated along the chain. (Of the 24 conventions
tried this one alone keeps standing feet in place during a squat: the ankles drift
5 cm horizontally, with the next best 35 cm.)

Vicon: its positions file alone is read, 117 numbers a line = 39 markers x 3, absolute,
mm, z up; a marker that was lost is written as the origin. (By what others report of
the files; none was at hand.)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import re

import numpy as np

from skeljax.errors import FormatError, InputError
from skeljax.formats import filling, markers, texts
from skeljax.formats.chain import Chain, forward, rotations
from skeljax.formats.motion import Motion
from skeljax.skeletons import skeleton

# Of the data paper; the files carry neither.
FPS = {'Kinect': 30.0, 'Vicon': 100.0}
LAYOUTS = {'Kinect': 'uiprmd22', 'Vicon': 'uiprmd39'}
MOVEMENTS = (
    'deep squat', 'hurdle step', 'inline lunge', 'side lunge', 'sit to stand',
    'standing active straight leg raise', 'shoulder abduction', 'shoulder extension',
    'shoulder internal-external rotation', 'shoulder scaption',
)
_FOLDERS = {True: 'Segmented Movements', False: 'Incorrect Segmented Movements'}
_NAME = re.compile(r'm(\d\d)_s(\d\d)_e(\d\d)_(positions|angles)(_inc)?\.txt(\.gz)?$')
_COLUMNS = {'Kinect': 66, 'Vicon': 117}


@dataclass(frozen=True, order=True)
class Repetition:
    """Person, movement, correctness and number of a repetition (from 1), and its files.

    Of a Vicon's there is no file of angles.
    """

    movement: int
    person: int
    episode: int
    correct: bool
    positions: Path
    angles: Path | None

    @property
    def name(self) -> str:
        kind = '' if self.correct else '_inc'
        return f'm{self.movement:02}_s{self.person:02}_e{self.episode:02}{kind}'


def repetitions(folder, sensor: str = 'Kinect') -> list[Repetition]:
    """Returns every repetition of a sensor below the official tree's root, sorted.

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
        for repetition in _below(folder / part / sensor, correct)
    ]
    if not found:
        example = f'{_FOLDERS[True]}/{sensor}/Positions/m01_s01_e01_positions.txt'
        raise InputError(f'{folder}: no "{example}" or the like')
    return sorted(found)


def _below(folder: Path, correct: bool) -> Iterator[Repetition]:
    paired = folder.name == 'Kinect'
    positions = _files(folder / 'Positions', 'positions', correct)
    angles = _files(folder / 'Angles', 'angles', correct) if paired else {}
    for key in sorted(positions.keys() | angles.keys()):
        if key not in positions:
            where = folder / 'Positions'
            raise InputError(f'{angles[key]}: its positions file is missing from {where}')
        if not 1 <= key[0] <= len(MOVEMENTS):
            expected = f'expected 1 to {len(MOVEMENTS)}'
            raise InputError(f'{positions[key]}: movement {key[0]}, {expected}')
        twin = _twin(positions[key]) if paired else None
        yield Repetition(*key, correct, positions[key], twin)


def _files(folder: Path, kind: str, correct: bool) -> dict[tuple[int, int, int], Path]:
    """Returns the files of one kind by (movement, person, episode)."""
    files = {}
    # Backwards, so that a plain file replaces its gzipped copy, which sorts after it.
    for path in sorted(folder.glob('*.txt*'), reverse=True):
        match = _NAME.match(path.name)
        if match and match[4] == kind and (match[5] is None) == correct:
            files[int(match[1]), int(match[2]), int(match[3])] = path
    return files


def _twin(positions: Path) -> Path:
    """Returns the angles file of a positions file, plain or gzipped."""
    name = positions.name.replace('positions', 'angles').removesuffix('.gz')
    folder = positions.parent
    folder = folder.parent / 'Angles' if folder.name == 'Positions' else folder
    for candidate in (folder / name, folder / f'{name}.gz'):
        if candidate.is_file():
            return candidate
    raise InputError(f'{positions}: its angles file {folder / name} is missing')


def read_chain(positions, angles=None) -> Chain:
    """Reads one repetition of the Kinect.

    Args:
        positions: file, plain or gzipped.
        angles: its twin; found beside it by default.

    Raises:
        FormatError: names the file, the line, what was found and expected.
    """
    return _chain(positions, _table(positions, 'Kinect'), angles)


def read(path) -> Motion:
    """Reads one positions file as absolute joints, float32[T, 1, V, 3], y up.

    With 117 columns it is a Vicon's; else its angles file is read too.
    """
    table = _table(path, 'Kinect', 'Vicon')
    if table.shape[1] == _COLUMNS['Vicon']:
        return _motion(path, 'Vicon', *_markers(path, table))
    parents = skeleton.get(LAYOUTS['Kinect']).parents
    return _motion(path, 'Kinect', forward(_chain(path, table), parents))


def read_vicon(path) -> Motion:
    """Reads one positions file that must be a Vicon's; see `read`."""
    return _motion(path, 'Vicon', *_markers(path, _table(path, 'Vicon')))


def _motion(path, sensor: str, joints: np.ndarray, measured=None) -> Motion:
    match = _NAME.match(Path(path).name)
    return Motion(
        joints=joints[:, None].astype(np.float32),
        fps=FPS[sensor],
        layout=LAYOUTS[sensor],
        valid=np.ones((len(joints), 1), bool),
        source=Path(path).name,
        subject=f's{match[2]}' if match else '',
        joint_valid=None if measured is None else measured[:, None],
    )


def _chain(positions, place: np.ndarray, angles=None) -> Chain:
    angles = _twin(Path(positions)) if angles is None else angles
    turn = _table(angles, 'Kinect')
    if len(place) != len(turn):
        raise FormatError(
            f'{positions}: {len(place)} frames, but {angles} has {len(turn)}: expected as many'
        )
    offsets = place.reshape(len(place), -1, 3) / 100
    root, offsets = offsets[:, 0].copy(), offsets.copy()
    offsets[:, 0] = 0
    # Columns are x, y, z.
    turn = np.deg2rad(turn.reshape(len(turn), -1, 3)[..., [2, 0, 1]])
    return Chain(root, offsets, rotations(turn, 'zxy'))


def _markers(path, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turns markers, mm, z up, into joints in meters, float64[T, 39, 3], and which were seen."""
    points = table.reshape(len(table), -1, 3)
    measured = points.any(-1)
    lost = np.flatnonzero(~measured.any(1))
    if len(lost):
        raise FormatError(f'{path}:{lost[0] + 1}: all markers are at the origin')
    filled = filling.fill(points, measured, skeleton.get(LAYOUTS['Vicon']).parents)
    return markers.upright(filled) / 1000, measured


def _table(path, *sensors: str) -> np.ndarray:
    """Reads numbers between commas or blanks, float64[T, C], C of the sensor or one of them."""
    known = [_COLUMNS[sensor] for sensor in sensors]
    expected = ' or '.join(map(str, known))
    lines = texts.read(path).rstrip().splitlines()
    if not lines:
        raise FormatError(f'{path}: empty, expected one line of {expected} numbers a frame')
    separator = ',' if ',' in lines[0] else None
    columns = len(lines[0].split(separator))
    if columns not in known:
        raise FormatError(f'{path}:1: {columns} columns, expected {expected}')
    return texts.table(path, list(enumerate(lines, 1)), columns, separator)
