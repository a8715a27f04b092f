"""Decodes streams of frames: lines of JSON, or raw float32.

A frame is float32[M, V, 3] in meters; nan stands for what was not measured, and a person
of whom nothing was, or whose numbers are all exactly 0, is not there.

    json     a line a frame: V joints of 3 numbers, or up to M persons of these, or an object
             with them as `joints`; null for a person, joint or number that is not there
    float32  M * V * 3 numbers a frame, little endian
"""

from collections.abc import Iterator

import numpy as np

from skeljax import documents
from skeljax.errors import InputError
from skeljax.formats import vertical

_LONGEST = 1 << 20  # bytes of a line
_NUMBERS = frozenset({int, float, type(None)})
_LIMIT = 1e6  # meters; beyond it float32 loses the joints of a body


class Floats:
    """Reads raw numbers.

    Args:
        persons, joints: M and V.
        scale: meters of a unit.
        up: axis of `vertical.AXES` that points up; it becomes y.
    """

    def __init__(self, persons: int, joints: int, scale: float = 1.0, up: str = 'y'):
        self._shape, self._scale, self._up = (persons, joints, 3), scale, up
        self._rest, self.count = b'', 0

    def push(self, data: bytes) -> Iterator[np.ndarray]:
        """Decodes the next bytes; yields the complete frames.

        Raises:
            InputError: a frame is none; those before it have been yielded.
        """
        size = 4 * int(np.prod(self._shape))
        data = self._rest + data
        whole = len(data) // size * size
        self._rest = data[whole:]
        for frame in np.frombuffer(data[:whole], '<f4').reshape(-1, *self._shape):
            with np.errstate(over='ignore', invalid='ignore'):  # `checked` finds what is not finite
                scaled = frame * np.float32(self._scale)
            frame = checked(scaled, self.count)
            self.count += 1
            yield vertical.turn(frame, self._up).astype(np.float32)

    def finish(self) -> Iterator[np.ndarray]:
        """Checks that no bytes are left.

        Raises:
            InputError: a part of a frame is.
        """
        if self._rest:
            size = 4 * int(np.prod(self._shape))
            raise InputError(f'frame {self.count}: ends after {len(self._rest)} of {size} bytes')
        yield from ()


class Lines:
    """Reads lines of JSON; empty ones are passed over.

    Args:
        persons, joints: M and V.
        scale: meters of a unit.
        up: axis of `vertical.AXES` that points up; it becomes y.
    """

    def __init__(self, persons: int, joints: int, scale: float = 1.0, up: str = 'y'):
        self._shape, self._scale, self._up = (persons, joints, 3), scale, up
        self._rest, self.count = b'', 0

    def push(self, data: bytes) -> Iterator[np.ndarray]:
        """Decodes the next bytes; yields the complete frames.

        Raises:
            InputError: a line is no frame, or does not end; frames before it have been yielded.
        """
        *lines, self._rest = (self._rest + data).split(b'\n')
        yield from (self._frame(line) for line in lines if line.strip())
        if len(self._rest) > _LONGEST:
            left = len(self._rest)
            raise InputError(f'frame {self.count}: {left} bytes without the end of a line')

    def finish(self) -> Iterator[np.ndarray]:
        """Yields the last frame, if its line has no end."""
        rest, self._rest = self._rest, b''
        if rest.strip():
            yield self._frame(rest)

    def _frame(self, line: bytes) -> np.ndarray:
        persons, joints, _ = self._shape
        try:
            stated = documents.parse(line)
        except (ValueError, RecursionError):
            raise InputError(f'frame {self.count}: no JSON: {_short(line)}') from None
        stated = stated.get('joints') if isinstance(stated, dict) else stated
        if not isinstance(stated, list) or not stated:
            raise InputError(f'frame {self.count}: no list of joints: {_short(line)}')
        nobody = all(item is None for item in stated)
        bodies = [] if nobody else stated if _depth(stated) == 3 else [stated]
        if len(bodies) > persons:
            raise InputError(f'frame {self.count}: {len(bodies)} persons, expected up to {persons}')
        frame = np.full(self._shape, np.nan, np.float64)
        for person, body in enumerate(bodies):
            if body is not None:
                frame[person] = self._body(person, body, joints)
        with np.errstate(over='ignore', invalid='ignore'):  # `checked` finds what is not finite
            scaled = (frame * self._scale).astype(np.float32)
        frame = checked(scaled, self.count)
        self.count += 1
        return vertical.turn(frame, self._up).astype(np.float32)

    def _body(self, person: int, body, joints: int) -> np.ndarray:
        where = f'frame {self.count}: person {person}'
        listed = body if isinstance(body, list) else []
        rows = [[None] * 3 if row is None else row for row in listed]
        try:
            # Not left to NumPy, which takes texts and booleans for numbers.
            if not all(type(value) in _NUMBERS for row in rows for value in row):
                raise TypeError
            found = np.array(rows, np.float64)  # None becomes nan
        except (TypeError, ValueError, OverflowError):
            raise InputError(f'{where}: expected {joints} joints of 3 numbers') from None
        if found.shape != (joints, 3):
            stated = ' x '.join(map(str, found.shape)) or '0'
            raise InputError(f'{where}: {stated} numbers, expected {joints} joints of 3')
        return found


KINDS = {'json': Lines, 'float32': Floats}


def checked(frame: np.ndarray, number: int) -> np.ndarray:
    """Returns a frame; raises InputError where a joint is too far away to be one.

    A body of zeros is padding: it becomes nan.
    """
    with np.errstate(invalid='ignore'):
        wrong = (np.abs(frame) >= _LIMIT).any(-1)
    if wrong.any():
        person, joint = np.argwhere(wrong)[0]
        found = ', '.join(f'{value:g}' for value in frame[person, joint])
        raise InputError(f'frame {number}: joint {joint} is at ({found}), expected meters')
    padding = (frame == 0).all((1, 2))
    return np.where(padding[:, None, None], np.float32(np.nan), frame) if padding.any() else frame


def _depth(stated) -> int:
    depth = 0
    while isinstance(stated, list):
        depth, stated = depth + 1, next((item for item in stated if item is not None), None)
    return depth


def _short(line: bytes) -> str:
    return repr(line[:40].decode('utf-8', 'replace'))
