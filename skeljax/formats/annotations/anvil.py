"""Reads Anvil's annotations, .anvil (www.anvil-software.org).

A track is a tier. An element is labeled by its first attribute with a value, or by its
track if it has none. Elements of a `primary` track have times, those of a `singleton`
or `span` track the numbers of the elements of the track that they refer to.
"""

from pathlib import Path

from skeljax.errors import FormatError
from skeljax.formats.annotations import xml
from skeljax.formats.labels import Labels, mark


def read(path) -> Labels:
    """Reads the labels of one recording, named as the file.

    Raises:
        FormatError: damaged, or an element refers to one that is not there.
    """
    path = Path(path)
    tracks = {track.get('name', ''): track for track in xml.root(path, 'annotation').iter('track')}
    labels = Labels()
    labels.add(path.stem, str(path))
    for name, track in tracks.items():
        for index, element in enumerate(track.findall('el')):
            where = f'{path}: track {name!r:.40}: element {element.get("index", index)}'
            start, end = _times(tracks, track, element, where)
            values = [(item.text or '').strip() for item in element.findall('attribute')]
            label = next(filter(None, values), name.rpartition('.')[2])
            labels.segments[path.stem].append(mark(start, end, label, where, tier=name))
    return labels


def _times(tracks, track, element, where: str, depth: int = 0) -> tuple[str | None, str | None]:
    """Returns start and end as they are written, those of the elements referred to."""
    kind = track.get('type', 'primary')
    if kind not in ('singleton', 'span'):
        return element.get('start'), element.get('end')
    of = tracks.get(track.get('ref', ''))
    numbers = [element.get(key, element.get('ref')) for key in ('start', 'end')]
    by_number = {} if of is None else {
        item.get('index', str(n)): item for n, item in enumerate(of.findall('el'))
    }
    if depth > 20 or not all(number in by_number for number in numbers):
        raise FormatError(f'{where}: refers to elements that are not there')
    ends = [_times(tracks, of, by_number[number], where, depth + 1) for number in numbers]
    return ends[0][0], ends[1][1]
