"""JSON files of `skeljax predict`: one per recording, alone or in a folder.

    {"recording", "fps", "frames", "segments": [{"label", "start_frame", "end_frame",
     "start_seconds", "end_seconds", "score"}]}

Frames take precedence over seconds. A missing score is 1, as in a truth.
"""

from __future__ import annotations

from collections.abc import Mapping
import json
from pathlib import Path

from skeljax.errors import FormatError
from skeljax.localize.exchange import parsed
from skeljax.localize.exchange.parsed import ParsedFile, Row
from skeljax.localize.exchange.sets import SegmentSet, file_of
from skeljax.localize.segments import to_json_dict


def read(documents: Mapping[Path, Mapping]) -> ParsedFile:
    """Reads one recording per file.

    Args:
        documents: path -> parsed JSON.
    """
    result, where = ParsedFile(in_seconds=False), {}
    for path, document in documents.items():
        items = parsed.member(document, 'segments', list, path)
        name = document.get('recording') or path.stem
        if not isinstance(name, str):
            raise FormatError(f'{path}: recording is {str(name)[:40]!r}, expected a name')
        if name in where:
            raise FormatError(f'{path}: recording {name!r} again, as in {where[name]}')
        where[name], result.subsets[name] = path, ''
        result.fps[name] = fps = parsed.positive(document.get('fps'), 'fps', path)
        if document.get('frames') is not None:
            result.frames[name] = round(parsed.positive(document['frames'], 'frames', path))
        for index, item in enumerate(items):
            at = f'{path}: {name}: segment {index}'
            if not isinstance(item, dict):
                raise FormatError(f'{at}: {str(item)[:40]!r}, expected an object')
            start, end = (_frame(item, edge, fps, at) for edge in ('start', 'end'))
            score = parsed.number(item.get('score', 1.0), 'score', at)
            label = parsed.label(item.get('label'), at)
            result.rows.append(Row(name, label, start, end, score, at))
    return result


def write(folder: Path, segments: SegmentSet):
    """Writes NAME.json for every recording; unlike `skeljax predict`, without the model."""
    for name, of in segments.segments.items():
        file, fps = file_of(folder, name, '.json'), segments.rate(name)
        document = {'recording': name, 'fps': fps}
        if name in segments.frames:
            frames = segments.frames[name]
            document |= {'frames': frames, 'seconds': frames / fps}
        document['segments'] = to_json_dict(of, classes=segments.classes, fps=fps)
        file.write_text(json.dumps(document, indent=1) + '\n', encoding='utf-8')


def _frame(item: Mapping, edge: str, fps: float, where: str) -> float:
    if item.get(f'{edge}_frame') is not None:
        return parsed.number(item[f'{edge}_frame'], f'{edge}_frame', where)
    return parsed.number(item.get(f'{edge}_seconds'), f'{edge}_seconds', where) * fps
