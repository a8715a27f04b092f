"""Readers of the labels that annotation programs write: one module per format.

| module | files | programs |
|---|---|---|
| `elan` | `.eaf` | ELAN, `skeljax predict --format eaf` |
| `praat` | `.TextGrid` | Praat, MFA |
| `anvil` | `.anvil` | Anvil |
| `boris` | `.boris`, tables of events | BORIS |
| `via` | JSON, CSV | VGG Image Annotator 3 |
| `label_studio` | JSON, JSON-MIN | Label Studio |
| `framewise` | CSV, one row per frame, a column of 0 and 1 a class | SimBA, DeepEthogram |
| `spans` | CSV, a row a segment of one recording | DLC2Action, one's own |
| `nwb` | `.nwb` | ndx-ethogram and the tools that export it |
| `webvtt` | `.vtt` | `skeljax predict --format vtt`, editors of captions |
| `found` | JSON | `skeljax predict` |

Of several tiers (of ELAN, Praat; tracks of Anvil; subjects of BORIS) all are taken unless
the option tier chooses.
"""

from collections.abc import Iterable
import importlib
from pathlib import Path

from skeljax.errors import FormatError
from skeljax.formats import hdf5, labels, texts
from skeljax.formats.annotations import spans
from skeljax.formats.labels import Labels

# Ending, lower case -> module, of files that hold nothing else.
ENDINGS = {
    '.eaf': 'elan', '.textgrid': 'praat', '.anvil': 'anvil', '.boris': 'boris', '.vtt': 'webvtt',
}
_TABLES = ('.csv', '.tsv')
FOLDER = 'labels'  # one file a recording, of any format of labels


def found_in(root) -> list[Path]:
    """Returns files of labels of single recordings below a folder, sorted.

    Those are files of annotation programs anywhere, and in its folder `labels` tables and
    JSON too; hidden ones are left out.
    """
    root = Path(root)
    every = [path for path in sorted(root.rglob('*')) if path.is_file()]
    return [path for path in every if is_labels(path, root) or _with_bouts(path)]


def is_labels(path: Path, root: Path) -> bool:
    """Returns whether a file below a folder holds labels, by its name and place."""
    inside = path.relative_to(root).parts
    if any(part.startswith('.') for part in inside) or not path.is_file():
        return False
    tables = inside[0] == FOLDER and path.suffix.lower() in (*_TABLES, '.json')
    if path.suffix.lower() == '.nwb':
        return not hdf5.has(path, ('PoseEstimation',))
    return find(path) is not None or (tables and len(inside) > 1)


def _with_bouts(path: Path) -> bool:
    """Returns whether a recording of NWB brings its labels along."""
    return path.suffix.lower() == '.nwb' and hdf5.has(path, ('EthogramBouts',))


def find(path) -> str | None:
    """Returns the module whose files end like this one; None for tables, JSON and others."""
    return ENDINGS.get(Path(path).suffix.lower())


def read(path, *, tier: str | None = None) -> Labels:
    """Reads the labels of one file of any known format.

    Where the file does not name its recordings, there is one, named as the file.

    Args:
        path: the file.
        tier: whose labels to take, by name; of several tiers separated by commas.

    Raises:
        FormatError: no known format, damage, or no such tier.
    """
    path = Path(path)
    if not path.is_file():
        raise FormatError(f'{path}: no such file')
    name = module(path)
    if not name:
        known = 'ActivityNet, VIA, Label Studio, BORIS or skeljax predict'
        raise FormatError(f'{path}: no "database" of recordings, expected labels of {known}')
    if name == 'labels':
        found = labels.read(path)
    else:
        found = importlib.import_module(f'skeljax.formats.annotations.{name}').read(path)
    return labels.checked(_of_tier(path, found, tier))


def gather(paths: Iterable, *, tier: str | None = None, root=None) -> Labels:
    """Reads the labels of several files, each of other recordings.

    Args:
        paths: the files.
        tier: as of `read`.
        root: folder below which a file that is named as its recording has the folders of
            it, a folder `labels` aside.

    Raises:
        FormatError: as `read`, or two files label one recording.
    """
    whole = Labels()
    for path in paths:
        found = read(path, tier=tier)
        for recording, some in found.segments.items():
            where, name = found.where[recording], recording
            aliases = found.aliases.get(recording, ())
            if root is not None and Path(path).name.startswith(recording):
                inside = Path(path).relative_to(root).parent
                parts = inside.parts[inside.parts[:1] == (FOLDER,) :]
                name, aliases = '/'.join((*parts, recording)), (recording, *aliases)
            if name in whole.where:
                again = f'{where}: {name!r} is labeled again'
                raise FormatError(f'{again}, as in {whole.where[name]}')
            whole.add(name, where, *some)
            whole.aliases[name] = aliases
            if recording in found.subsets:
                whole.subsets[name] = found.subsets[recording]
        whole.notes += found.notes
    return whole


def module(path) -> str:
    """Returns the module that reads a file, by its ending and by what is in it.

    Returns:
        `labels` for `skeljax.formats.labels`; '' for JSON that holds no labels.

    Raises:
        FormatError: labels have no such ending, or the file cannot be read.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending in ENDINGS:
        return ENDINGS[ending]
    if ending == '.nwb':
        return 'nwb'
    if ending == '.json':
        return _kind_of_document(path)
    if ending in _TABLES:
        return _kind_of_table(path)
    known = ', '.join([*ENDINGS, '.nwb', '.json', *_TABLES])
    raise FormatError(f'{path}: no labels, expected a file ending in {known}')


def _kind_of_document(path: Path) -> str:
    document = texts.document(path)
    if isinstance(document, dict):
        if 'database' in document:
            return 'labels'
        if {'metadata', 'attribute'} <= document.keys():
            return 'via'
        if 'observations' in document:
            return 'boris'
        if 'segments' in document or 'results' in document:
            return 'found'
    if isinstance(document, list) and document and isinstance(document[0], dict):
        return 'label_studio'
    return ''


def _kind_of_table(path: Path) -> str:
    text = texts.read(path, latin=True)
    head = text[:65536].lower()
    if 'vgg image annotator' in head or 'temporal_coordinates' in head:
        return 'via'
    words = set(_first_row(head))
    if 'behavior' in words and words & {'start (s)', 'behavior type', 'status', 'observation id'}:
        return 'boris'
    if 'media file' in head and '\nsubject\t' not in head and _has_events(head):
        return 'boris'
    if words & set(labels.RECORDING):
        return 'labels'
    return 'spans' if words & {*spans.START} else 'framewise'


def _first_row(head: str) -> list[str]:
    line = head.lstrip('\ufeff').split('\n', 1)[0]
    separator = max(',;\t', key=line.count)
    return [cell.strip().strip('"') for cell in line.split(separator)]


def _has_events(head: str) -> bool:
    """Returns whether a table of BORIS begins below lines that describe the observation."""
    rows = (_first_row(line) for line in head.split('\n')[1:80])
    return any('behavior' in row and 'status' in row for row in map(set, rows))


def _of_tier(path: Path, found: Labels, tier: str | None) -> Labels:
    """Keeps the labels of the tiers requested; notes several tiers that are all taken."""
    tiers = list(dict.fromkeys(mark.tier for some in found.segments.values() for mark in some))
    shown = ', '.join(repr(name)[:40] for name in tiers[:8])
    if tier is None:
        if len(tiers) > 1:
            found.notes.append(f'{path}: tiers {shown} taken together; the option tier chooses')
        return found
    wanted = [name.strip() for name in tier.split(',')]
    strange = [name for name in wanted if name not in tiers]
    if strange and any(tiers):
        raise FormatError(f'{path}: no tier {strange[0]!r:.40}, found {shown}')
    if any(tiers):
        for recording, some in found.segments.items():
            found.segments[recording] = [mark for mark in some if mark.tier in wanted]
    return found
