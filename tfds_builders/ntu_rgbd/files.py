"""Finds the recordings of NTU RGB+D, in folders and inside the official zips."""

import collections
from collections.abc import Iterator
from dataclasses import dataclass
import functools
import os
from pathlib import Path
import re
import zipfile
import zlib

from skeljax.errors import FormatError, InputError
from skeljax.formats import ntu, texts
from skeljax.formats.motion import Motion

_NAME = re.compile(r'S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})')
_ENDING = '.skeleton'
_LISTS = '_samples_with_missing_skeletons.txt'


@dataclass(frozen=True)
class Clip:
    """One recording.

    Attributes:
        name: SsssCcccPpppRrrrAaaa.
        place: the folder or the zip it is in.
        member: its name in it.
    """

    name: str
    place: str
    member: str

    @property
    def setup(self) -> int:
        return int(self.name[1:4])

    @property
    def camera(self) -> int:
        return int(self.name[5:8])

    @property
    def subject(self) -> int:
        return int(self.name[9:12])

    @property
    def action(self) -> int:
        return int(self.name[17:20])


def find(folder) -> tuple[list[Clip], dict[str, str]]:
    """Returns every recording below a folder, sorted by name.

    Of duplicates it takes the first, files before zips.

    Returns:
        The recordings, and what is left out -> the reason.

    Raises:
        InputError: there is none, or a zip cannot be opened.
    """
    clips: dict[str, Clip] = {}
    strange, twice = [], collections.Counter()
    for place, member in _members(Path(folder)):
        name = os.path.basename(member).removesuffix(_ENDING)
        if not _NAME.fullmatch(name):
            strange.append(member)
        elif name in clips:
            twice[place, clips[name].place] += 1
        else:
            clips[name] = Clip(name, place, member)
    if not clips:
        example = f'S001C001P001R001A001{_ENDING}'
        raise InputError(f'{folder}: no file {example} or the like, nor a zip with one')
    skipped = {
        f'{count} recordings in {place}': f'also in {other}'
        for (place, other), count in twice.items()
    }
    if strange:
        what = f'{len(strange)} files such as {strange[0]}'
        skipped[what] = f'no names like S001C001P001R001A001{_ENDING}'
    return sorted(clips.values(), key=lambda clip: clip.name), skipped


def missing(folder) -> dict[str, str]:
    """Reads the lists of recordings whose skeletons are missing: name -> file of the list.

    Raises:
        InputError: a list cannot be read.
    """
    found = {}
    for path in sorted(Path(folder).rglob(f'*{_LISTS}')):
        try:
            text = path.read_text('latin-1')
        except OSError as error:
            raise InputError(f'{path}: cannot be read: {error.strerror}') from None
        found |= {match[0]: path.name for match in _NAME.finditer(text)}
    return found


def read(clip: Clip) -> Motion:
    """Reads one recording.

    Raises:
        FormatError: names the file, the line, what was found and expected.
    """
    path = os.path.join(clip.place, clip.member)
    if not clip.place.lower().endswith('.zip'):
        return ntu.read(path)
    try:
        archive = _archive(clip.place)
        size = archive.getinfo(clip.member).file_size
        if size > texts.UNPACKED:
            most = f'{texts.UNPACKED >> 20} MiB'
            raise FormatError(f'{path}: unpacks to {size} bytes, more than {most}')
        data = archive.read(clip.member)
    except (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise FormatError(f'{path}: cannot be read: {error}') from None
    return ntu.parse(data, path)


def _members(folder: Path) -> Iterator[tuple[str, str]]:
    """Yields (place, member) of all skeleton files, in folders first, then in zips."""
    zips = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.endswith(_ENDING):
                yield place, name
            elif name.lower().endswith('.zip'):
                zips.append(os.path.join(place, name))
    for place in zips:
        try:
            members = _archive(place).namelist()
        except (OSError, zipfile.BadZipFile) as error:
            raise InputError(f'{place}: not a zip that can be read: {error}') from None
        yield from ((place, member) for member in sorted(members) if member.endswith(_ENDING))


@functools.lru_cache(maxsize=4)  # reading the list of 50,000 members takes longer than a member
def _archive(place: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(place)
