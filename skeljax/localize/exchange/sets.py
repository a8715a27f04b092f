"""Segments of many recordings, in frames, with labels that index one list of classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from skeljax.errors import InputError, is_name
from skeljax.localize.segments import Segments


@dataclass(frozen=True, eq=False)
class SegmentSet:
    """Segments of many recordings.

    Attributes:
        segments: recording -> its segments, in frames; empty ones included.
        classes: the L names that labels index.
        fps: frames per second of all recordings; None if unknown or different.
        rates: recording -> frames per second, for recordings with their own rate.
        frames: recording -> its number of frames, if known.
        subsets: recording -> 'train', 'validation', 'test' or the name in the file, if known.
        closed: whether `classes` is complete; otherwise it was collected from the segments.
        elsewhere: recordings of the file in other subsets than the one read.
        notes: one line for each kind of change, and its reason.
    """

    segments: Mapping[str, Segments]
    classes: tuple[str, ...]
    fps: float | None = None
    frames: Mapping[str, int] = field(default_factory=dict)
    subsets: Mapping[str, str] = field(default_factory=dict)
    closed: bool = True
    elsewhere: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    rates: Mapping[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        """Returns the number of segments."""
        return sum(map(len, self.segments.values()))

    def rate(self, name: str) -> float | None:
        """Returns the frames per second of a recording; None if unknown."""
        return self.rates.get(name, self.fps)


def file_of(folder: Path, name: str, suffix: str) -> Path:
    """Returns the path of a recording's file; creates the subfolder a for recording 'a/b'.

    Raises:
        InputError: the path is outside the folder, or the name has control characters.
    """
    leads_out = '..' in Path(name).parts or Path(name).is_absolute()
    if not name or leads_out or not is_name(name):
        raise InputError(f'{name!r}: a recording of this name cannot be a file of {folder}')
    path = folder / f'{name}{suffix}'
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
