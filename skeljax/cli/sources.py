"""Finds the recordings named on the command line: files, folders, parts of a prepared corpus."""

from collections.abc import Mapping, Sequence
import os
from pathlib import Path, PurePosixPath
import re
from typing import NamedTuple

from skeljax import formats
from skeljax.data import folder as folders, records
from skeljax.data.corpus import Corpus
from skeljax.data.records import Recording
from skeljax.errors import FormatError, InputError
from skeljax.formats import frame_folders
from skeljax.inference import scoring
from skeljax.localize.segments import Segments

_OPTION = re.compile('the option (fps|layout|unit|up|subject)')


class Source(NamedTuple):
    """One recording, not yet read.

    Attributes:
        name: name of its results, unique among sources found together; 'monday/walk' is a
            recording of a folder.
        file: file of the recording, or folder with a file for each frame; None in a corpus.
        prepared: corpus, split and recording; () for a file.
    """

    name: str
    file: Path | None = None
    prepared: tuple[str, ...] = ()

    def __str__(self) -> str:
        return str(self.file) if self.file else ':'.join(self.prepared)

    def described(self, options: Mapping, data_dir, folder: Path) -> dict:
        """Returns the place of the recording for JSON; paths are relative to `folder`."""
        if self.file:
            given = {name: value for name, value in options.items() if value is not None}
            return {'file': os.path.relpath(self.file, folder), **given}
        corpus, split, name = self.prepared
        data_dir = os.path.relpath(data_dir, folder)
        return {'corpus': corpus, 'split': split, 'recording': name, 'data_dir': data_dir}


def find(given: Sequence[str], out: Path, note=lambda _: None) -> list[Source]:
    """Returns recordings in the order given, those of a folder sorted, without repetition.

    The name of a recording in a folder is its path below the folder, without the ending. Equal
    names are extended by the names of parent folders; equal names in one folder keep their
    endings.

    Args:
        given: files, folders (searched at any depth) or CORPUS:SPLIT:NAME.
        out: folder of the results, which is not searched.
        note: called with a line for each folder with files that were left out.

    Raises:
        InputError: a folder has no recordings, or is `out` itself.
    """
    found: dict[Path | tuple, Source] = {}
    for text in given:
        path = Path(text)
        if len(text.split(':')) == 3 and not path.exists():
            parts = tuple(text.split(':'))
            found.setdefault(parts, Source(parts[2], None, parts))
        elif path.is_dir() and not frame_folders.is_frames(path):
            for file in _inside(path, out, note):
                inside = file.relative_to(path)
                name = inside.with_name(_stem(file)).as_posix()
                found.setdefault(file.resolve(), Source(name, file))
        else:
            found.setdefault(path.resolve(), Source(_stem(path), path))
    return _apart(list(found.values()))


def read(
    source: Source, data_dir, options: Mapping, note=lambda _: None
) -> tuple[Recording, Segments | None]:
    """Reads a recording and, from a prepared corpus, its true segments.

    Args:
        source: the recording.
        data_dir: folder of prepared corpora.
        options: options of `skeljax.formats.read` for properties that a file does not state.
        note: called with a line for each guess of the reader.

    Raises:
        InputError: the recording is missing or damaged. Where the frame rate is unknown, the
            message names the option of the command line.
    """
    if source.file:
        try:
            motion = formats.read(source.file, **options)
        except FormatError as error:
            raise FormatError(_as_typed(str(error))) from None
        for line in motion.notes:
            note(f'{source}: {_as_typed(line)}')
        return records.from_motion(motion, name=source.name), None
    name, split, wanted = source.prepared
    corpus = Corpus(data_dir, name, split)
    for recording in corpus:
        if recording.name == wanted:
            return recording, scoring.truth([recording])[wanted]
    some = ', '.join(r.name for r, _ in zip(corpus, range(3)))
    raise InputError(f'{name} {split}: no recording {wanted!r}; there are {some}, ...')


def _as_typed(text: str) -> str:
    """Replaces names of options by those of the command line."""
    return _OPTION.sub(r'--\1', text)


def _inside(folder: Path, out: Path, note) -> list[Path]:
    """Lists the recordings below a folder, except those in the folder of the results."""
    out, inside = out.resolve(), out.resolve().is_relative_to(folder.resolve())
    if folder.resolve() == out:
        raise InputError(
            f'{folder}: the results would lie among the recordings; '
            'choose another folder by --out'
        )
    strange: list[str] = []
    walked = folders.recordings(folder, strange)
    files = [f for f in walked if not (inside and f.resolve().is_relative_to(out))]
    if not files:
        known = ', '.join(formats.endings())
        raise InputError(f'{folder}: no recording, expected files ending in {known}')
    if strange:
        note(f'{folder}: left out {len(strange)} files of no known format, e.g. {strange[0]}')
    return files


def _stem(path: Path) -> str:
    return path.resolve().name if path.is_dir() else formats.stem(path)


def _apart(sources: Sequence[Source]) -> list[Source]:
    """Extends equal names by parent folders until all names differ."""
    wholes = [_whole(source) for source in sources]
    stems = [
        whole.with_name(_stem(source.file)) if source.file else whole
        for source, whole in zip(sources, wholes, strict=True)
    ]
    # Files of one folder with equal stems differ only in their endings.
    ends = [
        whole if stems.count(stem) > 1 else stem
        for stem, whole in zip(stems, wholes, strict=True)
    ]
    depths = [source.name.count('/') + 1 for source in sources]
    names = [_last(end, depth) for end, depth in zip(ends, depths, strict=True)]
    while len(set(names)) < len(names):
        twice = {name for name in names if names.count(name) > 1}
        depths = [depth + (name in twice) for name, depth in zip(names, depths, strict=True)]
        names = [_last(end, depth) for end, depth in zip(ends, depths, strict=True)]
    return [source._replace(name=name) for source, name in zip(sources, names, strict=True)]


def _whole(source: Source) -> PurePosixPath:
    if source.file:
        return PurePosixPath(source.file.resolve().as_posix())
    return PurePosixPath('/', *source.prepared)


def _last(path: PurePosixPath, count: int) -> str:
    """Joins the last `count` parts of a path."""
    return '/'.join(path.parts[1:][-count:])
