"""Reads segments from files of annotation programs, and writes projects of BORIS.

The formats are those of `skeljax.formats.annotations`: ELAN, Praat, Anvil, BORIS, VIA, Label
Studio, WebVTT, NWB, and tables of SimBA and DLC2Action. Times are seconds, in some formats frames.
"""

from __future__ import annotations

from collections.abc import Iterable
import datetime
import json
from pathlib import Path

from skeljax.errors import FormatError
from skeljax.formats import annotations as programs
from skeljax.formats.labels import Label
from skeljax.localize.exchange.parsed import ParsedFile, Row
from skeljax.localize.exchange.sets import SegmentSet


def read(paths: Iterable[Path], *, tier: str | None = None, root: Path | None = None) -> ParsedFile:
    """Reads the labels of files; each file has other recordings.

    Args:
        paths: the files.
        tier: tier to read, see `annotations.read`.
        root: if given, recordings are named by the path of their file below it.

    Raises:
        FormatError: an invalid label, or some files in seconds and others in frames.
    """
    labels = programs.gather(paths, tier=tier, root=root)
    marks = [mark for some in labels.segments.values() for mark in some]
    damaged = next((mark.damage for mark in marks if mark.damage), None)
    if damaged:
        raise FormatError(damaged)
    units = {mark.in_frames for mark in marks}
    if len(units) > 1:
        one, other = (next(m for m in marks if m.in_frames is unit) for unit in (True, False))
        raise FormatError(f'{one.where}: in frames, but {other.where} in seconds; expected one')
    result = ParsedFile(in_seconds=units != {True}, subsets=dict.fromkeys(labels.segments, ''))
    result.rows = [
        _row(name, mark) for name, some in labels.segments.items() for mark in some
    ]
    result.subsets |= labels.subsets
    return result


def _row(name: str, mark: Label) -> Row:
    # An event without duration becomes one frame, the minimum of a segment.
    end = mark.end if mark.end > mark.start else mark.start + 1e-9
    return Row(name, mark.name, mark.start, end, 1.0, mark.where)


def write_boris(path: Path, segments: SegmentSet):
    """Writes a project of BORIS: one observation per recording, one state event per segment.

    Overlapping segments of one class are merged, because a state cannot start twice.
    """
    observations = {}
    for name, of in segments.segments.items():
        events = []
        for label, code in enumerate(segments.classes):
            for start, end in _merged(of[of.label == label]):
                times = (round(frame / segments.rate(name), 6) for frame in (start, end))
                events += [[time, '', code, '', ''] for time in times]
        observations[name] = {
            'file': [], 'type': 'LIVE', 'date': _now(), 'description': '', 'time offset': 0.0,
            'events': sorted(events, key=lambda event: event[0]), 'time interval': [0, 0],
            'independent_variables': {}, 'scan_sampling_time': 0,
        }
    behaviors = {
        str(index): {
            'type': 'State event', 'key': '', 'code': code, 'description': '', 'category': '',
            'modifiers': '', 'excluded': '', 'coding map': '',
        }
        for index, code in enumerate(segments.classes)
    }
    document = {
        'time_format': 'hh:mm:ss', 'project_date': _now(), 'project_name': path.stem,
        'project_description': 'written by skeljax', 'project_format_version': '7.0',
        'subjects_conf': {}, 'behaviors_conf': behaviors, 'observations': observations,
        'behavioral_categories': [], 'independent_variables': {}, 'coding_map': {},
        'behaviors_coding_map': [], 'converters': {},
    }
    path.write_text(json.dumps(document, indent=1) + '\n', encoding='utf-8')


def _merged(of) -> list[tuple[int, int]]:
    """Merges overlapping segments of one class."""
    spans: list[tuple[int, int]] = []
    for start, end in sorted(zip(of.start.tolist(), of.end.tolist(), strict=True)):
        if spans and start < spans[-1][1]:
            spans[-1] = spans[-1][0], max(end, spans[-1][1])
        else:
            spans.append((start, end))
    return spans


def _now() -> str:
    return datetime.datetime.now().isoformat(timespec='seconds')
