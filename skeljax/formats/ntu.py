"""Reads NTU RGB+D (Shahroudy et al. 2016, arXiv 1604.02808; Liu et al. 2019, arXiv 1905.04757).

A `.skeleton` file is text: the number of frames; for each frame the number of bodies; for
each body a line of 10 fields that begins with its tracking id, the number of joints (25)
and a line of 12 fields for each joint: x y z (meters, y up, z away from the camera), its
place in the depth and colour image, a quaternion and the tracking state. x, y, z, the
state and the number of fields of every line are read; the other fields are not looked at.

State 0 (not tracked) makes a joint one that was not measured. State 1 (inferred: the
sensor's own estimate at a hidden joint) counts as measured, as is usual.
"""

from dataclasses import dataclass
import os
from pathlib import Path
import re

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import decimals, filling, marks
from skeljax.formats.motion import Motion
from skeljax.skeletons import skeleton

FPS = 30.0  # of the papers; the files do not carry it
LAYOUT = 'ntu25'
_PARENTS = skeleton.get(LAYOUT).parents
_NAME = re.compile(r'S\d{3}C\d{3}(P\d{3})R\d{3}A\d{3}')
_JOINTS, _BODY_FIELDS, _JOINT_FIELDS = 25, 10, 12
_BODY_LINES = 2 + _JOINTS
_MOST = 10**6  # frames x tracking ids: more is no recording, and would fill the memory
_FAR = 1e6  # meters; beyond it float32 loses the joints of a body
_FEED, _RETURN, _BLANK, _ZERO = b'\n\r 0'
_TO_BLANKS = bytes(max(byte, _BLANK) for byte in range(256))  # control characters part fields


@dataclass(frozen=True)
class Bodies:
    """The bodies of a file, in its order, N in all frames together.

    Attributes:
        frames: of the file.
        frame: in which each stands, int[N].
        ids: tracking id of each, N texts.
        joints: meters, float32[N, 25, 3].
        state: 0 not tracked, 1 inferred, 2 tracked, int[N, 25].
    """

    frames: int
    frame: np.ndarray
    ids: list[bytes]
    joints: np.ndarray
    state: np.ndarray


def read(path) -> Motion:
    """Reads one file; see `parse`."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f'{path}: cannot be read: {error.strerror}') from None
    return parse(data, str(path))


def parse(data: bytes, name: str) -> Motion:
    """Reads the content of one file.

    Persons are the tracking ids, in the order in which they appear; a body of which no joint
    is tracked is absent.

    Args:
        data: the bytes of the file.
        name: what errors call it; its end is the recording's own name.

    Raises:
        FormatError: names the file, the line, what was found and expected.
    """
    bodies = _quick(data) or _careful(data, name)
    slots: dict[bytes, int] = {}
    slot = np.array([slots.setdefault(i, len(slots)) for i in bodies.ids], int)
    if bodies.frames * len(slots) > _MOST:
        found = f'{bodies.frames} frames x {len(slots)} tracking ids'
        raise FormatError(f'{name}: {found}, expected at most {_MOST}')
    joints = np.zeros((bodies.frames, len(slots), _JOINTS, 3), np.float32)
    measured = np.zeros(joints.shape[:3], bool)
    joints[bodies.frame, slot] = bodies.joints
    measured[bodies.frame, slot] = bodies.state > 0
    valid = measured.any(2)
    seen = valid.any(0)
    if not seen.any():
        raise FormatError(f'{name}: no tracked body in any of its {bodies.frames} frames')
    if not seen.all():
        joints, measured, valid = joints[:, seen], measured[:, seen], valid[:, seen]
    if bodies.state.min() == 0:
        joints = filling.fill_stays(joints, measured, valid, _PARENTS)
    source = os.path.basename(name)
    own = _NAME.match(source)
    return Motion(
        joints=joints,
        fps=FPS,
        layout=LAYOUT,
        valid=valid,
        source=source,
        subject=own[1] if own else '',
        joint_valid=measured,
    )


def _quick(data: bytes) -> Bodies | None:
    """Reads a file of which every line is as the sensor's software writes it, all at once.

    Returns None for any other, damaged or not: `_careful` reports the damage.
    """
    if not data.endswith(b'\n') or data.endswith((b'\n\n', b'\n\r\n')):
        data = data.rstrip() + b'\n'
    text = np.frombuffer(data, np.uint8)
    separators = marks.where(text, np.less_equal, _BLANK)
    ends = np.flatnonzero(text == _FEED)
    starts = np.concatenate([[0], ends[:-1] + 1])
    returns = text[ends - 1] == _RETURN
    if text[0] <= _BLANK or marks.doubled(separators) != np.count_nonzero(returns):
        return None  # a separator too many
    fields = np.diff(marks.before(separators, ends), prepend=-1) - returns
    ends -= returns
    found = _body_lines(text, starts, ends, fields)
    if found is None or data[: ends[0]] != b'%d' % found[0] or text.max() > 127:
        return None
    frames, frame, first = found
    lines = (first[:, None] + np.arange(2, _BODY_LINES)).ravel()
    begin, end = starts[lines], ends[lines]
    state = text[end - 1] - np.uint8(_ZERO)
    stops = marks.following(separators, begin, 3)
    if state.max() > 2 or (text[end - 2] > _BLANK).any() or stops is None:
        return None
    try:  # behind the last z there are nine fields more: room for `decimals.PAD`
        joints = decimals.parse(text, np.stack([begin, *(stops[:2] + 1)]), stops)
    except ValueError:
        return None
    ids = [data[at : data.index(b' ', at)] for at in starts[first].tolist()]
    alone = (frame[1:] > frame[:-1]).all()
    if not alone and len(set(zip(frame.tolist(), ids, strict=True))) < len(ids):
        return None
    if np.abs(joints).max() > _FAR or not b''.join(ids).isdigit():
        return None
    shape = (len(first), _JOINTS)
    joints = joints.astype(np.float32).T.reshape(*shape, 3)
    return Bodies(frames, frame, ids, joints, state.reshape(shape))


def _body_lines(text, starts, ends, fields):
    """Checks that the lines of a file are those that its counts of bodies call for.

    Returns:
        The number of frames, the frame of each body, int[N], and its first line, int[N];
        None if they are not.
    """
    body = np.flatnonzero(fields == _BODY_FIELDS)
    single = fields == 1
    if not len(body) or body[-1] + _BODY_LINES > len(fields):
        return None
    single[body + 1] = False
    heads = np.flatnonzero(single)[1:]
    counts = (text[starts[heads]] - np.uint8(_ZERO)).astype(int)
    sizes = 1 + counts * _BODY_LINES
    before = np.cumsum(counts) - counts
    frame = np.repeat(np.arange(len(heads)), counts)
    if len(frame) != len(body) or len(fields) != 1 + sizes.sum() or not single[0]:
        return None
    in_place = heads == 1 + np.cumsum(sizes) - sizes
    in_place &= (counts <= 9) & (ends[heads] - starts[heads] == 1)
    place, joints = np.arange(len(body)) - before[frame], starts[body + 1]
    whole = body == heads[frame] + 1 + place * _BODY_LINES
    whole &= (text[joints] == ord('2')) & (text[joints + 1] == ord('5'))
    whole &= ends[body + 1] - joints == 2
    joint_lines = np.count_nonzero(fields == _JOINT_FIELDS)
    good = in_place.all() and whole.all() and joint_lines == _JOINTS * len(body)
    return (len(heads), frame, body) if good else None


def _careful(data: bytes, name: str) -> Bodies:
    """Reads a file line by line; raises FormatError where it is damaged."""
    lines = _Lines(data, name)
    frames = lines.count('the number of frames', least=1)
    frame, ids, rows = [], [], []
    for index in range(frames):
        seen = set()
        for _ in range(lines.count('the number of bodies')):
            body = lines.fields(_BODY_FIELDS, 'of a body')[0]
            if not body.isdigit():
                raise lines.error(f'tracking id {_shown(body)}', 'a whole number')
            if body in seen:
                raise lines.error(f'a second body {body.decode()} in frame {index}', 'other ids')
            seen.add(body)
            number = lines.count('the number of joints')
            if number != _JOINTS:
                raise lines.error(f'{number} joints', f'{_JOINTS}')
            frame.append(index)
            ids.append(body)
            rows.append([lines.joint() for _ in range(_JOINTS)])
    lines.finish(frames)
    table = np.array(rows).reshape(-1, _JOINTS, 4)
    joints, state = table[..., :3].astype(np.float32), table[..., 3].astype(int)
    return Bodies(frames, np.array(frame, int), ids, joints, state)


class _Lines:
    """The lines of a file, one after the other, and where it stands."""

    def __init__(self, data: bytes, name: str):
        self._name = name
        self._lines = data.rstrip().split(b'\n') if data.strip() else []
        self._number = 0

    def error(self, found: str, expected: str) -> FormatError:
        return FormatError(f'{self._name}:{self._number}: {found}, expected {expected}')

    def fields(self, number: int, what: str) -> list[bytes]:
        """Returns the fields of the next line."""
        if self._number >= len(self._lines):
            end = f'the file ends after {self._number} lines' if self._number else 'empty'
            raise FormatError(f'{self._name}: {end}, expected {number} fields {what}')
        line = self._lines[self._number]
        self._number += 1
        if not line.isascii():
            raise self.error('bytes that are no text', f'{number} fields {what}')
        fields = line.translate(_TO_BLANKS).split()
        if len(fields) != number:
            raise self.error(f'{len(fields)} fields', f'{number} {what}')
        return fields

    def count(self, what: str, least: int = 0) -> int:
        """Returns the whole number that is the next line."""
        (field,) = self.fields(1, f'({what})')
        if not field.isdigit() or len(field) > 9 or int(field) < least:
            raise self.error(_shown(field), what)
        return int(field)

    def joint(self) -> list[float]:
        """Returns x, y, z and state from the next line."""
        fields = self.fields(_JOINT_FIELDS, 'of a joint')
        place = [decimals.number(field) for field in fields[:3]]
        for field, value in zip(fields, place, strict=False):
            if value is None or abs(value) > _FAR:
                raise self.error(_shown(field), 'meters')
        if fields[-1] not in (b'0', b'1', b'2'):
            raise self.error(f'tracking state {_shown(fields[-1])}', '0, 1 or 2')
        return [*place, int(fields[-1])]

    def finish(self, frames: int):
        """Raises FormatError if there is more."""
        if self._number < len(self._lines):
            self._number += 1
            raise self.error('a line more', f'the file to end after {frames} frames')


def _shown(field: bytes) -> str:
    return repr(field[:40].decode())
