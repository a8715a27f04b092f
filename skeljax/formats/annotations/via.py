"""Reads the VGG Image Annotator 3: its project (JSON) and its exported CSV.

Only segments in time count: two times in seconds and no region of the image. The label is
the option that an attribute has, or its text; attributes are tiers.
"""

import csv
import io
import json
from pathlib import Path

from skeljax.errors import FormatError
from skeljax.formats import texts
from skeljax.formats.labels import Labels, mark

_COLUMNS = (
    'metadata_id', 'file_list', 'flags', 'temporal_coordinates', 'spatial_coordinates', 'metadata',
)


def read(path) -> Labels:
    """Reads the labels of each video, named as it without its ending.

    Raises:
        FormatError: a member of another kind.
    """
    path = Path(path)
    try:
        return _project(path) if path.suffix.lower() == '.json' else _table(path)
    except FormatError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        raise FormatError(f'{path}: no annotations of VIA: {error}') from None


def _project(path: Path) -> Labels:
    document = texts.document(path)
    attributes = document['attribute']
    files = {key: Path(str(file['fname'])) for key, file in document['file'].items()}
    views = {key: [files[str(f)] for f in v['fid_list']] for key, v in document['view'].items()}
    labels = Labels()
    for videos in views.values():
        for video in videos[:1]:
            labels.add(video.stem, str(path))
    for key, item in document['metadata'].items():
        video = views[str(item['vid'])][0]
        _add(labels, video, item['z'], item['xy'], item['av'], attributes, f'{path}: {key}')
    return labels


def _table(path: Path) -> Labels:
    lines = texts.read(path).splitlines()
    stated = (line.partition('ATTRIBUTE = ')[2] for line in lines if line.startswith('# ATTRIBUTE'))
    attributes = json.loads(next(stated, '{}'))
    labels = Labels()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith('#') or line.startswith('metadata_id'):
            continue
        row = next(csv.reader(io.StringIO(line)))
        if len(row) != len(_COLUMNS):
            raise FormatError(f'{path}:{number}: {len(row)} columns, expected {len(_COLUMNS)}')
        _, videos, _, z, xy, values = row
        video, where = Path(json.loads(videos)[0]), f'{path}:{number}'
        labels.add(video.stem, where)
        read = json.loads
        _add(labels, video, read(z), read(xy), read(values), attributes, where)
    return labels


def _add(labels: Labels, video: Path, z, xy, values, attributes, where: str):
    """Adds a label a value if there are two times and no region."""
    if len(z) != 2 or len(xy):
        return
    for key, value in values.items():
        attribute = attributes.get(key) or {}
        options = attribute.get('options') or {}
        # A checkbox holds several options, separated by commas.
        chosen = [v for v in str(value).split(',') if v] if options else [str(value)]
        for one in chosen:
            name, tier = str(options.get(one, one)).strip(), str(attribute.get('aname', key))
            labels.segments[video.stem].append(mark(z[0], z[1], name, where, tier=tier))
