"""Reads BORIS (www.boris.unito.it): its project, its tables of events and aggregated events.

A subject is a tier. Events of a state begin and end in turn; an event of a point has no
length. Modifiers are left out. A project names observations, and the media of each: either
may be the name of a recording.
"""

from collections.abc import Iterable
import csv
import io
from pathlib import Path, PureWindowsPath

from skeljax.errors import FormatError
from skeljax.formats import texts
from skeljax.formats.labels import Labels, mark

_NOBODY = ('No focal subject', 'NA')
_OBSERVATION = ('observation id', 'observation')
_MEDIA = ('media file name', 'media file', 'media file path', 'media files')
_START, _STOP = ('start (s)', 'start'), ('stop (s)', 'stop')
_KIND = ('behavior type', 'status', 'behaviour type')
_POINT = 'point'


def read(path) -> Labels:
    """Reads the labels of each observation.

    Raises:
        FormatError: a state that begins and does not end, or a member of another kind.
    """
    path = Path(path)
    try:
        project = path.suffix.lower() in ('.boris', '.json')
        return _project(path) if project else _table(path)
    except FormatError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        raise FormatError(f'{path}: no events of BORIS: {type(error).__name__} {error}') from None


def _project(path: Path) -> Labels:
    document = texts.document(path)
    kinds = {
        item['code']: str(item['type']).lower() for item in document['behaviors_conf'].values()
    }
    labels = Labels()
    for name, observation in document['observations'].items():
        where = f'{path}: {name}'
        offset = float(observation.get('time offset') or 0)
        events = []
        for number, event in enumerate(observation['events']):
            time, subject, behavior = event[:3]
            kind = _POINT if _POINT in kinds.get(behavior, '') else 'state'
            at = f'{where}: event {number}'
            events.append((float(time) + offset, subject, behavior, kind, at))
        labels.add(name, where)
        labels.aliases[name] = tuple(_media(observation.get('file')))
        _pair(labels, name, sorted(events, key=lambda event: event[0]))
    return labels


def _media(files) -> list[str]:
    """Returns the media of an observation by their names without folder and ending."""
    if not isinstance(files, dict):
        return []
    lists = (some if isinstance(some, list) else [some] for some in files.values())
    return [PureWindowsPath(file).stem for some in lists for file in some if file]


def _pair(labels: Labels, recording: str, events: Iterable[tuple]):
    """Adds the labels of events; those of a state begin and end in turn."""
    open_since: dict[tuple[str, str], tuple[float, str]] = {}
    for time, subject, behavior, kind, where in events:
        tier = '' if subject in _NOBODY else str(subject or '')
        if kind == _POINT:
            labels.add(recording, where, mark(time, time, behavior, where, tier=tier))
        elif (tier, behavior) in open_since:
            start, begun = open_since.pop((tier, behavior))
            labels.add(recording, where, mark(start, time, behavior, begun, tier=tier))
        else:
            open_since[tier, behavior] = time, where
    for (tier, behavior), (start, where) in open_since.items():
        # A damaged label, so that the error names all that is wrong with the recording.
        missing = f'no end of {behavior}'
        labels.add(recording, where, mark(start, missing, behavior, where, tier=tier))


def _table(path: Path) -> Labels:
    """Reads a table of events; older exports describe the observation above it."""
    text = texts.read(path, latin=True)
    lines = text.splitlines()
    head = next(
        (n for n, line in enumerate(lines) if _is_head(_cells(line))), None
    )
    if head is None:
        raise FormatError(f'{path}: no line of column names with Behavior')
    separator = _separator(lines[head])
    names = [name.strip().lower() for name in _cells(lines[head])]
    column = lambda *known: next((names.index(name) for name in known if name in names), None)
    places = [column(*n) for n in (_OBSERVATION, _MEDIA, ('subject',), ('behavior',), _KIND)]
    times = [column(*n) for n in (_START, _STOP, ('time',))]
    preamble = {row[0].strip().lower(): row[1] for row in map(_cells, lines[:head]) if len(row) > 1}
    labels, events = Labels(), {}
    reader = csv.reader(io.StringIO('\n'.join(lines[head + 1 :])), delimiter=separator)
    for row in reader:
        where = f'{path}:{head + 1 + reader.line_num}'
        if not any(row):
            continue
        stated = [row[place] if place is not None else '' for place in places]
        observation, media, subject, behavior, kind = stated
        name = observation or preamble.get('observation id') or path.stem
        labels.add(name, where)
        labels.aliases[name] = tuple(PureWindowsPath(m).stem for m in media.split(';') if m)
        if times[0] is not None and times[1] is not None:
            tier = '' if subject in _NOBODY else subject
            point = kind.lower() == _POINT
            start, stop = row[times[0]], row[times[0] if point else times[1]]
            labels.add(name, where, mark(start, stop, behavior, where, tier=tier))
        else:
            kind = _POINT if kind.lower() == _POINT else 'state'
            events.setdefault(name, []).append(
                (float(row[times[2]]), subject, behavior, kind, where)
            )
    for name, some in events.items():
        _pair(labels, name, sorted(some, key=lambda event: event[0]))
    return labels


def _is_head(cells: list[str]) -> bool:
    lower = [cell.strip().lower() for cell in cells]
    return 'behavior' in lower and bool({'time', 'start (s)', 'start'} & set(lower))


def _separator(line: str) -> str:
    return max(',\t;', key=line.count)


def _cells(line: str) -> list[str]:
    return next(csv.reader(io.StringIO(line), delimiter=_separator(line)), [])
