"""Arrays that NumPy stored (.npy, and by name in .npz); nothing in them is run."""

from collections.abc import Container, Iterable, Sequence
import math
from pathlib import Path
import zipfile

import numpy as np

from skeljax.errors import FormatError


def arrays(path, names: Sequence[str], optional: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Reads the arrays `names` of an archive, and those of `optional` that are there.

    Raises:
        FormatError: as `load`, or one of `names` is missing.
    """
    found = load(path, {*names, *optional})
    for name in names:
        if name not in found:
            with zipfile.ZipFile(path) as file:
                there = [entry.removesuffix('.npy') for entry in file.namelist()]
            raise FormatError(f'{path}: no array {name!r}, found {listed(there)}')
    return found


def load(path, names: Container[str] | None = None) -> dict[str, np.ndarray]:
    """Reads an archive, or only the arrays of it that are among `names`.

    Raises:
        FormatError: no such file, no archive, or an array that cannot be read
            (objects would have to be unpickled).
    """
    found = {}
    try:
        with zipfile.ZipFile(path) as file:
            for entry in file.infolist():
                name = entry.filename.removesuffix('.npy')
                if names is None or name in names:
                    with file.open(entry) as stored:
                        found[name] = _array(stored, entry.file_size)
    # A damaged archive fails in many ways: in its directory, compression, headers, sizes.
    except Exception as error:
        raise FormatError(f'{path}: cannot be read as .npz: {reason(error)}') from None
    return found


def single(path) -> np.ndarray:
    """Reads the one array of a .npy file.

    Raises:
        FormatError: it cannot be read.
    """
    path = Path(path)
    try:
        with path.open('rb') as file:
            return _array(file, path.stat().st_size)
    except Exception as error:
        raise FormatError(f'{path}: cannot be read as .npy: {reason(error)}') from None


def _array(file, size: int) -> np.ndarray:
    """Reads one array once its header fits the bytes that are there."""
    version = np.lib.format.read_magic(file)
    header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if header is None:
        raise ValueError(f'version {version} of the format')
    shape, fortran, dtype = header(file)
    if dtype.hasobject:
        raise ValueError('holds Python objects')
    expected = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or expected > size:
        raise ValueError(f'{size} bytes, expected {expected} for shape {shape}')
    data = file.read(expected)
    if len(data) != expected:
        raise ValueError(f'ends after {len(data)} of {expected} bytes')
    return np.frombuffer(data, dtype).reshape(shape, order='F' if fortran else 'C')


def listed(names: Iterable[str]) -> str:
    """Lists names in one line, the first 20 of them."""
    return ', '.join(' '.join(name.split()) for name in sorted(names)[:20]) or 'none'


def reason(error: Exception) -> str:
    """Tells an error in one short line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return ' '.join(f'{error}'.split())[:200] or type(error).__name__
