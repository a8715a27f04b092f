"""Reads what skeljax found as labels: the JSON of `skeljax predict`, ActivityNet's results."""

from pathlib import Path

from skeljax.errors import FormatError
from skeljax.formats import texts
from skeljax.formats.labels import Labels, mark


def read(path) -> Labels:
    """Reads the labels of one recording, or of each in ActivityNet's results.

    Raises:
        FormatError: a member of another kind.
    """
    path = Path(path)
    document = texts.document(path)
    labels = Labels()
    if 'results' in document:
        of = document['results'] if isinstance(document['results'], dict) else {}
        for name, items in of.items():
            _add(labels, str(name), items, path, lambda item: item.get('segment'))
        return labels
    name = document.get('recording') or path.stem
    times = lambda item: [item.get('start_seconds'), item.get('end_seconds')]
    _add(labels, str(name), document.get('segments'), path, times)
    return labels


def _add(labels: Labels, name: str, items, path: Path, times):
    where = f'{path}: {name}'
    if not isinstance(items, list):
        raise FormatError(f'{where}: {str(items)[:40]!r}, expected a list of segments')
    labels.add(name, where)
    for index, item in enumerate(items):
        at = f'{where}: segment {index}'
        item = item if isinstance(item, dict) else {}
        ends = times(item)
        start, end = ends if isinstance(ends, list) and len(ends) == 2 else (None, None)
        label = item.get('label')
        labels.segments[name].append(mark(start, end, '' if label is None else str(label), at))
