"""Finds `tfds_builders/` of the checkout; the wheel holds that folder itself in this place."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

_FOLDER = Path(__file__).resolve().parents[2] / 'tfds_builders'
__path__ = [str(_FOLDER)]
__file__ = str(_FOLDER / '__init__.py')

if TYPE_CHECKING:  # type checkers do not follow `__path__`
    def __getattr__(name: str) -> Any: ...
