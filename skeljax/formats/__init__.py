"""Readers of raw files: one module a format, each with `read(path) -> Motion`.

A reader of files that do not tell everything also takes `fps`, `layout` or `unit` (in
metres).
"""

from collections.abc import Sequence
import importlib
import inspect
from pathlib import Path

from skeljax.errors import FormatError, InputError, reading
from skeljax.formats import finish, frame_folders, hints, options, sniff, vertical
from skeljax.formats.motion import Motion

__all__ = ['FORMATS', 'Motion', 'find', 'read', 'stem']

# Module -> how the names of its files end, lower case; the first that fits reads the file.
FORMATS = {
    'ui_prmd': ('_positions.txt', '_positions.txt.gz', '_positions_inc.txt', '_positions_inc.txt.gz'),
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
# Modules of files that may hold several recordings.
_HOLDERS = ('pickle_file',)


def find(path) -> str | None:
    """Finds the module whose files end like this one, None where there is none."""
    name = Path(path).name.lower()
    return next((module for module, endings in FORMATS.items() if name.endswith(endings)), None)


def module_of(path) -> str | None:
    """Finds the module that reads a recording; None without one.

    Args:
        path: a file, `FILE/NAME` of a file of several recordings, or a folder of one file a frame.
    """
    return 'keypoints' if frame_folders.is_frames(path) else find(holder(path) or path)


def holder(path) -> Path | None:
    """Returns the file of several recordings that holds one, `FILE.pkl/NAME`; None without."""
    found = (p for p in Path(path).parents if find(p) in _HOLDERS and p.is_file())
    return next(found, None)


def inside(path) -> list[Path]:
    """Lists the recordings of a file of several, as `FILE.pkl/NAME`; none for other files.

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
    endings = FORMATS.get(find(path) or '', ())
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

    A folder is a recording where it holds JSON files of one frame each.

    Args:
        path: of the file.
        fps: frames a second, for formats whose files need not tell it. What a file
            tells itself counts more; so with the other options.
        layout: name of the joint layout, or names of the joints in their order; of a
            file with a skeleton of its own, those joints are taken.
        unit: of the coordinates, for formats that do not tell it: 'm', 'cm', 'mm',
            'inch', 'foot', or a number of metres.
        up: axis of the file that points up ('x', 'y', 'z', '-x', '-y' or '-z'), for
            formats that do not tell it; guessed from feet to head by default.
        subject: whose points to take of a file with those of several, by name; of
            more than one parted by commas.

    Raises:
        InputError: no such file; an option that nobody knows.
        FormatError: no reader knows it, or it is damaged.
    """
    path = Path(path)
    inner = holder(path) is not None
    if not path.is_file() and not inner and not frame_folders.is_frames(path):
        raise InputError(f'{path}: no such file')
    module = module_of(path)
    if module is None:
        if hint := hints.unreadable(path):
            raise FormatError(f'{path}: {hint}')
        known = ', '.join(sorted({ending for endings in FORMATS.values() for ending in endings}))
        raise FormatError(f'{path}: unknown format, known: {known}')
    if not inner:
        module = sniff.refined(path, module)
    reader = importlib.import_module(f'skeljax.formats.{module}').read
    up = None if up is None else vertical.check(up)
    given = {
        'fps': fps,
        'layout': layout,
        'unit': unit if unit is None else options.scale(unit),
        'up': up,
        'subject': subject,
    }
    taken = inspect.signature(reader).parameters
    with reading(path):
        motion = reader(path, **{n: v for n, v in given.items() if v is not None and n in taken})
        left = None if 'layout' in taken else layout
        return finish.finish(path, motion, module, up=up, layout=left)
