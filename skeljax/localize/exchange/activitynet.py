"""JSON files of ActivityNet: predictions under `results`, the truth under `database`.

    {"results": {NAME: [{"label", "score", "segment": [start, end]}]}}
    {"database": {NAME: {"subset", "duration", "annotations": [{"label", "segment"}]}}}

All times are seconds (Heilbron et al. 2015; activity-net.org). Two members, which other readers
ignore, are read and written too: `fps`, of the file or of an entry of the database, and
`classes`, the names of all classes.
"""

from __future__ import annotations

from collections.abc import Mapping
import json
from pathlib import Path

from skeljax.errors import FormatError
from skeljax.localize.exchange import parsed
from skeljax.localize.exchange.parsed import ParsedFile, Row
from skeljax.localize.exchange.sets import SegmentSet


def read_results(path, document: Mapping) -> ParsedFile:
    """Reads predictions; scores are required."""
    result = ParsedFile(classes=parsed.names(document, path))
    for name, items in parsed.member(document, 'results', dict, path).items():
        where = f'{path}: {name}'
        result.subsets[name] = ''
        if not isinstance(items, list):
            raise FormatError(f'{where}: {str(items)[:40]!r}, expected a list of segments')
        for index, item in enumerate(items):
            at = f'{where}: segment {index}'
            start, end, label = _segment(item, at)
            score = parsed.number(item.get('score'), 'score', at)
            result.rows.append(Row(name, label, start, end, score, at))
    _same_fps(result, document, path)
    return result


def read_database(path, document: Mapping) -> ParsedFile:
    """Reads a truth; a recording without annotations has no segments."""
    result = ParsedFile(classes=parsed.names(document, path))
    database = parsed.member(document, 'database', dict, path)
    result.subsets = dict.fromkeys(database, '')
    _same_fps(result, document, path)
    for name, entry in database.items():
        where = f'{path}: {name}'
        entry = {'annotations': [], **_object(entry, where)}
        items = parsed.member(entry, 'annotations', list, where)
        result.subsets[name] = str(entry.get('subset') or '')
        if entry.get('fps') is not None:
            result.fps[name] = parsed.positive(entry['fps'], 'fps', where)
        if entry.get('duration') is not None:
            result.seconds[name] = parsed.positive(entry['duration'], 'duration', where)
        for index, item in enumerate(items):
            at = f'{where}: annotation {index}'
            start, end, label = _segment(item, at)
            result.rows.append(Row(name, label, start, end, 1.0, at))
    return result


def write_results(path: Path, segments: SegmentSet):
    """Writes predictions, with times in microsecond precision."""
    results = {
        name: [item | {'score': score} for item, score in _items(segments, name)]
        for name in segments.segments
    }
    head = {'version': 'VERSION 1.3', 'external_data': {}}
    _write(path, head | _head(segments) | {'results': results})


def write_database(path: Path, segments: SegmentSet):
    """Writes a truth, with times in microsecond precision."""
    database = {}
    for name in segments.segments:
        entry = {'subset': segments.subsets.get(name, '')}
        if name in segments.frames:
            entry['duration'] = round(segments.frames[name] / segments.rate(name), 6)
        database[name] = entry | {'annotations': [item for item, _ in _items(segments, name)]}
    _write(path, {'version': 'VERSION 1.3'} | _head(segments) | {'database': database})


def _segment(item, where: str) -> tuple[float, float, str]:
    ends = parsed.member(item, 'segment', list, where)
    if len(ends) != 2:
        raise FormatError(f'{where}: segment is {str(ends)[:40]}, expected [start, end] in seconds')
    start, end = (parsed.number(value, f'segment[{i}]', where) for i, value in enumerate(ends))
    return start, end, parsed.label(item.get('label'), where)


def _object(entry, where: str) -> dict:
    if not isinstance(entry, dict):
        raise FormatError(f'{where}: {str(entry)[:40]!r}, expected an object with "annotations"')
    # null is read as an absent member.
    return {key: value for key, value in entry.items() if value is not None}


def _same_fps(result: ParsedFile, document: Mapping, path):
    if document.get('fps') is not None:
        result.fps = dict.fromkeys(result.subsets, parsed.positive(document['fps'], 'fps', path))


def _head(segments: SegmentSet) -> dict:
    rate = {} if segments.fps is None else {'fps': segments.fps}
    return rate | {'classes': list(segments.classes)}


def _items(segments: SegmentSet, name: str):
    of, fps = segments.segments[name], segments.rate(name)
    for start, end, label, score in zip(of.start, of.end, of.label, of.score, strict=True):
        ends = [round(int(frame) / fps, 6) for frame in (start, end)]
        yield {'label': segments.classes[label], 'segment': ends}, float(score)


def _write(path: Path, document: dict):
    path.write_text(json.dumps(document) + '\n', encoding='utf-8')
