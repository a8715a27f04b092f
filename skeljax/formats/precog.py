"""Reads the PRECOG dataset of 2016 (David Jardim): Kinect v1, a label for every frame.

One CSV file a recording, SeqSEQUENCE_PERSON.csv, `;` between cells: a line with the names of
20 joints, then one row per frame with a cell "x y z" for each joint (meters, y up, origin at the
sensor) and one more cell without a name, the label: 0 for background or the number of a class.

Neither the files nor the publication give the frame rate; the viewer of the dataset shows 25
frames per second. The files do not name the classes either: names follow from the slides of the
dataset, which list the actions of the six sequences, and fit the limb that moves.
"""

from dataclasses import dataclass
from pathlib import Path
import re

import numpy as np

from skeljax.errors import FormatError, InputError
from skeljax.formats import options, texts
from skeljax.formats.motion import Motion
from skeljax.skeletons import skeleton

FPS = 25.0
LAYOUT = 'kinect20'
JOINTS = skeleton.get(LAYOUT).joints
HEADER = '; '.join(JOINTS)
# Class c has the label c + 1.
CLASSES = (
    'right punch', 'left punch', 'front right kick', 'front left kick', 'side right kick',
    'side left kick', 'back fist', 'elbow strike',
)
SHORTEST = 5  # frames; the instances have 7 and more, stray labels 1 to 4
_NAME = re.compile(r'Seq(\d+)_(\d+)\.csv(\.gz)?$')


@dataclass(frozen=True)
class Take:
    """One file: which sequence of actions (from 1), by whom (from 1), and where it is."""

    sequence: int
    person: int
    path: Path

    @property
    def name(self) -> str:
        return f'Seq{self.sequence}_{self.person}'


def takes(folder) -> list[Take]:
    """Returns every recording below a folder, sorted by sequence and person.

    A file that is there both plain and gzipped is read plain.

    Raises:
        InputError: no such folder, no recording in it, or two of one name.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f'{folder}: no such directory')
    found: dict[tuple[int, int], Take] = {}
    # A plain file sorts before its gzipped copy.
    for path in sorted(folder.rglob('Seq*.csv*')):
        match = _NAME.match(path.name)
        if not match:
            continue
        take = Take(int(match[1]), int(match[2]), path)
        first = found.setdefault((take.sequence, take.person), take)
        if first.path not in (path, path.with_name(path.name.removesuffix('.gz'))):
            raise InputError(f'{path}: the sequence and person of {first.path} again')
    if not found:
        raise InputError(f'{folder}: no "CSV/Seq1_1.csv" or the like')
    return [found[key] for key in sorted(found)]


def read(path, *, fps: float = FPS) -> Motion:
    """Reads the joints of one recording, float32[T, 1, 20, 3]; see `read_labeled`."""
    return read_labeled(path, fps=fps)[0]


def read_labeled(path, *, fps: float = FPS) -> tuple[Motion, np.ndarray]:
    """Reads one recording, plain or gzipped, and its labels.

    Args:
        path: of the file.
        fps: frames per second, which the file does not give.

    Returns:
        Joints float32[T, 1, 20, 3], and the label of each frame as written, int[T], 0 for
        background.

    Raises:
        FormatError: names the file, the line, what was found and what was expected.
    """
    lines = texts.read(path).rstrip().splitlines()
    if not lines or lines[0].rstrip() != HEADER:
        found = lines[0][:40] if lines else ''
        raise FormatError(f'{path}:1: {found!r}, expected "{HEADER[:40]}..." of {LAYOUT}')
    if not lines[1:]:
        raise FormatError(f'{path}: no row, expected one a frame')
    numbers, labels = [], []
    for number, line in enumerate(lines[1:], 2):
        cells = line.rstrip().split(';')
        if len(cells) != len(JOINTS) + 1:
            expected = f'expected {len(JOINTS)} joints and a label'
            raise FormatError(f'{path}:{number}: {len(cells)} columns, {expected}')
        for joint, cell in zip(JOINTS, cells, strict=False):
            if len(cell.split()) != 3:
                raise FormatError(f'{path}:{number}: {joint} is {cell[:40]!r}, expected x y z')
        numbers.append((number, ' '.join(cells[:-1])))
        labels.append(_label(path, number, cells[-1].strip()))
    table = texts.table(path, numbers, 3 * len(JOINTS))
    joints = table.reshape(len(table), 1, len(JOINTS), 3).astype(np.float32)
    match = _NAME.match(Path(path).name)
    motion = Motion(
        joints=joints,
        fps=options.rate(path, fps),
        layout=LAYOUT,
        valid=np.ones(joints.shape[:2], bool),
        source=Path(path).name,
        subject=f's{int(match[2]):02}' if match else '',
    )
    return motion, np.array(labels)


def segments(labels: np.ndarray) -> list[tuple[int, int, int]]:
    """Returns (start, end, class) of each run of one label, frames, half-open.

    Runs of the label 0, and those shorter than `SHORTEST`, are background.

    Args:
        labels: as written, int[T].
    """
    starts = np.flatnonzero(np.diff(labels, prepend=-1))
    runs = zip(starts.tolist(), [*starts[1:].tolist(), len(labels)], strict=True)
    return [
        (start, end, int(labels[start]) - 1)
        for start, end in runs
        if labels[start] and end - start >= SHORTEST
    ]


def _label(path, line: int, cell: str) -> int:
    if not (cell.isdecimal() and cell.isascii() and int(cell) <= len(CLASSES)):
        raise FormatError(f'{path}:{line}: label {cell[:40]!r}, expected 0 to {len(CLASSES)}')
    return int(cell)
