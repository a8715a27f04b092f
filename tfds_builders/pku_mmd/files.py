"""Finds the videos, labels and split lists of PKU-MMD below one folder."""

from collections.abc import Iterator
from dataclasses import dataclass
import os
from pathlib import Path

from skeljax.errors import InputError
from skeljax.formats import pku

PARTS = {1: '0002-L', 2: 'A01N01-L'}  # part -> example of a video name


@dataclass(frozen=True)
class Found:
    """The files of one part below a folder.

    Attributes:
        videos: name -> skeleton file.
        labels: name -> label file.
        splits: the files of split lists.
        skipped: what is left out -> the reason.
    """

    videos: dict[str, Path]
    labels: dict[str, Path]
    splits: list[Path]
    skipped: dict[str, str]


def take(video: str) -> str:
    """Returns the name of a take, which its three views share, e.g. 0002 of 0002-L."""
    return video.rpartition('-')[0]


def part(video: str) -> int:
    """Returns the part of a video."""
    return 2 if video.startswith('A') else 1


def find(folder, wanted: int) -> Found:
    """Returns the files of a part.

    Skeletons and labels have the same names (0002-L.txt): labels are below a folder with 'label'
    in its name. Of duplicates it takes the first.

    Raises:
        InputError: there is no skeleton file.
    """
    found = Found({}, {}, [], {})
    for path, labels in _texts(Path(folder)):
        if 'cross' in path.stem.lower():
            found.splits.append(path)
        elif pku.VIDEO.fullmatch(path.stem) and part(path.stem) == wanted:
            files = found.labels if labels else found.videos
            if path.stem in files:
                found.skipped[str(path)] = f'also in {files[path.stem].parent}'
            files.setdefault(path.stem, path)
    if not found.videos:
        raise InputError(f'{folder}: no skeleton file {PARTS[wanted]}.txt or the like')
    return found


def split(found: Found, folder, wanted: int, view: str) -> tuple[Path, pku.Split]:
    """Reads the split list of a part, identified by the names in it.

    Args:
        found: result of `find`.
        folder: that was searched.
        wanted: the part.
        view: 'subject' or 'view', in the name of the file.

    Raises:
        InputError: there is none, or there are two that differ.
        FormatError: a list is damaged.
    """
    lists = {path: pku.read_split(path) for path in found.splits if view in path.stem.lower()}
    fitting = {p: s for p, s in lists.items() if {part(v) for v in s.training} == {wanted}}
    if not fitting:
        raise InputError(
            f'{folder}: no list cross-{view}.txt (or cross_{view}_v2.txt and the like) of videos '
            f'such as {PARTS[wanted]}'
        )
    (path, chosen), *others = fitting.items()
    for other, listed in others:
        if listed != chosen:
            raise InputError(f'{other} and {path} list other videos, expected one of them')
    return path, chosen


def _texts(folder: Path) -> Iterator[tuple[Path, bool]]:
    """Yields all text files, and whether they are below a folder of labels."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        labels = 'label' in os.path.relpath(place, folder).lower()
        for name in sorted(names):
            if name.lower().endswith('.txt'):
                yield Path(place, name), labels
