"""Mutations of files for the fuzz tests, each reproducible from its number."""

from collections.abc import Callable
from pathlib import Path
import random

import numpy as np

from skeljax.data import records
from skeljax.errors import InputError, shown
from skeljax.formats.motion import Motion

_WORDS = [
    b'',
    b'0',
    b'-0',
    b'-1',
    b'nan',
    b'inf',
    b'1e308',
    b'1e400',
    b'-1e400',
    b'1e-400',
    b'9' * 25,
    b'9' * 400,
    b'1_0',
    b'0x10',
    b'+',
    b'-',
    b'.',
    b',',
    b';',
    b':',
    b'{',
    b'}',
    b'[',
    b']',
    b'"',
    b'null',
    b'true',
    b'[[[[',
    b'\xff',
    b'\x00',
    b'\xef\xbb\xbf',
    b'\xc2\x85',
    b'\xe2\x80\xa8',
    b'\r',
    b'\x1b[2J',
    b'\\ud800',
    b'x y',
    b'=1+1',
]
_PARTS = b' ,;\t\n:[]{}"'


def mutate(whole: bytes, seed: int, *, binary: bool = False) -> bytes:
    """Changes a file in one to four places.

    Args:
        whole: a sound one.
        seed: which of the mutations.
        binary: changes bytes and numbers in place; otherwise words and lines as well.
    """
    chance, raw = random.Random(seed), bytearray(whole)
    kinds = (
        (_byte, _bit, _number, _cut, _swap) if binary else (_byte, _word, _word, _line, _cut, _swap)
    )
    for _ in range(chance.randint(1, 4)):
        chance.choice(kinds)(raw, chance)
    return bytes(raw)


def _place(raw, chance) -> int:
    return chance.randrange(len(raw)) if raw else 0


def _byte(raw, chance):
    at = _place(raw, chance)
    raw[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(4))


def _bit(raw, chance):
    if raw:
        raw[_place(raw, chance)] ^= 1 << chance.randrange(8)


def _number(raw, chance):
    """Writes a number that counts or sizes could be."""
    value = chance.choice(
        [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**32 - 1, 2**63 - 1, 2**64 - 1]
    )
    size = chance.choice([1, 2, 4, 8])
    at = _place(raw, chance)
    raw[at : at + size] = (value % 256**size).to_bytes(size, chance.choice(['little', 'big']))


def _word(raw, chance):
    """Puts a word in the place of another."""
    at = _place(raw, chance)
    start = max((raw.rfind(part, 0, at) for part in _PARTS), default=-1) + 1
    ends = [end for part in _PARTS if (end := raw.find(part, at)) >= 0]
    raw[start : min(ends, default=len(raw))] = chance.choice(_WORDS)


def _line(raw, chance):
    """Leaves out a line, or writes it twice or elsewhere."""
    lines = raw.split(b'\n')
    at, to = chance.randrange(len(lines)), chance.randrange(len(lines))
    kind = chance.randrange(3)
    lines[to:to] = [lines[at]] * (kind != 0)
    if kind != 1:
        del lines[at + (to <= at and kind == 2)]
    raw[:] = b'\n'.join(lines)


def _cut(raw, chance):
    del raw[_place(raw, chance) :]


def _swap(raw, chance):
    """Copies a part to another place."""
    at, to, size = _place(raw, chance), _place(raw, chance), chance.choice([1, 4, 8, 40, 200])
    raw[to : to + size * chance.randrange(2)] = raw[at : at + size]


def attempt(read: Callable, path: Path, data: bytes) -> bool:
    """Reads a file; says whether it was read, surely soundly. Otherwise its error is one line.

    Raises:
        AssertionError: it was read as something else than a sound motion, or its error is more than
            a line.
        Exception: of any other kind that the reader raised.
    """
    path.write_bytes(data)
    try:
        made = read(path)
    except InputError as error:
        message = str(error)
        assert (
            len(message.splitlines()) == 1 and len(message) < 1500 and shown(message) == message
        ), message
        return False
    if isinstance(made, Motion):
        recording = records.from_motion(made, name='x')
        assert made.joints.dtype == np.float32 and np.isfinite(made.joints).all()
        assert (recording.joints[~recording.person_valid] == 0).all()
    return True
