"""CSV files `recording,label,start,end,score`, in seconds or frames.

Columns `start` and `end` (also `start_seconds`, `end_seconds`) are seconds, `start_frame` and
`end_frame` are frames, which take precedence. `video`, `file` or `name` are synonyms of
`recording`; `class` or `action` of `label`; `confidence` of `score`. Without a score column all
scores are 1. A recording without segments has one row with only its name. Names that a
spreadsheet would evaluate as a formula are written with a leading quote, which is removed on
reading (`skeljax.formats.formulas`).
"""

from __future__ import annotations

import csv
from pathlib import Path

from skeljax.errors import FormatError
from skeljax.formats import cells, formulas, labels
from skeljax.localize.exchange import parsed
from skeljax.localize.exchange.parsed import ParsedFile, Row
from skeljax.localize.exchange.sets import SegmentSet

_LABEL = ('label', 'class', 'action')
_SCORE = ('score', 'confidence')
_FRAMES = (('start_frame', 'first_frame'), ('end_frame',))
_SECONDS = (('start', 'start_seconds'), ('end', 'end_seconds'))


def read(path: Path) -> ParsedFile:
    """Reads a table with column names in its first line."""
    sheet = cells.read(path)
    bounds = [sheet.column(*names) for names in _FRAMES]
    in_seconds = None in bounds
    bounds = [sheet.column(*names) for names in _SECONDS] if in_seconds else bounds
    columns = [sheet.column(*labels.RECORDING), sheet.column(*_LABEL), *bounds]
    if None in columns:
        shown = ', '.join(sheet.names)[:80]
        expected = 'recording, label, start and end or start_frame and end_frame'
        raise FormatError(f'{path}:1: columns {shown}, expected {expected}')
    score = sheet.column(*_SCORE)
    named = [sheet.names[column] for column in bounds]
    result = ParsedFile(in_seconds=in_seconds)
    for line, row in zip(sheet.lines, sheet.rows, strict=True):
        where = f'{path}:{line}'
        recording, label, *ends = (row[column] for column in columns)
        recording, label = formulas.plain(recording), formulas.plain(label)
        if not any(row):  # spreadsheets write empty rows at the end
            continue
        if not recording:
            raise FormatError(f'{where}: {sheet.names[columns[0]]} is missing')
        result.subsets[recording] = ''
        if not any(row[column] for column in columns[1:]):
            continue
        start, end = (parsed.number(v, name, where) for v, name in zip(ends, named, strict=True))
        value = 1.0 if score is None else parsed.number(row[score], sheet.names[score], where)
        result.rows.append(Row(recording, parsed.label(label, where), start, end, value, where))
    return result


def write(path: Path, segments: SegmentSet, *, in_frames: bool = False):
    """Writes a table in seconds, with microsecond precision, or in frames."""
    ends = ['start_frame', 'end_frame'] if in_frames else ['start', 'end']
    with path.open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(['recording', 'label', *ends, 'score'])
        for name, of in segments.segments.items():
            recording = formulas.guarded(name)
            if not len(of):
                writer.writerow([recording, '', '', '', ''])
            for start, end, label, score in zip(of.start, of.end, of.label, of.score, strict=True):
                bounds = [int(start), int(end)]
                if not in_frames:
                    bounds = [f'{frame / segments.rate(name):.6f}' for frame in bounds]
                named = formulas.guarded(segments.classes[label])
                writer.writerow([recording, named, *bounds, repr(float(score))])
