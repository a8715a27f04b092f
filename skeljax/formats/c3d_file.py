"""Reads C3D files as they are: header, parameters, points (c3d.org, user guide of 2008).

Own code, for neither kept library holds what readers here promise: `c3d` refuses files
whose header and parameters differ, which vendors write, and `ezc3d` reads them, but a
damaged file can end its process, and ten minutes of 41 points take it 3.5 s. What of a
file contradicts itself is settled by how many bytes there are.
"""

from dataclasses import dataclass, field
import itertools
import math
from pathlib import Path
import struct

import numpy as np

from skeljax.errors import FormatError

_BLOCK = 512
_MAGIC = 0x50
_DEC = 85
_ORDERS = {84: '<', _DEC: '<', 86: '>'}  # Intel, DEC, MIPS
_FAR = 1e9  # no coordinate is beyond, whatever the unit
_WHOLE = 1 << 16  # a count of 16 bits starts again


@dataclass(frozen=True)
class Header:
    """The first block of a file.

    Attributes:
        points: in a frame.
        analog: values of other sensors in a frame.
        first, last: numbers of frames, of 16 bits.
        scale: of points stored as integers; below 0 they are floats.
        data: block at which the frames begin, from 1.
        rate: frames per second.
    """

    points: int
    analog: int
    first: int
    last: int
    scale: float
    data: int
    rate: float


@dataclass
class File:
    """A file as it is.

    Attributes:
        header: the first block.
        parameters: GROUP:NAME, upper case -> numbers, or texts without blanks at the end.
        points: x, y, z in the file's unit, float64[T, N, 3]; 0 where not measured.
        measured: bool[T, N].
        notes: what was contradictory, one line each.
    """

    header: Header
    parameters: dict[str, np.ndarray | list[str]]
    points: np.ndarray
    measured: np.ndarray
    notes: list[str] = field(default_factory=list)

    def words(self, name: str) -> list[str]:
        """Returns the texts of a parameter, none if it is missing or of numbers."""
        found = self.parameters.get(name)
        return found if isinstance(found, list) else []

    def number(self, name: str) -> float | None:
        """Returns the first finite number of a parameter, None if there is none."""
        found = self.parameters.get(name)
        stated = isinstance(found, np.ndarray) and found.size and np.isfinite(found[0])
        return float(found[0]) if stated else None


def read(path) -> File:
    """Reads a file.

    Raises:
        FormatError: it is no C3D, damaged, or ends before its last frame.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
        order, dec, start = _processor(data)
        header = _header(data, order, dec)
        parameters = _parameters(data, start, order, dec)
    except OSError as error:
        raise FormatError(f'{path}: cannot be read: {error.strerror or error}') from None
    except (ValueError, IndexError, struct.error) as error:
        raise FormatError(f'{path}: not C3D, or damaged: {error}') from None
    found = File(header, parameters, np.zeros((0, 0, 3)), np.zeros((0, 0), bool))
    block = header.data if header.data > 1 else int(found.number('POINT:DATA_START') or 0)
    if not 1 < block <= len(data) // _BLOCK + 1:
        raise FormatError(f'{path}: not C3D, or damaged: frames from block {block}')
    stored = np.frombuffer(data, np.uint8, offset=min((block - 1) * _BLOCK, len(data)))
    count, points, analog, scale = _shape(path, found, len(stored))
    width = 4 if scale < 0 else 2
    used = stored[: count * (4 * points + analog) * width]
    words = used.reshape(count, -1, width)[:, : 4 * points]
    values = _numbers(words, order, dec).reshape(count, points, 4)
    found.points, found.measured = _points(values, scale if scale > 0 else 1.0)
    return found


def _points(values: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Splits float32 or int16 [T, N, 4] into scaled points and which were measured."""
    x, y, z, residual = np.moveaxis(values, -1, 0)
    with np.errstate(invalid='ignore', over='ignore'):
        # Some systems write a lost point as the origin.
        measured = (residual >= 0) & ((x != 0) | (y != 0) | (z != 0))
        for axis in (x, y, z):
            measured &= np.abs(axis, dtype=np.float32) < _FAR
    points = np.zeros((*measured.shape, 3))
    np.copyto(points, values[..., :3], where=measured[..., None])
    points *= scale
    return points, measured


def _processor(data: bytes) -> tuple[str, bool, int]:
    """Returns the order of bytes, whether floats are DEC's, and where parameters begin."""
    if len(data) < 2 * _BLOCK or data[1] != _MAGIC:
        raise ValueError('no C3D header')
    start = (data[0] - 1) * _BLOCK
    kind = data[start + 3]
    if kind not in _ORDERS:
        raise ValueError(f'processor type {kind}, expected 84 to 86')
    return _ORDERS[kind], kind == _DEC, start


def _header(data: bytes, order: str, dec: bool) -> Header:
    points, analog, first, last, _ = struct.unpack_from(f'{order}5H', data, 2)
    block = struct.unpack_from(f'{order}H', data, 16)[0]
    floats = np.frombuffer(data[12:16] + data[20:24], np.uint8).reshape(2, 4)
    scale, rate = _numbers(floats, order, dec).astype(float).tolist()
    return Header(points, analog, first, last, scale, block, rate)


def _parameters(data: bytes, start: int, order: str, dec: bool) -> dict:
    """Reads all parameters: GROUP:NAME -> numbers or texts."""
    groups: dict[int, str] = {}
    found: list[tuple[int, str, np.ndarray | list[str]]] = []
    at = start + 4
    while at + 2 <= len(data):
        length, group = struct.unpack_from('bb', data, at)
        length = abs(length)  # below 0 for what is locked
        if not length or not group:
            break
        name = data[at + 2 : at + 2 + length].decode('latin-1').strip().upper()
        at += 2 + length
        following = struct.unpack_from(f'{order}H', data, at)[0]
        if group < 0:
            groups.setdefault(-group, name)
        else:
            found.append((group, name, _value(data, at + 2, order, dec)))
        if not following:
            break
        at += following
    parameters: dict[str, np.ndarray | list[str]] = {}
    for group, name, value in found:
        parameters.setdefault(f'{groups.get(group, group)}:{name}', value)
    if not any(name.startswith('POINT:') for name in parameters):
        raise ValueError('no parameters of points')
    return parameters


def _value(data: bytes, at: int, order: str, dec: bool) -> np.ndarray | list[str]:
    """Reads the value of one parameter: numbers, flat, or texts."""
    kind, rank = struct.unpack_from('bB', data, at)
    shape = list(data[at + 2 : at + 2 + rank])
    width = abs(kind)
    if width not in (1, 2, 4) or rank > 7 or len(shape) < rank:
        raise ValueError(f'a parameter of kind {kind} with {rank} axes')
    raw = data[at + 2 + rank : at + 2 + rank + math.prod(shape) * width]
    if len(raw) < math.prod(shape) * width:
        raise ValueError('a parameter that ends beyond the file')
    if kind == -1:
        size = shape[0] if shape else 1
        texts = [raw[n : n + size] for n in range(0, len(raw), size or 1)]
        return [_text(text) for text in texts]
    if kind == 1:
        return np.frombuffer(raw, np.int8)
    words = np.frombuffer(raw, np.uint8).reshape(-1, width)
    numbers = _numbers(words, order, dec)
    # Counts are stored in words of 16 bits, and none is below 0.
    return numbers.astype(np.int64) & 0xFFFF if width == 2 else numbers


def _text(raw: bytes) -> str:
    raw = raw.split(b'\0')[0] if raw.strip(b'\0') else b''
    try:
        return raw.decode('utf-8').strip()
    except UnicodeDecodeError:
        return raw.decode('cp1252', errors='replace').strip()


def _numbers(words: np.ndarray, order: str, dec: bool) -> np.ndarray:
    """Reads uint8[..., width] as int16 or float32 [...]."""
    words = np.ascontiguousarray(words)
    if words.shape[-1] == 2:
        return words.view(f'{order}i2')[..., 0]
    if not dec:
        return words.view(f'{order}f4')[..., 0]
    # DEC stores the upper half first, and its exponent is two larger.
    with np.errstate(invalid='ignore', over='ignore'):
        return np.ascontiguousarray(words[..., [2, 3, 0, 1]]).view('<f4')[..., 0] / np.float32(4)


def _shape(path, file: File, size: int) -> tuple[int, int, int, float]:
    """Determines how many frames there are, points and other values in each, and their scale.

    Of what header and parameters hold, the first that fills the bytes there are (frames
    end in a whole block, so up to 511 more), else the first that does not need more.
    """
    header, stated = file.header, file.number
    ratio = round((stated('ANALOG:RATE') or 0) / (stated('POINT:RATE') or header.rate or 1))
    channels = int(stated('ANALOG:USED') or 0)
    points = _different(int(stated('POINT:USED') or 0), header.points)
    analog = _different(header.analog, channels * max(ratio, 1), 0)
    scales = _different(stated('POINT:SCALE'), header.scale)
    counts = _counts(file)
    shapes = [
        (count, p, a, s)
        for count, s, p, a in itertools.product(counts, scales, points, analog)
        if p and s and math.isfinite(s)
    ]
    needs = lambda shape: shape[0] * (4 * shape[1] + shape[2]) * (4 if shape[3] < 0 else 2)
    exact = [shape for shape in shapes if needs(shape) <= size < needs(shape) + _BLOCK]
    roomy = [shape for shape in shapes if needs(shape) <= size]
    if not shapes:
        raise FormatError(f'{path}: {header.points} points in {counts[0]} frames, expected some')
    if not exact and not roomy:
        count, p, a, s = shapes[0]
        there = size // ((4 * p + a) * (4 if s < 0 else 2))
        # A recording cut off in its last frame is one without it.
        if there < count - 1 or not there:
            raise FormatError(f'{path}: {there} frames, expected {count} by its header')
        file.notes.append(f'{there} frames, though its header has {count}')
        return there, p, a, s
    found = (exact or roomy)[0]
    if found[0] != counts[0]:
        file.notes.append(f'{found[0]} frames, though its header has {counts[0]}')
    return found


def _counts(file: File) -> list[int]:
    """Returns how many frames there may be, the likeliest first."""
    header, stated = file.header, file.number
    count = (header.last - header.first + 1) % _WHOLE or _WHOLE
    starts, ends = (
        file.parameters.get(f'TRIAL:ACTUAL_{name}_FIELD') for name in ('START', 'END')
    )
    fields = None
    if isinstance(starts, np.ndarray) and isinstance(ends, np.ndarray):
        if min(len(starts), len(ends)) >= 2:  # of 16 bits each, the lower first
            first, last = (int(n[0]) + _WHOLE * int(n[1]) for n in (starts, ends))
            fields = last - first + 1
    long = [fields, stated('POINT:LONG_FRAMES'), stated('POINT:FRAMES')]
    long = [int(n) for n in long if n and n > 0]
    # More frames than 16 bits count: the header stays at the largest, or begins again.
    full = header.last == _WHOLE - 1
    more = [n for n in long if n > count and (full or (n - count) % _WHOLE == 0)]
    return _different(*more, count, *long)


def _different(*values) -> list:
    """Returns values that are not None, each once."""
    return list(dict.fromkeys(value for value in values if value is not None))
