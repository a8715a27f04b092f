"""Reads PKU-MMD (Liu et al. 2017, arXiv 1703.07475): skeletons, labels and split lists.

A skeleton file has one line a frame of 150 numbers: two bodies x 25 joints x (x, y, z), in
meters, y up, joints as in NTU RGB+D. An absent body is all zeros; a single joint at zero
was not measured. A label file has one line `class,start,end,confidence` for each action.
A split file has two titles, training and validation (in the files: 'Validataion'), each
followed by a line of names of videos, separated by commas.
"""

from dataclasses import dataclass
from pathlib import Path
import re

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import decimals, filling, marks
from skeljax.formats.motion import Motion
from skeljax.skeletons import skeleton

FPS = 30.0  # of the paper; the files do not carry it
LAYOUT = 'ntu25'
_PARENTS = skeleton.get(LAYOUT).parents
CLASSES = (
    'bow', 'brushing hair', 'brushing teeth', 'check time (from watch)', 'cheer up', 'clapping',
    'cross hands in front (say stop)', 'drink water', 'drop', 'eat meal/snack', 'falling',
    'giving something to other person', 'hand waving', 'handshaking',
    'hopping (one foot jumping)', 'hugging other person', 'jump up', 'kicking other person',
    'kicking something', 'make a phone call/answer phone', 'pat on back of other person',
    'pickup', 'playing with phone/tablet', 'point finger at the other person',
    'pointing to something with finger', 'punching/slapping other person',
    'pushing other person', 'put on a hat/cap', 'put something inside pocket', 'reading',
    'rub two hands together', 'salute', 'sitting down', 'standing up', 'take off a hat/cap',
    'take off glasses', 'take off jacket', 'take out something from pocket', 'taking a selfie',
    'tear up paper', 'throw', 'touch back (backache)', 'touch chest (stomachache/heart pain)',
    'touch head (headache)', 'touch neck (neckache)', 'typing on a keyboard',
    'use a fan (with hand or paper)/feeling warm', 'wear jacket', 'wear on glasses', 'wipe face',
    'writing',
)
_JOINTS, _COLUMNS = 25, 150
_FEED, _BLANK = b'\n '
_FAR = 1e6  # meters; beyond it float32 loses the joints of a body
_ROW = re.compile(r'\s*(\d{1,9})\s*,\s*(\d{1,9})\s*,\s*(\d{1,9})\s*,\s*(\d{1,9})\s*')
_FIELDS = 'class,start,end,confidence'
VIDEO = re.compile(r'(\d{4}|A\d\dN\d\d)-([LMR])')  # of part I, of part II


def read(path) -> Motion:
    """Reads a skeleton file, two persons of which one may be absent throughout.

    Raises:
        FormatError: names the file, the line, what was found and expected.
    """
    path = Path(path)
    joints = _table(_bytes(path), path).reshape(-1, 2, _JOINTS, 3)
    measured = (joints != 0).any(-1)
    valid = measured.any(2)
    if not valid.any():
        frames = len(joints)
        raise FormatError(f'{path}: no person in any of its {frames} frames: all numbers are 0')
    if not (measured | ~valid[..., None]).all():
        joints = filling.fill_stays(joints, measured, valid, _PARENTS)
    return Motion(
        joints=joints.astype(np.float32),
        fps=FPS,
        layout=LAYOUT,
        valid=valid,
        source=path.name,
        joint_valid=measured,
    )


@dataclass(frozen=True)
class Split:
    """What a split file lists.

    Attributes:
        training: names of videos, in its order.
        validation: the same of the other list.
    """

    training: tuple[str, ...]
    validation: tuple[str, ...]


def read_split(path) -> Split:
    """Reads the list of training and validation videos.

    Raises:
        FormatError: names the file, the line, what was found and expected.
    """
    lists: dict[str, list[str]] = {}
    seen: dict[str, int] = {}
    names = None
    for number, line in enumerate(_text(path).splitlines(), 1):
        title = line.strip().lower()
        if title.startswith(('train', 'valid')):
            key = title[:5]
            if key in lists:
                raise FormatError(f'{path}:{number}: a second list {line.strip()!r}')
            names = lists[key] = []
            continue
        for name in filter(None, (part.strip() for part in line.split(','))):
            if names is None or not VIDEO.fullmatch(name):
                expected = "a name such as 0002-L or A01N01-L, after the line 'Training videos:'"
                raise FormatError(f'{path}:{number}: {name[:40]!r}, expected {expected}')
            if name in seen:
                raise FormatError(f'{path}:{number}: {name} again, listed in line {seen[name]}')
            seen[name] = number
            names.append(name)
    for key, title in (('train', 'Training'), ('valid', 'Validataion')):
        if not lists.get(key):
            raise FormatError(f'{path}: no video listed after {title + " videos:"!r}')
    return Split(tuple(lists['train']), tuple(lists['valid']))


@dataclass(frozen=True, order=True)
class Action:
    """One row of a label file.

    Attributes:
        start, end: frames, half-open, from 0.
        label: class, from 0.
        line: of the file, from 1.
    """

    start: int
    end: int
    label: int
    line: int


def read_actions(path, *, frame_base: int, frames: int | None = None) -> list[Action]:
    """Reads a label file, by start.

    Args:
        path: of the file.
        frame_base: 0 takes a row's frames as [start, end), counted from 0; 1 as start to
            end, both included, counted from 1.
        frames: of the video; None does not look whether an action ends later.

    Raises:
        FormatError: describes every bad row in one line: its file, number, what was found and
            what was expected.
    """
    actions, bad = [], []
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip():
            continue
        row = _ROW.fullmatch(line)
        if not row:
            bad.append(f'{path}:{number}: {line.strip()[:40]!r}, expected {_FIELDS}')
            continue
        label, start, end = (int(row[field]) for field in (1, 2, 3))
        wrong = _wrong(label, start, end, frame_base, frames)
        bad += [f'{path}:{number}: {what}' for what in wrong]
        actions.append(Action(start - frame_base, end, label - 1, number))
    if bad:
        raise FormatError('; '.join(bad))
    if not actions:
        raise FormatError(f'{path}: empty, expected a line {_FIELDS} for each action')
    return sorted(actions)


def overlapping(actions: list[Action]) -> list[int]:
    """Returns the lines of actions that share frames with an earlier one, of many by start."""
    lines, reached = [], 0
    for action in actions:
        if action.start < reached:
            lines.append(action.line)
        reached = max(reached, action.end)
    return sorted(lines)


def _wrong(label, start, end, frame_base, frames) -> list[str]:
    """Returns what is wrong with a row."""
    wrong = []
    if not 1 <= label <= len(CLASSES):
        wrong.append(f'class {label}, expected 1 to {len(CLASSES)}')
    if start < frame_base:
        wrong.append(f'start {start}, expected at least {frame_base}')
    if end - start + frame_base < 1:
        wrong.append(f'start {start} and end {end}, expected the start before the end')
    if frames is not None and end > frames:
        wrong.append(f'end {end}, expected at most {frames}, the frames of the video')
    return wrong


def _table(data: bytes, path) -> np.ndarray:
    """Reads lines of 150 numbers, float64[T, 150]."""
    text = decimals.padded(data)
    length = len(text) - decimals.PAD
    if length == 1:
        raise FormatError(f'{path}: empty, expected one line of {_COLUMNS} numbers a frame')
    feeds = marks.where(text[:length], np.equal, _FEED)
    separators = marks.where(text[:length], np.less_equal, _BLANK)
    begin, end = marks.words_between(separators)
    ends = marks.positions(end)
    starts = marks.positions(begin)[: len(ends)]
    counts = np.diff(marks.before(end, marks.positions(feeds) + 1), prepend=0)
    for line in np.flatnonzero(counts != _COLUMNS)[:1]:
        found = f'{counts[line]} fields, expected {_COLUMNS} numbers (2 bodies x 25 joints x 3)'
        raise FormatError(f'{path}:{line + 1}: {found}')
    try:
        table = decimals.parse(text, starts, ends).reshape(-1, _COLUMNS)
    except ValueError as error:
        index, token = error.args
        raise FormatError(_told(path, index, token)) from None
    for index in np.flatnonzero(np.abs(table) > _FAR)[:1]:
        raise FormatError(_told(path, index, text[starts[index] : ends[index]].tobytes()))
    return table


def _told(path, index: int, token: bytes) -> str:
    line, column = index // _COLUMNS + 1, index % _COLUMNS + 1
    shown = token[:40].decode('ascii', 'backslashreplace')
    return f'{path}:{line}: column {column} is {shown!r}, expected meters'


def _bytes(path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FormatError(f'{path}: cannot be read: {error.strerror}') from None


def _text(path) -> str:
    data = _bytes(path)
    try:
        return data.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        line = data.count(b'\n', 0, error.start) + 1
        raise FormatError(f'{path}:{line}: bytes that are no text') from None
