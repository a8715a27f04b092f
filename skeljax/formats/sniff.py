"""Finds the reader of a file whose ending several formats share, by what is in it."""

import gzip
from pathlib import Path
import re
import zipfile
import zlib

from skeljax.formats import hdf5

# Module -> how its tables begin; their names end as those of other tables do.
_TABLES = {
    'motive': b'Format Version', 'nexus': b'Trajectories', 'qualisys': b'NO_OF_FRAMES',
    'kinder_gator': b'Timestamp,HipCenterX,', 'precog': b'HipCenter; Spine; ', 'dlc': b'scorer,',
}
_HEAD = 8192  # bytes of a file that are looked at
_DOCUMENTS = {'skeletons': rb'"skeletons"\s*:\s*\['}  # module -> what is in its JSON


def refined(path, module: str) -> str:
    """Returns the module that reads a file, given the one that fits its ending.

    A file that cannot be opened stays with that one, whose reader raises the error.
    """
    path = Path(path)
    if module == 'arrays' and path.suffix.lower() == '.npz':
        return 'amass' if {'poses', 'trans'} <= _arrays(path) else module
    if module == 'table' and path.is_file():
        start = head(path).lstrip(b' ,;\t"\r\n')
        if b'_ncams' in start.split(b'\n', 1)[0]:
            return 'anipose'
        return next((name for name, mark in _TABLES.items() if start.startswith(mark)), module)
    if module == 'keypoints' and path.is_file():
        start = head(path)
        found = (name for name, text in _DOCUMENTS.items() if re.search(text, start))
        return next(found, module)
    if module == 'dlc' and path.is_file():
        return _kind_of_hdf5(path)
    return module


def head(path: Path) -> bytes:
    """Returns the first bytes of a file, unpacked, without the mark of UTF-8."""
    opened = gzip.open if path.suffix.lower() == '.gz' else open
    try:
        with opened(path, 'rb') as file:
            return file.read(_HEAD).removeprefix(b'\xef\xbb\xbf')
    except (OSError, EOFError, zlib.error):
        return b''


def _kind_of_hdf5(path: Path) -> str:
    """Returns which program wrote an HDF5 file, by the names at its top."""
    with hdf5.opened(path) as file:
        if 'tracks' in file and 'node_names' in file:
            return 'sleap'
        if 'position' in file and ('keypoints' in file or 'keypoint' in file):
            return 'movement'
        if 'processing' in file or 'acquisition' in file:
            return 'nwb'
    return 'dlc'


def _arrays(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(path) as file:
            return {name.removesuffix('.npy') for name in file.namelist()}
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return set()
