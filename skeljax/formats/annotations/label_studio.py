"""Reads Label Studio's exports, JSON and JSON-MIN (labelstud.io/guide/export).

Segments of videos (`timelinelabels`) count frames from 1, both ends included; those of
time series and audio are seconds. The tag that a label comes from is its tier. Of several
annotations of a task the first that was not canceled counts.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, urlsplit

from skeljax.errors import FormatError
from skeljax.formats import texts
from skeljax.formats.labels import Label, Labels, mark

_SECONDS = ('timeserieslabels', 'labels', 'hypertextlabels')
_FILES = ('video', 'audio', 'csv', 'timeseries', 'ts', 'url', 'file')


def read(path) -> Labels:
    """Reads the labels of each task, named as its file without the ending.

    Raises:
        FormatError: no task names a file, or a member of another kind.
    """
    path = Path(path)
    labels = Labels()
    for number, task in enumerate(texts.document(path)):
        where = f'{path}: task {number}'
        try:
            recording = _recording(task, where)
            labels.add(recording, where, *_marks(task, where, labels))
        except FormatError:
            raise
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise FormatError(f'{where}: no task of Label Studio: {error}') from None
    return labels


def _recording(task: dict, where: str) -> str:
    """Names a task by its file; uploads have a random prefix of eight characters."""
    data = task.get('data', task)
    named = [data[key] for key in _FILES if isinstance(data.get(key), str)]
    named += [value for value in data.values() if isinstance(value, str) and '.' in value[-6:]]
    if not named:
        raise FormatError(f'{where}: names no file of a recording')
    parts = urlsplit(named[0])
    inside = parse_qs(parts.query).get('d', [parts.path])[0]
    stem = PurePosixPath(inside.replace('\\', '/')).stem
    prefix, dash, rest = stem.partition('-')
    return rest if dash and len(prefix) == 8 and _is_hex(prefix) else stem


def _is_hex(word: str) -> bool:
    return all(character in '0123456789abcdef' for character in word)


def _marks(task: dict, where: str, labels: Labels) -> Iterator[Label]:
    """Yields the labels of a task."""
    if 'annotations' not in task:  # JSON-MIN
        for tier, items in task.items():
            for item in items if isinstance(items, list) else ():
                if isinstance(item, dict):
                    yield from _of(item, tier, where)
        return
    done = [one for one in task['annotations'] if not one.get('was_cancelled')]
    if len(done) > 1:
        labels.notes.append(f'{where}: {len(done)} annotations, the first taken')
    for item in done[0]['result'] if done else ():
        yield from _of(item['value'], item.get('from_name', ''), where)


def _of(value: dict, tier: str, where: str) -> Iterator[Label]:
    for name in value.get('timelinelabels', ()):
        for span in value['ranges']:
            first, last = float(span['start']), float(span['end'])
            yield mark(max(first - 1, 0), last, name, where, tier=tier, in_frames=True)
    for name in (name for key in _SECONDS for name in value.get(key, ())):
        yield mark(value['start'], value['end'], name, where, tier=tier)
