"""Reads a table of segments of one recording: where they begin and end, and their label.

Columns as DLC2Action has them: `from` or `start`, `to` or `end`, and `class`, `behavior`,
`label` or `type`. Times that are all whole numbers are frames, others seconds; columns
named `start_frame` or `start_seconds` determine it.
"""

from pathlib import Path

from skeljax.errors import FormatError
from skeljax.formats import cells
from skeljax.formats.labels import Labels, mark

START = ('start_frame', 'start_seconds', 'from', 'start', 'begin', 'onset')
_END = ('end_frame', 'end_seconds', 'to', 'end', 'stop', 'offset')
_LABEL = ('class', 'behavior', 'behaviour', 'label', 'type', 'action')
_TIER = ('animal', 'animal_name', 'individual', 'subject', 'tier')
_SUFFIXES = ('_annotation', '_annotations', '_labels', '_label')


def read(path) -> Labels:
    """Reads the labels of one recording, named as the file without `_labels` and the like.

    Raises:
        FormatError: a column is missing.
    """
    path = Path(path)
    sheet = cells.read(path)
    start, end, label, tier = (sheet.column(*n) for n in (START, _END, _LABEL, _TIER))
    if None in (start, end, label):
        found = ', '.join(sheet.names)[:80]
        raise FormatError(f'{path}:1: columns {found}, expected from, to and class')
    rows = [(line, row) for line, row in zip(sheet.lines, sheet.rows, strict=True) if any(row)]
    name = sheet.names[start].lower()
    whole = all(_is_whole(row[column]) for _, row in rows for column in (start, end))
    in_frames = name.endswith('_frame') or (whole and not name.endswith('_seconds'))
    labels = Labels()
    recording = next(
        (path.stem.removesuffix(suffix) for suffix in _SUFFIXES if path.stem.endswith(suffix)),
        path.stem,
    )
    labels.add(recording, str(path))
    if in_frames and not name.endswith('_frame') and rows:
        labels.notes.append(f'{path}: times are whole numbers: taken for frames')
    for line, row in rows:
        of = '' if tier is None else row[tier]
        one = mark(row[start], row[end], row[label], f'{path}:{line}', tier=of, in_frames=in_frames)
        labels.segments[recording].append(one)
    return labels


def _is_whole(cell: str) -> bool:
    return cell.removesuffix('.0').isdecimal()
