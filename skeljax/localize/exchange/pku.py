"""PKU-MMD's text files: one a recording, a line `label,start,end,confidence` a segment.

Times are frames, labels are numbers from 1 (Liu et al. 2017, arXiv 1703.07475). Truth and
results have the same form; a file without lines is a recording without segments.
Whether frames count from 0 with the end left out or from 1 with it included is documented
nowhere; `frame_base` 0 is the first reading, 1 the second, see `skeljax.formats.pku`.
"""

from __future__ import annotations

from pathlib import Path

from skeljax.errors import FormatError
from skeljax.formats import pku, texts
from skeljax.localize.exchange import parsed
from skeljax.localize.exchange.parsed import Row, Told
from skeljax.localize.exchange.sets import SegmentSet, file_of

_FIELDS = 'label,start,end,confidence'


def read(path: Path, *, frame_base: int = 0) -> Told:
    """Reads a file, or all text files of a folder; a recording has the name of its file.

    Where no other class list is given the classes are those of PKU-MMD.
    """
    files = sorted(path.rglob('*.txt')) if path.is_dir() else [path]
    found = Told(in_seconds=False, classes=pku.CLASSES, numbered=True)
    for file in files:
        name = file.relative_to(path).as_posix() if path.is_dir() else file.name
        name = name.removesuffix('.gz').removesuffix('.txt')
        found.subsets[name] = ''
        for number, line in enumerate(texts.read(file).splitlines(), 1):
            if line.strip():
                found.rows.append(_row(name, line, f'{file}:{number}', frame_base))
    return found


def write(folder: Path, segments: SegmentSet, *, frame_base: int = 0):
    """Writes a file a recording; one named 'a/b' lies in a folder of its own."""
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
