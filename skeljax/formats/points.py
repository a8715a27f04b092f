"""Reads the points of one person from JSON, in whatever form a program writes them.

    [x, y, c, x, y, c, ...]                     flat, with a confidence
    [[x, y], ...]                               or three or four numbers each
    [{"x", "y", "z", "visibility", "name"}]     objects in order, or by their id
    {"x": [...], "y": [...], "visible": [...]}  an array of each
    {"nose": {"x", "y"}, "1": [x, y, z, v]}     by name or by number

Of three numbers the third is a depth, or a confidence where that is usual and all are between
0 and 1.
"""

from collections.abc import Mapping, Sequence
import numbers
from typing import NamedTuple

import numpy as np

from skeljax.formats import columns

_CERTAIN = (
    'visibility', 'visible', 'score', 'confidence', 'conf', 'likelihood', 'probability', 'v', 'c',
    'presence', 'certainty',
)
_NAMES = ('name', 'part', 'label', 'joint', 'keypoint', 'landmark')
_NUMBERS = ('id', 'index', 'idx', 'landmark_id', 'landmark_index')
_AXES = {'x': ('x', 'X', 'x_px'), 'y': ('y', 'Y', 'y_px'), 'z': ('z', 'Z', 'z_px')}
_LIMIT = 1e9  # of a coordinate, in whatever unit
_MOST = 10_000  # points of a person


class Points(NamedTuple):
    """The points of one person.

    Attributes:
        points: float64[V, 3]; z is 0 if there is none.
        measured: bool[V].
        names: of the points, () where they are only in their order.
    """

    points: np.ndarray
    measured: np.ndarray
    names: tuple[str, ...] = ()


def are_points(value) -> bool:
    """Returns whether a JSON value may be the points of one person."""
    if isinstance(value, Mapping):
        if isinstance(_axis(value, 'x'), list):
            return isinstance(_axis(value, 'y'), list)
        points = [point for point in value.values() if _is_point(point)]
        return bool(points) and 2 * len(points) >= len(value)
    if not isinstance(value, list) or not value:
        return False
    if all(map(_is_number, value)):
        return len(value) >= 6 and any(len(value) % count == 0 for count in (2, 3))
    return all(_is_point(point) or point is None for point in value) and any(map(bool, value))


def read(value, *, certain: bool = True, scores=None) -> Points:
    """Reads the points of one person.

    Args:
        value: what JSON has.
        certain: whether of three numbers the third may be a confidence.
        scores: confidence of each, where it stands elsewhere.

    Raises:
        ValueError, TypeError, KeyError: it is none of the known forms.
    """
    names: tuple[str, ...] = ()
    if isinstance(value, Mapping):
        table, sure, names = _of_object(value)
    elif value and all(map(_is_number, value)):
        numbers_each = 3 if len(value) % 3 == 0 else 2
        table, sure = np.array(value, np.float64).reshape(-1, numbers_each), None
        if numbers_each == 3:
            table, sure = table[:, :2], table[:, 2]
    elif value and isinstance(next((p for p in value if p is not None), None), Mapping):
        table, sure, names = _of_objects(value)
    else:
        table, sure = _of_lists(value, certain and scores is None)
    if len(table) > _MOST:
        raise ValueError(f'{len(table)} points')
    if scores is not None:
        sure = np.array(scores, np.float64).reshape(-1)
        if len(sure) != len(table):
            raise ValueError(f'{len(table)} points with {len(sure)} scores')
    measured = ~np.isnan(table).any(1)
    if sure is not None:
        measured &= sure > 0
    if not (np.abs(table[measured]) < _LIMIT).all():
        raise ValueError('a coordinate beyond all images')
    return Points(np.pad(table, [(0, 0), (0, 3 - table.shape[1])]), measured, names)


def _of_lists(value: Sequence, certain: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Reads a list of two, three or four numbers each; null is a point not measured."""
    width = max(len(point) for point in value if point is not None)
    rows = [[None] * width if point is None else point for point in value]
    table = np.array(rows, np.float64).reshape(len(rows), -1)
    if table.shape[1] not in (2, 3, 4):
        raise ValueError(f'points of {table.shape[1]} numbers')
    if table.shape[1] == 4:
        return table[:, :3], table[:, 3]
    third = table[:, 2] if table.shape[1] == 3 and certain else None
    if third is not None and ((third >= 0) & (third <= 1)).all() and table[:, :2].max() > 1:
        return table[:, :2], third
    return table, None


def _of_objects(value: Sequence) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Reads a list of objects; with numbers of their own, in the order of these."""
    known = [point for point in value if point is not None]
    key = next((key for key in _NUMBERS if all(key in point for point in known)), None)
    if key is not None and len(known) == len(value):
        ids = [point[key] for point in value]
        if all(map(_is_number, ids)) and sorted(ids) == list(range(len(ids))):
            value = [value[ids.index(number)] for number in range(len(ids))]
    deep = any(_axis(point, 'z') is not None for point in known)
    axes = 'xyz' if deep else 'xy'
    table, sure = np.full((len(value), len(axes)), np.nan), np.zeros(len(value))
    for row, point in enumerate(value):
        if point is None:
            continue
        for column, axis in enumerate(axes):
            number = _axis(point, axis)
            if number is None and axis in 'xy':
                raise KeyError(axis)
            table[row, column] = 0 if number is None else number
        found = next((point[key] for key in _CERTAIN if point.get(key) is not None), 1)
        sure[row] = found
    names = [next((p[k] for k in _NAMES if isinstance(p.get(k), str)), '') for p in known]
    stated = all(names) and len(names) == len(value)
    return table, sure, tuple(columns.unprefixed(names)) if stated else ()


def _of_object(value: Mapping) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Reads an array of each coordinate, or an object of points by name or number."""
    x = _axis(value, 'x')
    if isinstance(x, list):
        axes = [np.array(_axis(value, axis), np.float64) for axis in 'xyz' if _axis(value, axis)]
        key = next((key for key in _CERTAIN if isinstance(value.get(key), list)), None)
        sure = None if key is None else np.array(value[key], np.float64)
        return np.stack(axes, 1), sure, ()
    held = {name: point for name, point in value.items() if _is_point(point)}
    names = columns.unprefixed(list(held))
    order = columns.numbered(names)
    points = list(held.values())
    if order is not None:
        points, names = [points[order.index(n)] for n in range(len(points))], []
    if isinstance(points[0], Mapping):
        table, sure, _ = _of_objects(points)
        return table, sure, tuple(names)
    table, sure = _of_lists(points, False)
    return table, sure, tuple(names)


def _axis(point, axis: str):
    if not isinstance(point, Mapping):
        return None
    return next((point[key] for key in _AXES[axis] if point.get(key) is not None), None)


def _is_point(value) -> bool:
    if isinstance(value, Mapping):
        return _is_number(_axis(value, 'x'))
    return isinstance(value, list) and 2 <= len(value) <= 4 and all(
        number is None or _is_number(number) for number in value
    )


def _is_number(value) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
