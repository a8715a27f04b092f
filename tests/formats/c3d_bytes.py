"""Writes C3D files byte by byte, as vendors do: any order of bytes, any contradiction."""

import struct

import numpy as np

_KINDS = {'<': 84, '>': 86, 'dec': 85}


def pack(
    points, labels, *, order='<', scale=-1.0, found=None, header=None, parameters=None, analog=0,
    drop=0,
) -> bytes:
    """Returns the bytes of a file.

    Args:
        points: float[T, N, 3].
        labels: of the points.
        order: of bytes, '<', '>' or 'dec'.
        scale: below 0 points are floats, else integers times it.
        found: which are valid, bool[T, N].
        header: what its first block holds otherwise: points, analog, first, last, scale, rate.
        parameters: GROUP:NAME -> text, texts, or numbers as an array; None leaves one out.
        analog: other values in a frame.
        drop: frames that are missing at the end.
    """
    frames, count = points.shape[:2]
    told = {
        'POINT:USED': np.array([count], np.int16),
        'POINT:SCALE': np.array([scale], np.float32),
        'POINT:RATE': np.array([100.0], np.float32),
        'POINT:FRAMES': np.array([frames % 65536], np.uint16),
        'POINT:UNITS': 'mm',
        'POINT:LABELS': list(labels),
    } | (parameters or {})
    told = {name: value for name, value in told.items() if value is not None}
    section = _section(told, order)
    blocks = -(-(len(section) + 4) // 512)
    head = {
        'points': count, 'analog': analog, 'first': 1, 'last': frames, 'scale': scale, 'rate': 100.0
    } | (header or {})
    numbers = lambda *v: np.array(v).astype(_little(order) + 'u2').tobytes()
    words = numbers(head['points'], head['analog'], head['first'], head['last'] % 65536, 0)
    first = b'\x02\x50' + words + _floats([head['scale']], order)
    first += numbers(2 + blocks, 0) + _floats([head['rate']], order)
    data = np.zeros((frames, 4 * count + analog), np.float64)
    valid = np.ones((frames, count), bool) if found is None else found
    whole = np.concatenate(
        [points / abs(scale) if scale > 0 else points, np.where(valid, 0, -1)[..., None]], -1
    )
    data[:, : 4 * count] = whole.reshape(frames, -1)
    data = data[: frames - drop]
    raw = (
        np.round(data).astype(_little(order) + 'i2').tobytes()
        if scale > 0
        else _floats(data, order)
    )
    head_section = bytes([1, 0x50, blocks, _KINDS[order]])
    out = first.ljust(512, b'\0') + (head_section + section).ljust(512 * blocks, b'\0')
    return out + raw.ljust(-(-len(raw) // 512) * 512, b'\0')


def _little(order: str) -> str:
    return '>' if order == '>' else '<'


def _floats(values, order: str) -> bytes:
    values = np.asarray(values, np.float32).ravel()
    if order != 'dec':
        return values.astype(order + 'f4').tobytes()
    swapped = (values * np.float32(4)).astype('<f4').view(np.uint8).reshape(-1, 4)[:, [2, 3, 0, 1]]
    return swapped.tobytes()


def _section(told: dict, order: str) -> bytes:
    groups = list(dict.fromkeys(name.split(':')[0] for name in told))
    entries = [(group.encode(), -(n + 1), b'\0') for n, group in enumerate(groups)]
    for name, value in told.items():
        group, _, own = name.partition(':')
        entries.append((own.encode(), groups.index(group) + 1, _value(value, order) + b'\0'))
    out = b''
    for name, group, body in entries:
        out += struct.pack('bb', len(name), group) + name
        out += struct.pack(_little(order) + 'H', len(body) + 2) + body
    return out + b'\0\0'


def _value(value, order: str) -> bytes:
    if isinstance(value, np.ndarray):
        kind = {2: 2, 4: 4}[value.dtype.itemsize]
        raw = _floats(value, order) if kind == 4 else value.astype(_little(order) + 'u2').tobytes()
        return struct.pack('bBB', kind, 1, len(value)) + raw
    texts = [value] if isinstance(value, str) else value
    texts = [text.encode() if isinstance(text, str) else text for text in texts]
    width = max(map(len, texts), default=0)
    shape = [width] if isinstance(value, str) else [width, len(texts)]
    return (
        struct.pack('bB', -1, len(shape)) + bytes(shape) + b''.join(t.ljust(width) for t in texts)
    )
