"""Reads the labelled points of C3D files (c3d.org), as optical systems write them.

Which of a file's points are joints: those with a label that is not of an angle, a
force or another computed quantity (listed in the file's POINT:ANGLES and the like).
Several subjects (labels `SUBJECT:POINT`) are several persons if they wear the same
points. With all 39 of Vicon's plug-in gait the layout is `uiprmd39`, others left out.
Otherwise it is a tree made from the labels: a marker of plug-in gait hangs on its
nearest ancestor there that the file has, any other on the first point of the trunk.

The vertical becomes y: POINT:Y_SCREEN, else as guessed from feet to head, else z. The
library is `c3d` (an extra), pure Python: of the readers tried it is the one that a damaged
file cannot crash.
"""

import warnings

import numpy as np

from skeljax import skeleton
from skeljax.errors import FormatError, InputError
from skeljax.formats import chain, filling, vertical
from skeljax.formats.motion import Motion

_UNITS = {'mm': 0.001, 'cm': 0.01, 'm': 1.0, '': 0.001}  # the standard's default is mm
_COMPUTED = ('ANGLES', 'FORCES', 'MOMENTS', 'POWERS', 'SCALARS', 'REACTIONS')
_GAIT = 'uiprmd39'
_TRUNK = ('T10', 'STRN', 'CLAV', 'C7', 'LPSI', 'RPSI', 'SACR', 'LASI', 'RASI')


def read(path, *, up: str | None = None) -> Motion:
    """Reads points as joints in metres, float32[T, M, V, 3], y up.

    Args:
        path: of the file.
        up: axis that points up, where POINT:Y_SCREEN does not tell; guessed by default.

    Raises:
        FormatError: names the file, what was found and expected.
        InputError: the library is not installed.
    """
    points, measured, about = _load(path)
    persons = _persons(path, about['labels'])
    names, parents = _tree([label for label, _ in next(iter(persons.values()))])
    columns = [[dict(person)[name] for name in names] for person in persons.values()]
    points, measured = points[:, columns], measured[:, columns]
    valid = measured.any(-1)
    if not valid.any(0).all():
        raise FormatError(f'{path}: a subject of whom no point was ever measured')
    layout = chain.layout('c3d', names, parents)
    axis, notes = about['vertical'] or up, ()
    if not axis:
        there = points[valid], measured[valid], skeleton.get(layout)
        axis = vertical.guess(*there, usual='z')
        notes = (vertical.note(axis) if axis else vertical.note('z', 'as is usual in C3D'),)
        axis = axis or 'z'
    return filling.motion(
        path,
        vertical.turn(points, axis) * about['unit'],
        measured,
        fps=about['fps'],
        layout=layout,
        subject=' '.join(filter(None, persons)),
        notes=notes,
    )


def _load(path) -> tuple[np.ndarray, np.ndarray, dict]:
    """Reads all points float64[T, N, 3], which were measured bool[T, N], and what they are."""
    try:
        import c3d
    except ImportError:
        raise InputError(f'{path}: reading C3D needs a library: pip install skeljax[c3d]') from None
    try:
        with open(path, 'rb') as file, warnings.catch_warnings(), np.errstate(all='ignore'):
            warnings.simplefilter('ignore')  # of absent analog channels and the like
            reader = c3d.Reader(file)
            frames = [points for _, points, _ in reader.read_frames()]
            about = _about(path, reader)
            expected = reader.last_frame - reader.first_frame + 1
    except InputError:
        raise
    except Exception as error:  # the library raises whatever it stumbles over
        raise FormatError(f'{path}: not C3D, or damaged: {_one_line(error)}') from None
    if not frames or len(frames) != expected:
        raise FormatError(f'{path}: {len(frames)} frames, expected {expected} by its header')
    points = np.array(frames, np.float64)
    found = (np.abs(points[..., :3]) < 1e9).all(-1) & (points[..., 3] >= 0)
    # Some systems write a lost point as the origin.
    found &= points[..., :3].any(-1)
    return np.where(found[..., None], points[..., :3], 0), found, about


def _about(path, reader) -> dict:
    """Reads labels of points, the unit in metres, frames a second, the vertical."""

    def words(name: str) -> list[str]:
        parameter = reader.get(f'POINT:{name}')
        if parameter is None or not len(parameter.bytes):
            return []
        return [str(word).strip() for word in np.ravel(parameter.string_array)]

    computed = {label for name in _COMPUTED for label in words(name)}
    labels = [
        '' if label in computed or label.startswith('*') else label for label in words('LABELS')
    ]
    unit, screen = ((words(name) or [''])[0].lower() for name in ('UNITS', 'Y_SCREEN'))
    fps = float(reader.point_rate)
    if unit not in _UNITS:
        raise FormatError(f'{path}: POINT:UNITS {unit!r:.20}, expected mm, cm or m')
    if screen.lstrip('+') not in ('x', 'y', 'z', ''):
        raise FormatError(f'{path}: POINT:Y_SCREEN {screen!r:.20}, expected +X, +Y or +Z')
    if not 0 < fps < 1e5:
        raise FormatError(f'{path}: POINT:RATE {fps:g}, expected frames a second')
    return {
        'labels': labels[: reader.point_used],
        'unit': _UNITS[unit],
        'fps': fps,
        'vertical': screen.lstrip('+'),
    }


def _persons(path, labels: list[str]) -> dict[str, list[tuple[str, int]]]:
    """Sorts points by subject: subject -> (label, column) of each."""
    persons: dict[str, list[tuple[str, int]]] = {}
    for column, label in enumerate(labels):
        subject, _, name = label.rpartition(':')
        if name:
            persons.setdefault(subject, []).append((name, column))
    if not persons:
        raise FormatError(f'{path}: no labelled point')
    first, *others = ({name for name, _ in person} for person in persons.values())
    for subject, person in persons.items():
        names = [name for name, _ in person]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise FormatError(f'{path}: two points are labelled {twice!r:.40}')
        if set(names) != first:
            told = f'subject {subject!r:.40} wears other points than the first'
            raise FormatError(f'{path}: {told}, expected the same')
    return persons


def _tree(labels: list[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Chooses the joints among labels and gives each a parent; see the top of this file."""
    gait = skeleton.get(_GAIT)
    if set(gait.joints) <= set(labels):
        return gait.joints, gait.parents
    hub = next((name for name in _TRUNK if name in labels), labels[0])
    parents = []
    for label in labels:
        above = label
        while above in gait.joints:
            parent = gait.parents[gait.joints.index(above)]
            above = gait.joints[parent] if parent >= 0 else ''
            if above in labels:
                break
        above = above if above in labels and above != label else hub
        parents.append(-1 if label == hub else labels.index(above))
    return tuple(labels), tuple(parents)


def _one_line(error: Exception) -> str:
    return f'{type(error).__name__}: {" ".join(str(error).split())}'[:160]
