"""Text files of PKU-MMD: one per recording, one line `label,start,end,confidence` per segment.

Times are frames, labels are numbers from 1 (Liu et al. 2017, arXiv 1703.07475). Truth and
results have the same form; an empty file is a recording without segments. It is not documented
whether frames count from 0 with an exclusive end (`frame_base` 0) or from 1 with an inclusive
end (`frame_base` 1), see `skeljax.formats.pku`.
"""

from __future__ import annotations

from pathlib import Path

from skeljax.errors import FormatError
from skeljax.formats import pku, texts
from skeljax.localize.exchange import parsed
from skeljax.localize.exchange.parsed import ParsedFile, Row
from skeljax.localize.exchange.sets import SegmentSet, file_of

_FIELDS = 'label,start,end,confidence'


def read(path: Path, *, frame_base: int = 0) -> ParsedFile:
    """Reads a file, or all text files of a folder; recordings are named by their files.

    The default class list is that of PKU-MMD.
    """
    files = sorted(path.rglob('*.txt')) if path.is_dir() else [path]
    result = ParsedFile(in_seconds=False, classes=pku.CLASSES, numbered=True)
    for file in files:
        name = file.relative_to(path).as_posix() if path.is_dir() else file.name
        name = name.removesuffix('.gz').removesuffix('.txt')
        result.subsets[name] = ''
        for number, line in enumerate(texts.read(file).splitlines(), 1):
            if line.strip():
                result.rows.append(_row(name, line, f'{file}:{number}', frame_base))
    return result


def write(folder: Path, segments: SegmentSet, *, frame_base: int = 0):
    """Writes one file per recording; recording 'a/b' is written to the subfolder a."""
    for name, of in segments.segments.items():
        file = file_of(folder, name, '.txt')
        rows = zip(of.label + 1, of.start + frame_base, of.end, of.score, strict=True)
        lines = [f'{label},{start},{end},{float(score)!r}\n' for label, start, end, score in rows]
        file.write_text(''.join(lines), encoding='utf-8')


def _row(name: str, line: str, where: str, frame_base: int) -> Row:
    fields = line.split(',')
    if len(fields) != 4:
        raise FormatError(f'{where}: {line.strip()[:40]!r}, expected {_FIELDS}')
    label, *numbers = (field.strip() for field in fields)
    start, end, score = (
        parsed.number(text, field, where)
        for text, field in zip(numbers, ('start', 'end', 'confidence'), strict=True)
    )
    return Row(name, parsed.label(label, where), start - frame_base, end, score, where)
