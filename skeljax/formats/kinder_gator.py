"""Reads Kinder-Gator (Aloba et al., Eurographics 2018 short papers): Kinect v1, 58 actions.

One CSV file a trial: a line of column names, then one row per frame with a timestamp in
milliseconds, X, Y and Z of 20 joints (meters, y up, origin at the sensor), the number of the
person and the action. Each line ends with a comma. The name of a file is
POSE-pPERSON_NUMBER-ACTION-UNIXMS.csv, where NUMBER counts the trials of a person in time.

A row is a frame at 30 frames per second. The timestamps are not used to resample: they are the
times at which rows were written. Steps between them vary from 0 to 78 ms, but joints move as
far in a step of 70 ms and more as in its neighbors (ratio 0.99 over 147 such steps), and the
mean rate of every trial is 29.9 to 30.3 frames per second: no frame was lost.
"""

from dataclasses import dataclass
from pathlib import Path
import re

import numpy as np

from skeljax.errors import FormatError, InputError
from skeljax.formats import texts
from skeljax.formats.motion import Motion
from skeljax.skeletons import skeleton

FPS = 30.0
LAYOUT = 'kinect20'
JOINTS = skeleton.get(LAYOUT).joints
HEADER = ','.join(
    ['Timestamp', *(joint + axis for joint in JOINTS for axis in 'XYZ'), 'User-ID', 'Action', '']
)
# As the names of the files and the last column write them, in the order of the corpus's README.
ACTIONS = (
    # Warm-up
    'Raise-your-hand', 'Raise-your-other-hand', 'Wave-your-hand', 'Wave-your-other-hand', 'Bow',
    'Raise-your-arm-to-one-side', 'Raise-your-arm-to-the-other-side',
    'Bend-your-knee-while-raising-your-leg', 'Bend-your-other-knee-while-raising-your-leg',
    # Exercise
    'Put-your-hands-on-your-hips-and-lean-to-the-side',
    'Put-your-hands-on-your-hips-and-lean-to-the-other-side',
    'Put-your-hands-on-your-hips-and-twist', 'Touch-your-toes', 'Do-a-forward-lunge',
    'Lift-your-leg-to-one-side', 'Lift-your-leg-to-the-other-side', 'Walk-in-place',
    'Walk-in-place-as-fast-as-you-can', 'Run-in-place', 'Run-in-place-as-fast-as-you-can', 'Jump',
    'Jump-as-high-as-you-can', 'Do-two-jumping-jacks',
    # Mime
    'Push-an-imaginary-button-in-front-of-you',
    'Swipe-across-an-imaginary-screen-in-front-of-you-from-right-to-left',
    'Swipe-across-an-imaginary-screen-in-front-of-you-from-left-to-right',
    'Fly-like-a-bird', 'Fly-like-an-airplane', 'Swim', 'Kick-a-ball',
    'Kick-a-ball-as-far-as-you-can', 'Kick-a-ball-with-the-other-leg',
    'Kick-a-ball-as-far-as-you-can-with-the-other-leg', 'Throw-a-ball-',
    'Throw-a-ball-as-far-as-you-can', 'Throw-a-ball-with-your-other-arm',
    'Throw-a-ball-as-far-as-you-can-with-the-other-arm', 'Punch', 'Climb-and-imaginary-ladder',
    # Communication
    'Point-at-the-camera', 'Signal-someone-to-stop', 'Signal-someone-to-come-here',
    'Draw-a-circle', 'Draw-a-square', 'Draw-a-triangle', 'Draw-the-letter-A', 'Draw-the-letter-C',
    'Draw-the-letter-K', 'Draw-the-letter-M', 'Draw-the-letter-X', 'Make-the-letter-Y',
    'Make-the-letter-M', 'Make-the-letter-C', 'Make-the-letter-A', 'Make-the-letter-K',
    'Make-the-letter-P', 'Make-the-letter-T', 'Make-the-letter-X',
)
_NAME = re.compile(r'POSE-p(\d+)_(\d+)-(.+)-(\d+)\.csv(\.gz)?$')
_COLUMNS = 3 * len(JOINTS) + 4  # time, joints, person, action, and nothing after the last comma
_RATES = (27.0, 33.0)  # frames per second; measured: 29.9 to 30.3


@dataclass(frozen=True)
class Trial:
    """One file.

    Attributes:
        person: number of the person.
        number: of the trial among those of the person, in time, from 1.
        action: one of `ACTIONS`.
        path: of the file.
    """

    person: int
    number: int
    action: str
    path: Path


def action_name(action: str) -> str:
    """Returns the class name of an action: 'Draw-the-letter-A' is 'draw the letter A'."""
    words = action.rstrip('-').replace('-', ' ').replace('and imaginary', 'an imaginary')
    return words[:1].lower() + words[1:]


def trials(folder) -> list[Trial]:
    """Returns every trial below a folder, sorted by person and number.

    A file that is there both plain and gzipped is read plain.

    Raises:
        InputError: no such folder, no trial in it, an action that is none of `ACTIONS`, or two
            files of one person and action.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f'{folder}: no such directory')
    found: dict[tuple[int, str], Trial] = {}
    # A plain file sorts before its gzipped copy.
    for path in sorted(folder.rglob('POSE-p*.csv*')):
        match = _NAME.match(path.name)
        if not match:
            continue
        trial = Trial(int(match[1]), int(match[2]), match[3], path)
        if trial.action not in ACTIONS:
            raise InputError(f'{path}: action {trial.action!r} is none of the {len(ACTIONS)}')
        first = found.setdefault((trial.person, trial.action), trial)
        copy = path.with_name(path.name.removesuffix('.gz'))
        if first.path not in (path, copy):
            raise InputError(f'{path}: the person and action of {first.path} again')
    if not found:
        example = 'Adults/POSE-p565_01-Raise-your-hand-1469182437113.csv'
        raise InputError(f'{folder}: no "{example}" or the like')
    return sorted(found.values(), key=lambda trial: (trial.person, trial.number))


def read(path) -> Motion:
    """Reads one trial, plain or gzipped, as joints float32[T, 1, 20, 3].

    Raises:
        FormatError: names the file, the line, what was found and what was expected.
    """
    lines = texts.read(path).rstrip().splitlines()
    if not lines or lines[0].rstrip() != HEADER:
        found = lines[0][:40] if lines else ''
        raise FormatError(f'{path}:1: {found!r}, expected "{HEADER[:40]}..." of {LAYOUT}')
    if not lines[1:]:
        raise FormatError(f'{path}: no row, expected one a frame')
    rows = []
    for number, line in enumerate(lines[1:], 2):
        words = line.rstrip().split(',')
        if len(words) != _COLUMNS:
            raise FormatError(f'{path}:{number}: {len(words)} columns, expected {_COLUMNS}')
        rows.append(words)
        if words[-3:] != rows[0][-3:]:
            found, first = (' '.join(row[-3:-1]) for row in (words, rows[0]))
            raise FormatError(f'{path}:{number}: person and action {found}, expected {first}')
    numbers = [(number, ','.join(words[:-3])) for number, words in enumerate(rows, 2)]
    table = texts.table(path, numbers, _COLUMNS - 3, ',')
    _check_times(path, table[:, 0])
    joints = table[:, 1:].reshape(len(table), 1, len(JOINTS), 3).astype(np.float32)
    return Motion(
        joints=joints,
        fps=FPS,
        layout=LAYOUT,
        valid=np.ones(joints.shape[:2], bool),
        source=Path(path).name,
        subject=f'p{rows[0][-3]}',
    )


def _check_times(path, times: np.ndarray):
    """Raises FormatError where time runs backwards or rows are missing."""
    back = np.flatnonzero(np.diff(times) < 0)
    if len(back):
        row = back[0] + 1
        found = f'time {times[row]:.1f} ms after {times[row - 1]:.1f} ms'
        raise FormatError(f'{path}:{row + 2}: {found}, expected times in order')
    seconds = (times[-1] - times[0]) / 1000
    low, high = _RATES
    if len(times) > 1 and not low * seconds <= len(times) - 1 <= high * seconds:
        found = f'{len(times)} rows in {seconds:.2f} s'
        raise FormatError(f'{path}: {found}, expected {low:g} to {high:g} a second')
