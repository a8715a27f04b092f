"""Readers of raw files: one module a format, each giving a `Motion`."""

from pathlib import Path

from skeljax.errors import FormatError, InputError
from skeljax.formats import ui_prmd
from skeljax.formats.motion import Motion

__all__ = ['Motion', 'read']


def read(path) -> Motion:
    """Reads one recording of any known format.

    Raises:
        InputError: no such file.
        FormatError: no reader knows it, or it is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: no such file')
    if '_positions' in path.name:
        return ui_prmd.read(path)
    raise FormatError(f'{path}: unknown format, known: UI-PRMD (..._positions.txt, plain or .gz)')
