"""Finds the reader of a file whose ending several formats share, by what is in it."""

from pathlib import Path
import zipfile


def refined(path, module: str) -> str:
    """Returns the module that reads a file, given the one that its ending tells.

    A file that cannot be opened stays with that one, whose reader raises the error.
    """
    path = Path(path)
    if module == 'arrays' and path.suffix.lower() == '.npz':
        return 'amass' if {'poses', 'trans'} <= _arrays(path) else module
    return module


def _arrays(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(path) as file:
            return {name.removesuffix('.npy') for name in file.namelist()}
    except (OSError, zipfile.BadZipFile, ValueError):
        return set()
