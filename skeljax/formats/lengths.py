"""The unit of joints of a file that does not state it, estimated from the size of a body."""

import numpy as np

from skeljax.formats import vertical
from skeljax.formats.options import UNITS
from skeljax.skeletons import skeleton
from skeljax.skeletons.skeleton import Layout

# Meters from the head to the feet and to the pelvis; no two units can both fit.
_WHOLE, _UPPER = (0.5, 2.6), (0.2, 1.1)
_TRIED = ('m', 'cm', 'mm')


def settle(
    unit: float | None, joints: np.ndarray, measured: np.ndarray, layout: Layout
) -> tuple[float, tuple[str, ...]]:
    """Returns the meters of a unit, and a note where they are an estimate.

    Flat joints (z = 0) are those of an image, whose unit stays, and so do joints of which
    the layout names no head, or neither feet nor pelvis.

    Args:
        unit: in meters, where it is given.
        joints: float[T, M, V, 3].
        measured: bool[T, M, V].
        layout: of the joints.
    """
    if unit is not None:
        return unit, ()
    body = _length(joints, measured, layout)
    if body is None:
        return 1.0, ()
    length, (low, high) = body
    fitting = [name for name in _TRIED if low <= length * UNITS[name] <= high]
    if not fitting:
        stated = f'no unit of {", ".join(_TRIED)} makes a person: a body is {length:.3g} from head'
        note = f'{stated} to feet, the unit is assumed to be m; the option unit sets another'
        return 1.0, (note,)
    name = fitting[0]
    if name == 'm':
        return 1.0, ()
    stated = f'a body is {length * UNITS[name]:.2f} m from head to feet'
    note = f'the unit is assumed to be {name}: {stated}; the option unit sets another'
    return UNITS[name], (note,)


def _length(joints: np.ndarray, measured: np.ndarray, layout: Layout):
    """Computes the longest bodies from head to feet, and what a person may measure there."""
    if not joints[measured].size or not joints[measured][..., 2].any():
        return None
    feet, head = vertical.ends(layout)
    if not feet or not head:
        return None
    seen = measured[..., [*feet, *head]].all(-1)
    if not seen.any():
        return None
    low, high = (skeleton.middle(joints[seen], end) for end in (feet, head))
    with np.errstate(over='ignore', invalid='ignore'):  # a damaged file may hold anything
        length = float(np.quantile(np.linalg.norm(high - low, axis=-1), 0.9))
    upper = layout.points[feet[0]] in ('pelvis', 'left hip', 'spine')
    return (length, _UPPER if upper else _WHOLE) if length > 0 and np.isfinite(length) else None
