"""The axis of a recording that points up: an option, or estimated from feet to head."""

import numpy as np

from skeljax.errors import InputError
from skeljax.formats import markers
from skeljax.skeletons import skeleton
from skeljax.skeletons.skeleton import Layout

AXES = ('x', 'y', 'z', '-x', '-y', '-z')
# Points at the upper and the lower end of a body, the first of each that are there.
_HEADS = (
    ('head',), ('head top',), ('left ear', 'right ear'), ('left front head', 'right front head'),
    ('neck',), ('nose',), ('chest',), ('left shoulder', 'right shoulder'),
)
_FEET = (
    ('left ankle', 'right ankle'), ('left heel', 'right heel'), ('left toe', 'right toe'),
    ('left knee', 'right knee'), ('pelvis',), ('left hip', 'right hip'), ('spine',),
)
_UPRIGHT = np.cos(np.deg2rad(30))  # of the angle between a body and an axis that it stands along
_MOST = 0.7  # of the bodies stand along the axis that is estimated
_SOME = 0.2  # of the bodies stand along the usual axis: then it is the one


def check(up: str) -> str:
    """Returns the axis that an option names, one of `AXES`.

    Raises:
        InputError: it names none.
    """
    axis = up.strip().lower().removeprefix('+') if isinstance(up, str) else ''
    if axis not in AXES:
        raise InputError(f'up is {str(up)[:20]!r}, expected one of {", ".join(AXES)}')
    return axis


def turn(points: np.ndarray, up: str) -> np.ndarray:
    """Turns points float[..., 3] so that an axis of `AXES` becomes y; left stays left.

    Flat points (z = 0) stay flat where x or y points up.
    """
    if not points[..., 2].any() and up.endswith('x'):
        x, y, z = np.moveaxis(points, -1, 0)
        return np.stack([y, -x, z] if up == '-x' else [-y, x, z], -1)
    if up.startswith('-'):
        # Half a turn about x; about y where it is x that points down.
        points = points * ([-1, 1, -1] if up == '-x' else [1, -1, -1]) + 0.0  # not -0.0
    return markers.upright(points, up[-1])


def rise(joints: np.ndarray, measured: np.ndarray, layout: Layout) -> np.ndarray:
    """Returns the direction from the feet of bodies to their head.

    Args:
        joints: float[N, V, 3].
        measured: bool[N, V].
        layout: of the joints.

    Returns:
        Unit vectors float64[K, 3] of the bodies of which both ends were measured; none if
        the layout names no ends.
    """
    both = ends(layout)
    if not all(both):
        return np.zeros((0, 3))
    seen = measured[:, [*both[0], *both[1]]].all(1)
    low, high = (skeleton.middle(joints[seen].astype(np.float64), end) for end in both)
    way = high - low
    length = np.linalg.norm(way, axis=-1, keepdims=True)
    return (way / np.where(length > 0, length, 1))[length[:, 0] > 0]


def guess(joints: np.ndarray, measured: np.ndarray, layout: Layout, usual: str = 'y') -> str | None:
    """Estimates the axis along which most bodies stand; None if none is.

    It is the usual one where at least a fifth of the bodies stand along that: others lie. Of
    flat points (z = 0) it is y or -y, as people who lie in an image are not turned.

    Args:
        joints: float[N, V, 3].
        measured: bool[N, V].
        layout: of the joints.
        usual: axis of the format, one of `AXES`.
    """
    ways = rise(joints, measured, layout)
    if not len(ways):
        return None
    share = dict(zip(AXES, (np.concatenate([ways, -ways], 1) > _UPRIGHT).mean(0), strict=True))
    if share[usual] >= _SOME:
        return usual
    if not joints[..., 2].any():
        share = {axis: share[axis] for axis in ('y', '-y')}
    best = max(share, key=share.get)
    return best if share[best] >= _MOST else None


def note(axis: str, why: str = 'from feet to head') -> str:
    """Returns a note that an axis was estimated."""
    return f'{axis} is assumed to be up, {why}; the option up sets another axis'


def ends(layout: Layout) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Returns the joints whose middles are the lower and the upper end of a body, () for none."""
    found = []
    for choices in (_FEET, _HEADS):
        fits = (names for names in choices if set(names) <= set(layout.points))
        found.append(tuple(layout.points.index(name) for name in next(fits, ())))
    return found[0], found[1]
