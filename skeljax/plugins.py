"""Readers of file formats and joint layouts that other installed packages provide.

They are found by entry points, so that the command line, worker processes and Beam have them
too. In the `pyproject.toml` of the other package:

    [project.entry-points."skeljax.readers"]
    ".gait" = "clinic.gait"             # ending of file names = module or object with `read`

    [project.entry-points."skeljax.layouts"]
    clinic17 = "clinic.gait:CLINIC17"   # name = a `skeljax.skeletons.skeleton.Layout`
"""

import functools
import importlib.metadata

from skeljax.errors import InputError

READERS, LAYOUTS = 'skeljax.readers', 'skeljax.layouts'


@functools.cache
def found(group: str) -> dict[str, importlib.metadata.EntryPoint]:
    """Returns the entry points of a group by their names, without importing what they refer to.

    Raises:
        InputError: two packages use one name.
    """
    points: dict[str, importlib.metadata.EntryPoint] = {}
    for point in importlib.metadata.entry_points(group=group):
        other = points.setdefault(point.name, point)
        if other.value != point.value:
            raise InputError(
                f'entry point {point.name!r} of {group}: provided by {_package(other)} and by '
                f'{_package(point)}; uninstall one'
            )
    return points


@functools.cache
def load(group: str, name: str):
    """Imports what an entry point refers to.

    Raises:
        InputError: it cannot be imported; names the package and the reason.
    """
    point = found(group)[name]
    try:
        return point.load()
    except Exception as error:
        reason = f'{type(error).__name__}: {error}'
        raise InputError(
            f'entry point {name!r} of {group} in {_package(point)}: {point.value} cannot be '
            f'imported: {reason}'
        ) from error


def _package(point: importlib.metadata.EntryPoint) -> str:
    return point.dist.name if point.dist else point.value
