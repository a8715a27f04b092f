"""The room and the layouts of optical markers."""

from collections.abc import Sequence
import dataclasses

import numpy as np

from skeljax.formats import centers, named, sites, subjects
from skeljax.skeletons import skeleton

_GAIT = 'uiprmd39'


def upright(points: np.ndarray, vertical: str = 'z') -> np.ndarray:
    """Renames the axes of the room, float[..., 3], so that `vertical` becomes y.

    They go round (z up: x, y, z become z, x, y), which keeps right-handed what was.
    """
    return np.roll(points, 'xyz'.index('y') - 'xyz'.index(vertical), axis=-1)


def arrange(
    path, found: subjects.Chosen, source: str, wanted: str | Sequence[str] | None
) -> tuple[subjects.Chosen, str, list[int]]:
    """Returns the layout of markers: as requested, Plug-in Gait's, or one of their own.

    Args:
        path: for messages.
        found: the markers.
        source: names a layout of the file's own.
        wanted: a layout (see `wanted.parse`), or `centers`.

    Returns:
        The points, with notes on them; their layout; the index of each of
        its joints among the points.

    Raises:
        FormatError: the layout is unknown, or needs what is not there.
    """
    if wanted == centers.NAME:
        found = centers.compute(path, found)
        return found, *named.layout(path, found.names, source=centers.NAME)
    gait = skeleton.get(_GAIT).joints
    more = len(found.names) - len(gait)
    if wanted is None and set(gait) <= set(found.names):
        wanted = _GAIT
        if more:
            stated = f'left out {more} points beyond the 39 of Plug-in Gait'
            found = dataclasses.replace(found, notes=(*found.notes, stated))
    if wanted is None or wanted == _GAIT:
        if markers_of := sites.marker_set(found.names):
            how = f'layout "{centers.NAME}" computes joints'
            stated = f'markers of {markers_of}, on the skin; {how}'
            found = dataclasses.replace(found, notes=(*found.notes, stated))
    return found, *named.layout(path, found.names, source=source, wanted=wanted)
