"""Reads arrays by name out of a NumPy archive (.npz); nothing in it is run."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from skeljax.errors import FormatError


def arrays(path, names: Sequence[str], optional: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Reads the arrays `names` and those of `optional` that are there.

    Raises:
        FormatError: no such file, no archive, one of `names` missing, or an array
            that cannot be read (objects would have to be unpickled).
    """
    path = Path(path)
    try:
        with path.open('rb') as file:  # opened here: NumPy leaves a damaged one open
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError('one array, no archive')
            there = set(archive.files)
            found = {name: archive[name] for name in (*names, *optional) if name in there}
    # A damaged archive fails in many ways: in its directory, compression, headers, sizes.
    except Exception as error:
        raise FormatError(f'{path}: cannot be read as .npz: {reason(error)}') from None
    for name in names:
        if name not in found:
            raise FormatError(f'{path}: no array {name!r}, found {listed(there)}')
    for name, array in found.items():
        if not isinstance(array, np.ndarray):
            raise FormatError(f'{path}: {name!r} is no array')
    return found


def listed(names: Iterable[str]) -> str:
    """Lists names in one line, the first 20 of them."""
    return ', '.join(' '.join(name.split()) for name in sorted(names)[:20]) or 'none'


def reason(error: Exception) -> str:
    """Tells an error in one short line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return ' '.join(f'{error}'.split())[:200] or type(error).__name__
