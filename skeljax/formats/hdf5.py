"""Opens HDF5 files, which the tools of animal tracking and NWB write, by the extra h5py."""

from collections.abc import Iterator, Sequence
import contextlib
from pathlib import Path

import numpy as np

from skeljax.errors import FormatError, InputError

_LARGEST = 5 * 10**7  # bytes of one array that a small file can claim


@contextlib.contextmanager
def opened(path) -> Iterator:
    """Opens a file to be read; errors within are raised as damage.

    Raises:
        InputError: h5py is not installed.
        FormatError: it is no HDF5, or damaged.
    """
    try:
        import h5py
    except ImportError:
        raise InputError(f'{path}: reading HDF5 needs h5py: pip install skeljax[hdf5]') from None
    try:
        with h5py.File(Path(path), 'r') as file:
            yield file
    except InputError:
        raise
    # The library raises whatever the damage makes of its operations.
    except Exception as error:
        stated = ' '.join(f'{type(error).__name__}: {error}'.split())[:160]
        raise FormatError(f'{path}: cannot be read as HDF5: {stated}') from None


def numbers(path, dataset) -> np.ndarray:
    """Reads an array of numbers as float64.

    Raises:
        FormatError: it holds something else, or claims more than a file of it can hold.
    """
    shape = getattr(dataset, 'shape', None)
    if shape is None or dataset.dtype.kind not in 'fiub':
        raise FormatError(f'{path}: {_name(dataset)}: expected an array of numbers')
    check_size(path, dataset)
    with np.errstate(invalid='ignore', over='ignore'):
        return np.asarray(dataset[()], np.float64)


def texts(path, dataset) -> list[str]:
    """Reads an array of texts.

    Raises:
        FormatError: it holds something else.
    """
    if getattr(dataset, 'shape', None) is None or dataset.dtype.kind not in 'OSUiu':
        raise FormatError(f'{path}: {_name(dataset)}: expected an array of texts')
    check_size(path, dataset)
    return [text(value) for value in np.ravel(dataset[()])]


def text(value) -> str:
    """Returns a value of an attribute or array as text."""
    return value.decode('utf-8', 'replace') if isinstance(value, bytes) else str(value)


def kind(group) -> str:
    """Returns the NWB type of a group, '' for none."""
    return text(group.attrs.get('neurodata_type', ''))


def groups(file, kinds: Sequence[str]) -> list[tuple[str, object]]:
    """Returns the groups of some NWB types, by their paths."""
    found: list[tuple[str, object]] = []

    def visit(name, thing):
        if hasattr(thing, 'keys') and kind(thing) in kinds:
            found.append((name, thing))

    file.visititems(visit)
    return found


def has(path, kinds: Sequence[str]) -> bool:
    """Returns whether a file holds a group of some NWB types; not where it cannot be read."""
    try:
        with opened(path) as file:
            return bool(groups(file, kinds))
    except InputError:
        return False


def first_time(file) -> float:
    """Returns when the poses of an NWB file begin, in seconds of its session; 0 without any."""
    times = []
    for _, group in groups(file, ('PoseEstimationSeries',)):
        if 'timestamps' in group and len(group['timestamps']):
            times.append(float(group['timestamps'][0]))
        elif 'starting_time' in group:
            times.append(float(group['starting_time'][()]))
    return min(times, default=0.0)


def check_size(path, dataset):
    """Refuses an array far larger than its file, which compression alone cannot explain.

    Raises:
        FormatError: as said.
    """
    size = dataset.size * max(dataset.dtype.itemsize, 1)
    if size > max(_LARGEST, 1000 * Path(path).stat().st_size):
        raise FormatError(f'{path}: {_name(dataset)}: claims {size} bytes')


def _name(thing) -> str:
    return str(getattr(thing, 'name', thing))[:60]
