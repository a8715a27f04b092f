"""Segments of many recordings, in frames, with labels that index one list of classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from skeljax.errors import InputError, is_name
from skeljax.localize.segments import Segments


@dataclass(frozen=True, eq=False)
class SegmentSet:
    """Holds the segments of many recordings.

    Attributes:
        segments: recording -> its segments, in frames; empty ones included.
        classes: the L names that labels index.
        fps: frames a second of all of them; None where nobody told, or they differ.
        rates: recording -> its frames a second, where it has its own.
        frames: recording -> its number of frames, where known.
        subsets: recording -> 'train', 'validation', 'test' or what the file calls it, where told.
        closed: whether `classes` was told as a whole, so that no other class can be; else
            it is gathered from the segments.
        elsewhere: recordings of the same file that are in another subset than the one read.
        notes: one line for whatever was left out or cut, and why.
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
        """Counts the segments."""
        return sum(map(len, self.segments.values()))

    def rate(self, name: str) -> float | None:
        """Returns the frames a second of a recording, None where nobody told."""
        return self.rates.get(name, self.fps)


def file_of(folder: Path, name: str, suffix: str) -> Path:
    """Makes the place of a recording's file; one named 'a/b' lies in a folder of its own.

    Raises:
        InputError: the name leads out of the folder, or has control characters.
    """
    leads_out = '..' in Path(name).parts or Path(name).is_absolute()
    if not name or leads_out or not is_name(name):
        raise InputError(f'{name!r}: a recording of this name cannot be a file of {folder}')
    path = folder / f'{name}{suffix}'
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
