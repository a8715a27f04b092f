"""Finds `tfds_builders/` of the checkout; the wheel holds that folder itself in this place."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

__path__ = [str(Path(__file__).resolve().parents[2] / 'tfds_builders')]

if TYPE_CHECKING:  # type checkers do not follow `__path__`
    def __getattr__(name: str) -> Any: ...
