"""Reads the netCDF of poses that movement saves (movement.neuroinformatics.dev); by h5py.

netCDF 4 is HDF5: `position` [time, space, keypoints, individuals], `confidence` without
space, the names of all axes beside them, and frames per second as an attribute. Pixels of an
image where space is flat, whose y goes down: it becomes -y.
"""

from pathlib import Path

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import clock, hdf5, tracked
from skeljax.formats.motion import Motion

_AXES = ('time', 'space', 'keypoints', 'individuals')
_OLDER = {'keypoint': 'keypoints', 'individual': 'individuals'}


def read(
    path, *, fps: float | None = None, layout: str | None = None, unit: float | None = None,
    subject: str | None = None,
) -> Motion:
    """Reads the individuals of one data set.

    Args:
        path: .nc.
        fps: frames per second, if the file has none.
        layout: whose joints to take, by name.
        unit: of the coordinates in meters, 1 by default.
        subject: names of the individuals to take, of several.

    Raises:
        FormatError: damaged, or it holds no poses.
        InputError: h5py is not installed.
    """
    path = Path(path)
    with hdf5.opened(path) as file:
        if 'position' not in file or file['position'].ndim != 4:
            found = ', '.join(list(file)[:8]) or 'nothing'
            raise FormatError(f'{path}: holds {found}, expected position of movement')
        places = _axes(file['position'], _AXES)
        points = hdf5.numbers(path, file['position'])
        wanted = ('time', 'individuals', 'keypoints', 'space')
        points = points.transpose([places.index(name) for name in wanted])
        scores = None
        if 'confidence' in file:
            own = _axes(file['confidence'], ('time', 'keypoints', 'individuals'))
            scores = hdf5.numbers(path, file['confidence'])
            scores = scores.transpose([own.index(n) for n in ('time', 'individuals', 'keypoints')])
            if np.isnan(scores).all():
                scores = None
        space, names, individuals = (
            _named(path, file, axis, points.shape[place])
            for axis, place in (('space', 3), ('keypoints', 2), ('individuals', 1))
        )
        stated = np.ravel(file.attrs.get('fps', np.nan))
        known = len(stated) and np.isfinite(stated[0]) and stated[0] > 0
        rate = float(stated[0]) if known else None
        seconds = hdf5.text(file.attrs.get('time_unit', b'')) == 'seconds'
        if rate is None and seconds and 'time' in file:
            rate = clock.rate(hdf5.numbers(path, file['time']))
    if not set(space) <= set('xyz'):
        raise FormatError(f'{path}: space is {", ".join(space)[:40]}, expected x and y, or z')
    points = points[..., [space.index(axis) for axis in 'xyz' if axis in space]]
    return tracked.motion(
        path, points, names, source='movement', individuals=individuals, scores=scores, rate=rate,
        fps=fps, layout=layout, unit=unit, subject=subject,
    )


def _axes(dataset, usual: tuple[str, ...]) -> list[str]:
    """Returns the names of an array's axes by the scales attached to them."""
    found = []
    for dimension in dataset.dims:
        name = dimension[0].name.rpartition('/')[2] if len(dimension) else ''
        found.append(_OLDER.get(name, name))
    return found if sorted(found) == sorted(usual) else list(usual)


def _named(path, file, axis: str, count: int) -> list[str]:
    """Returns the names along an axis, numbers if the file has none."""
    older = next((old for old, new in _OLDER.items() if new == axis), axis)
    name = axis if axis in file else older
    names = hdf5.texts(path, file[name]) if name in file else list(map(str, range(count)))
    if len(names) != count:
        raise FormatError(f'{path}: {len(names)} names of {axis}, expected {count}')
    return names
