"""Reads what happens when: CSV `recording,start,end,label`, or ActivityNet's JSON.

Times are seconds from the first frame. Files of annotation programs are read by
`skeljax.formats.annotations`. In CSV a recording of which nothing is labeled
has one row without start, end and label; `video` or `file` may stand for `recording`.
In ActivityNet's JSON, {"database": {NAME: {"subset", "annotations": [{"segment": [start,
end], "label"}]}}}, such a recording has no annotations.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
import json
import math
from pathlib import Path

from skeljax.errors import FormatError, is_name
from skeljax.formats import cells, formulas, texts

RECORDING = ('recording', 'video', 'file', 'name')
_START = ('start', 'start_seconds', 'begin', 'onset')
_END = ('end', 'end_seconds', 'stop', 'offset')
_LABEL = ('label', 'class', 'action')
# What is done with segments that overlap: both stay as they are; the later one begins where
# the one before ends, and is left out where it is within that; they are an error.
OVERLAPS = ('keep', 'cut', 'refuse')
_SUBSETS = {
    'train': 'train', 'training': 'train', 'val': 'validation', 'validation': 'validation',
    'test': 'test', 'testing': 'test',
}


@dataclass(frozen=True)
class Label:
    """One labeled segment.

    Attributes:
        start, end: seconds, or frames.
        name: of the class.
        where: file and line, for messages.
        damage: what is wrong with it, '' for nothing; reported by `to_frames`, so that one
            mistake does not hide another.
        tier: of the file, on which it is, '' if there are no tiers.
        in_frames: whether start and end count frames, not seconds.
    """

    start: float
    end: float
    name: str
    where: str
    damage: str = ''
    tier: str = ''
    in_frames: bool = False

    def seconds(self, fps: float) -> tuple[float, float]:
        """Returns start and end in seconds."""
        scale = fps if self.in_frames else 1.0
        return self.start / scale, self.end / scale


@dataclass
class Labels:
    """The labels of a corpus.

    Attributes:
        segments: recording -> its labels, by start.
        subsets: recording -> 'train', 'validation' or 'test', if given.
        where: recording -> file and line that first names it.
        aliases: recording -> what else it may be called, the likelier first.
        notes: what was estimated or left out, one line each.
    """

    segments: dict[str, list[Label]] = field(default_factory=dict)
    subsets: dict[str, str] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, recording: str, where: str, *marks: Label):
        """Adds labels of a recording, which has none so far where none is given."""
        self.segments.setdefault(recording, []).extend(marks)
        self.where.setdefault(recording, where)

    def classes(self) -> tuple[str, ...]:
        """Returns the names of the classes in alphabetical order."""
        every = (label for some in self.segments.values() for label in some)
        return tuple(sorted({label.name for label in every if not label.damage}))


def read(path) -> Labels:
    """Reads the labels of a corpus, .csv or .json.

    An impossible or repeated segment is read as damaged.

    Raises:
        FormatError: names the line of what makes the whole table doubtful: no UTF-8, no
            header, a row of another length, a row or an entry of no recording.
    """
    path = Path(path)
    labels = _activitynet(path) if path.suffix.lower() == '.json' else _csv(path)
    return checked(labels)


def checked(labels: Labels) -> Labels:
    """Sorts labels by time; one that occurs twice becomes a damaged one."""
    for some in labels.segments.values():
        some.sort(key=lambda label: (label.start, label.end))
        first: dict[tuple, str] = {}
        for index, label in enumerate(some):
            key = label.start, label.end, label.name, label.tier
            if not label.damage and first.setdefault(key, label.where) != label.where:
                again = f'{label.where}: the segment of {first[key]} again'
                some[index] = replace(label, damage=again)
    return labels


def to_frames(
    labels: Sequence[Label],
    *,
    fps: float,
    frames: int,
    classes: Sequence[str],
    overlaps: str = 'keep',
) -> list[tuple[int, int, int]]:
    """Converts labels in seconds to segments [start, end) in frames.

    Both ends go to the nearest frame, `floor(seconds * fps + 1/2)`. A segment has at
    least one frame, may go one frame beyond the last, and starts where the one before
    ends if they share no more than one frame.

    Args:
        labels: of one recording, by start.
        fps: frames per second.
        frames: of the recording.
        classes: whose index is the label.
        overlaps: what is done with segments that share more frames, of `OVERLAPS`.

    Returns:
        (start, end, label) of each.

    Raises:
        FormatError: damaged labels, an unknown class, a segment beyond the end or, with
            'refuse', over another; all of them, one line each.
    """
    segments, troubles = [], []
    before: Label | None = None
    for label in labels:
        start, end = (math.floor(seconds * fps + 0.5) for seconds in label.seconds(fps))
        end = max(end, start + 1)
        trouble = label.damage or _misplaced(label, start, end, frames, fps, classes)
        end = min(end, frames)
        if not trouble and segments and start < segments[-1][1]:
            rounding = segments[-1][1] - start == 1 and segments[-1][1] < end
            if not rounding and overlaps == 'refuse':
                trouble = _overlapping(label, before, fps)
            if overlaps == 'cut' and segments[-1][1] >= end:
                continue
            if rounding or overlaps == 'cut':
                start = segments[-1][1]
        if trouble:
            troubles.append(trouble)
            continue
        segments.append((start, end, classes.index(label.name)))
        before = label
    if troubles:
        raise FormatError.of_lines(troubles)
    return segments


def _overlapping(label: Label, before: Label, fps: float) -> str:
    """Returns the message for two labels that overlap."""
    (start, end), (earlier, until) = label.seconds(fps), before.seconds(fps)
    return (
        f'{label.where}: {start:g} to {end:g} s overlaps {earlier:g} to {until:g} s of '
        f'{before.where}; the option overlaps keeps or cuts it'
    )


def _misplaced(label: Label, start: int, end: int, frames: int, fps: float, classes) -> str:
    """Returns why a segment is not inside its recording, '' if it is."""
    if label.name not in classes:
        known = ', '.join(classes[:12])
        return f'{label.where}: unknown class {label.name!r}, known: {known}'
    if end > frames + 1 or start >= frames:
        first, last = label.seconds(fps)
        return (
            f'{label.where}: {first:g} to {last:g} s, but the recording ends '
            f'after {frames / fps:.3f} s ({frames} frames)'
        )
    return ''


def subset(text: str, where: str) -> str:
    """Reads the name of a split."""
    if text.lower() not in _SUBSETS:
        raise FormatError(f'{where}: split {text!r}, expected train, validation or test')
    return _SUBSETS[text.lower()]


def _csv(path: Path) -> Labels:
    sheet = cells.read(path)
    columns = [sheet.column(*names) for names in (RECORDING, _START, _END, _LABEL)]
    if None in columns:
        found = ', '.join(sheet.names)[:80]
        raise FormatError(f'{path}:1: columns {found}, expected recording, start, end, label')
    labels = Labels()
    for line, row in zip(sheet.lines, sheet.rows, strict=True):
        where = f'{path}:{line}'
        recording, start, end, name = (row[column] for column in columns)
        recording, name = formulas.plain(recording), formulas.plain(name)
        if not any(row):  # spreadsheets end so
            continue
        if not recording:
            raise FormatError(f'{where}: no recording is named')
        labels.add(recording, where)
        if start or end or name:
            labels.segments[recording].append(mark(start, end, name, where))
    return labels


class _Object(dict):
    """A JSON object that remembers keys given twice."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self.pairs = pairs


def _activitynet(path: Path) -> Labels:
    text = texts.read(path)
    document = texts.document(path, text, _Object)
    database = document.get('database') if isinstance(document, dict) else None
    if not isinstance(database, _Object):
        raise FormatError(f'{path}: no "database" of recordings')
    labels, begin = Labels(), 0
    for recording, entry in database.pairs:
        begin, where = _place(path, text, recording, begin)
        if recording in labels.where:
            raise FormatError(f'{where}: {recording!r} again, as in {labels.where[recording]}')
        if not isinstance(entry, dict) or not isinstance(entry.get('annotations', []), list):
            raise FormatError(f'{where}: {recording}: expected an object with "annotations"')
        labels.add(recording, where)
        if entry.get('subset'):
            labels.subsets[recording] = subset(str(entry['subset']), where)
        for number, item in enumerate(entry.get('annotations', [])):
            at = f'{where}: {recording}: annotation {number}'
            item = item if isinstance(item, dict) else {}
            ends, name = item.get('segment'), item.get('label')
            start, end = ends if isinstance(ends, list) and len(ends) == 2 else (None, None)
            name = name if isinstance(name, str) else ''
            labels.segments[recording].append(mark(start, end, name, at))
    return labels


def _place(path: Path, text: str, recording: str, begin: int) -> tuple[int, str]:
    """Returns the line that names a recording, behind the one before."""
    keys = {json.dumps(recording), json.dumps(recording, ensure_ascii=False)}
    found = max(text.find(key, begin) for key in keys)
    if found < 0:
        return begin, str(path)
    return found + 1, f'{path}:{text.count(chr(10), 0, found) + 1}'


def mark(
    start, end, name: str, where: str, *, tier: str = '', in_frames: bool = False
) -> Label:
    """Returns the label of one segment; an impossible one is damaged.

    Args:
        start, end: numbers, or texts of numbers, from the start of the recording.
        name: of the class.
        where: file and line, for messages.
        tier: on which it stands.
        in_frames: whether start and end are frames, not seconds.
    """
    unit = 'frames' if in_frames else 'seconds'
    damaged = lambda what: Label(0.0, 0.0, '', where, f'{where}: {what}', tier)
    try:
        seconds = float(start), float(end)
    except (TypeError, ValueError, OverflowError):
        return damaged(f'from {str(start)[:20]!r} to {str(end)[:20]!r}, expected {unit}')
    if not 0 <= seconds[0] <= seconds[1] < 1e9:
        expected = 'expected a start from 0 and an end behind it'
        short = 's' if unit == 'seconds' else unit
        return damaged(f'from {seconds[0]:g} to {seconds[1]:g} {short}, {expected}')
    if not name:
        return damaged('no label')
    if not is_name(name):
        return damaged(f'label {name!r:.60} has a control character')
    return Label(*seconds, name, where, '', tier, in_frames)
