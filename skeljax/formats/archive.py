"""Arrays that NumPy stored (.npy, and by name in .npz); nothing in them is run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
import math
from pathlib import Path
import zipfile

import numpy as np

from skeljax.errors import FormatError

UNPACKED = 1 << 30  # bytes; a few compressed ones could hold any number


def arrays(path, names: Sequence[str], optional: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Reads the arrays `names` of an archive, and those of `optional` that are there.

    Raises:
        FormatError: as `Archive`, or one of `names` is missing.
    """
    stored = load(path)
    for name in names:
        if name not in stored:
            raise FormatError(f'{path}: no array {name!r}, found {listed(stored)}')
    return {name: stored[name] for name in stored if name in {*names, *optional}}


def load(path) -> 'Archive':
    """Opens an archive, of which arrays are read as they are requested.

    Raises:
        FormatError: no such file, or no archive.
    """
    return Archive(path)


class Archive(Mapping):
    """The arrays of an archive by name, each read when it is first requested.

    The arrays that are read may unpack to `UNPACKED` bytes together, or to as many as the
    file has where that is more.

    Raises:
        FormatError: no such file, no archive, an array that cannot be read (objects would
            have to be unpickled), or more than that is to be unpacked.
    """

    def __init__(self, path):
        self._path, self._unpacked = path, 0
        self._read: dict[str, np.ndarray] = {}
        try:
            with zipfile.ZipFile(path) as file:
                entries = {entry.filename.removesuffix('.npy'): entry for entry in file.infolist()}
        # A damaged archive fails in many ways: in its directory, compression, headers, sizes.
        except Exception as error:
            raise self._failure(error) from None
        self._entries = entries

    def __getitem__(self, name: str) -> np.ndarray:
        entry = self._entries[name]
        if name not in self._read:
            try:
                self._read[name] = self._array(entry)
            except Exception as error:
                raise self._failure(error) from None
        return self._read[name]

    def __contains__(self, name) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def _array(self, entry: zipfile.ZipInfo) -> np.ndarray:
        self._unpacked += entry.file_size
        if self._unpacked > max(UNPACKED, Path(self._path).stat().st_size):
            raise ValueError(f'unpacks to {self._unpacked} bytes, more than {UNPACKED >> 20} MiB')
        with zipfile.ZipFile(self._path) as file, file.open(entry) as stored:
            return _array(stored, entry.file_size)

    def _failure(self, error: Exception) -> FormatError:
        return FormatError(f'{self._path}: cannot be read as .npz: {reason(error)}')


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
    array = np.frombuffer(data, dtype).reshape(shape, order='F' if fortran else 'C')
    if dtype.kind == 'U' and not _are_texts(array):
        raise ValueError('a text with a code point that is none')
    return array


def _are_texts(array: np.ndarray) -> bool:
    """Checks that texts are made of code points alone: Python fails on others, or writing them."""
    points = np.frombuffer(array.tobytes(), array.dtype.byteorder + 'u4')
    return not ((points > 0x10FFFF) | ((points >= 0xD800) & (points <= 0xDFFF))).any()


def listed(names: Iterable[str]) -> str:
    """Returns names in one line, the first 20 of them."""
    return ', '.join(' '.join(name.split()) for name in sorted(names)[:20]) or 'none'


def reason(error: Exception) -> str:
    """Tells an error in one short line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return ' '.join(f'{error}'.split())[:200] or type(error).__name__
