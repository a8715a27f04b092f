"""Readers of raw files: one module a format, each with `read(path) -> Motion`."""

import importlib
from pathlib import Path

from skeljax.errors import FormatError, InputError
from skeljax.formats.motion import Motion

__all__ = ['FORMATS', 'Motion', 'read']

# Module -> how the names of its files end, lower case; the first that fits reads the file.
FORMATS = {
    'ui_prmd': ('_positions.txt', '_positions.txt.gz', '_positions_inc.txt', '_positions_inc.txt.gz'),
    'bvh': ('.bvh', '.bvh.gz'),
    'amc': ('.amc', '.amc.gz'),
    'c3d': ('.c3d',),
    'ntu': ('.skeleton',),
    'pku': ('.txt',),
    'amass': ('_poses.npz', '_stageii.npz'),
    'arrays': ('.npz', '.npy'),
    'table': ('.csv', '.csv.gz'),
    'keypoints': ('.json',),
}


def read(path) -> Motion:
    """Reads one recording of any known format.

    Raises:
        InputError: no such file.
        FormatError: no reader knows it, or it is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: no such file')
    for module, endings in FORMATS.items():
        if path.name.lower().endswith(endings):
            return importlib.import_module(f'skeljax.formats.{module}').read(path)
    known = ', '.join(sorted({ending for endings in FORMATS.values() for ending in endings}))
    raise FormatError(f'{path}: unknown format, known: {known}')
