"""Readers of raw files: one module per format, each a `skeljax.formats.reader.Reader`."""

from collections.abc import Sequence
import importlib
import inspect
from pathlib import Path

from skeljax.errors import FormatError, InputError, reading
from skeljax.formats import finish, frame_folders, hints, options, reader, sniff, vertical
from skeljax.formats.motion import Motion

__all__ = ['FORMATS', 'Motion', 'endings', 'find', 'read', 'stem']

# Module -> endings of the names of its files, lower case; the first that fits reads the file.
FORMATS = {
    'ui_prmd': (
        '_positions.txt', '_positions.txt.gz', '_positions_inc.txt', '_positions_inc.txt.gz',
    ),
    'bvh': ('.bvh', '.bvh.gz'),
    'amc': ('.amc', '.amc.gz'),
    'c3d': ('.c3d',),
    'trc': ('.trc', '.trc.gz'),
    'pickle_file': ('.pkl', '.pickle'),
    'ntu': ('.skeleton',),
    'pku': ('.txt',),
    'amass': ('_poses.npz', '_stageii.npz'),
    'arrays': ('.npz', '.npy'),
    'mvnx': ('.mvnx',),
    'sleap': ('.slp',),
    'dlc': ('.h5', '.hdf5'),
    'movement': ('.nc',),
    'nwb': ('.nwb',),
    'pose_file': ('.pose',),
    'table': ('.csv', '.csv.gz', '.tsv', '.tsv.gz'),
    'keypoints': ('.json', '.json.gz'),
}
# Modules whose files may hold several recordings.
_HOLDERS = ('pickle_file',)


def find(path) -> str | None:
    """Returns the module that reads files with the ending of this one, None if there is none.

    For a reader of another package it returns the ending. The longest ending decides; of equal
    ones that of skeljax.
    """
    name = Path(path).name.lower()
    module = next((m for m, own in FORMATS.items() if name.endswith(own)), None)
    longest = max((len(e) for e in FORMATS.get(module or '', ()) if name.endswith(e)), default=0)
    others = (e for e in reader.endings() if name.endswith(e) and len(e) > longest)
    return max(others, key=len, default=module)


def endings() -> list[str]:
    """Returns all known endings of file names."""
    own = {ending for endings in FORMATS.values() for ending in endings}
    return sorted(own.union(reader.endings()))


def module_of(path) -> str | None:
    """Returns the module that reads a recording, as `find`; None if there is none.

    Args:
        path: a file, `FILE/NAME` in a file of several recordings, or a folder of one file per
            frame.
    """
    return 'keypoints' if frame_folders.is_frames(path) else find(holder(path) or path)


def holder(path) -> Path | None:
    """Returns the file of several recordings that holds `FILE.pkl/NAME`; None if there is none."""
    found = (p for p in Path(path).parents if find(p) in _HOLDERS and p.is_file())
    return next(found, None)


def inside(path) -> list[Path]:
    """Returns the recordings of a file of several, as `FILE.pkl/NAME`; none for other files.

    Raises:
        FormatError: the file is damaged.
    """
    module = find(path)
    if module not in _HOLDERS:
        return []
    names = importlib.import_module(f'skeljax.formats.{module}').names(path)
    return [Path(path) / name for name in names]


def stem(path) -> str:
    """Returns a file's name without the ending of its format."""
    name = Path(path).name
    module = find(path) or ''
    endings = FORMATS.get(module, (module,))
    fitting = (e for e in endings if name.lower().endswith(e) and len(e) < len(name))
    longest = max(fitting, key=len, default='')
    return name[: len(name) - len(longest)]


def read(
    path,
    *,
    fps: float | None = None,
    layout: str | Sequence[str] | None = None,
    unit: str | float | None = None,
    up: str | None = None,
    subject: str | None = None,
) -> Motion:
    """Reads one recording of any known format.

    A folder is a recording if it holds JSON files of one frame each. An option is ignored where
    the file states the value itself.

    Args:
        path: of the file.
        fps: frames per second.
        layout: name of the joint layout, or names of the joints in order; if the file has a
            skeleton of its own, these joints are selected.
        unit: of the coordinates: 'm', 'cm', 'mm', 'inch', 'foot', or a number of meters.
        up: axis of the file that points up ('x', 'y', 'z', '-x', '-y' or '-z'); by default it is
            estimated from the direction from feet to head.
        subject: name of the subject to read from a file with several; several names are
            separated by commas.

    Raises:
        InputError: no such file; an invalid option.
        FormatError: an unknown format, or a damaged file.
    """
    path = Path(path)
    inner = holder(path) is not None
    if not path.is_file() and not inner and not frame_folders.is_frames(path):
        raise InputError(f'{path}: no such file')
    module = module_of(path)
    if module is None:
        if hint := hints.unreadable(path):
            raise FormatError(f'{path}: {hint}')
        raise FormatError(f'{path}: unknown format, known: {", ".join(endings())}')
    if not inner:
        module = sniff.refined(path, module)
    read_file = _reader(module).read
    up = None if up is None else vertical.check(up)
    given = {
        'fps': fps,
        'layout': layout,
        'unit': unit if unit is None else options.scale(unit),
        'up': up,
        'subject': subject,
    }
    taken = inspect.signature(read_file).parameters
    chosen = {n: v for n, v in given.items() if v is not None and n in taken}
    with reading(path):
        motion = read_file(path, **chosen)
        left = None if 'layout' in taken else layout
        return finish.finish(path, motion, module, up=up, layout=left)


def _reader(module: str) -> reader.Reader:
    """Returns the reader of a name that `find` returned."""
    if module in reader.endings():
        return reader.load(module)
    return importlib.import_module(f'skeljax.formats.{module}')
