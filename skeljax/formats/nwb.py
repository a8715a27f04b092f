"""Reads the poses of NWB files, as the extension ndx-pose stores them; by h5py.

A container PoseEstimation is an individual, a series in it a point; series are put together
by their times. Pixels of an image, whose y goes down: it becomes -y. The tree is that of
the skeleton in the file.
"""

from pathlib import Path

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import clock, hdf5, tracked
from skeljax.formats.motion import Motion


def read(
    path, *, fps: float | None = None, layout: str | None = None, unit: float | None = None,
    subject: str | None = None,
) -> Motion:
    """Reads the individuals of one session.

    Args:
        path: .nwb.
        fps: frames per second, if the file has none; SLEAP's have none.
        layout: whose joints to take, by name.
        unit: of the coordinates in meters, 1 by default.
        subject: names of the individuals to take, of several.

    Raises:
        FormatError: damaged, or no pose is in it.
        InputError: h5py is not installed.
    """
    path = Path(path)
    with hdf5.opened(path) as file:
        found = hdf5.groups(file, ('PoseEstimation',))
        if not found:
            raise FormatError(f'{path}: no PoseEstimation, expected poses of ndx-pose')
        series = {name: _series(path, group) for name, group in found}
        names, edges = _skeleton(path, found[0][1])
    parts = list(dict.fromkeys([
        *names, *(part for some in series.values() for part in some)
    ]))
    rate = max((s[2] for some in series.values() for s in some.values() if s[2]), default=None)
    used = rate or 1.0  # without a rate, times count frames
    begin = min(s[1][0] for some in series.values() for s in some.values())
    frames = {
        who: {part: np.round((s[1] - begin) * used).astype(int) for part, s in some.items()}
        for who, some in series.items()
    }
    count = max(int(f[-1]) for some in frames.values() for f in some.values()) + 1
    rows = max(len(f) for some in frames.values() for f in some.values())
    if count > 1000 + 100 * rows:
        raise FormatError(f'{path}: {count} frames in {rows} rows')
    wide = max(s[0].shape[1] for some in series.values() for s in some.values())
    points = np.full((count, len(series), len(parts), wide), np.nan)
    scores = np.ones(points.shape[:3])
    for person, (who, some) in enumerate(series.items()):
        for part, (data, _, _, certain) in some.items():
            place = frames[who][part], person, parts.index(part)
            points[place] = np.pad(data, [(0, 0), (0, wide - data.shape[1])])
            scores[place] = certain
    shown = tracked.edges(path, edges, len(names)) if len(names) == len(parts) else []
    return tracked.motion(
        path, points, parts, source='nwb', individuals=[n.rpartition('/')[2] for n in series],
        scores=scores, edges=shown, rate=rate, fps=fps, layout=layout, unit=unit, subject=subject,
    )


def _series(path, group) -> dict[str, tuple[np.ndarray, np.ndarray, float | None, np.ndarray]]:
    """Reads the points of an individual: name -> (data [N, C], times [N], rate, confidence [N])."""
    found = {}
    for name in group:
        series = group[name]
        if not hasattr(series, 'keys') or hdf5.kind(series) != 'PoseEstimationSeries':
            continue
        data = hdf5.numbers(path, series['data'])
        if data.ndim != 2 or data.shape[1] not in (2, 3) or not len(data):
            raise FormatError(f'{path}: {series.name}: data are {data.shape}, expected [frames, 2]')
        rate, times = None, np.arange(len(data), dtype=float)
        if 'timestamps' in series:
            times = hdf5.numbers(path, series['timestamps'])
            rate = clock.rate(times)
        elif 'starting_time' in series:
            stated = float(series['starting_time'].attrs.get('rate', 0))
            # SLEAP writes 1 where it does not know, and 0.
            rate = stated if stated > 0 and stated != 1 else None
            times = float(series['starting_time'][()]) + times / (rate or 1.0)
        certain = np.ones(len(data))
        if 'confidence' in series:
            certain = hdf5.numbers(path, series['confidence'])
        if times.shape != certain.shape or len(times) != len(data) or not np.isfinite(times).all():
            raise FormatError(f'{path}: {series.name}: {len(data)} points, {len(times)} times')
        found[name] = data, times, rate, certain
    if not found:
        raise FormatError(f'{path}: {group.name}: no PoseEstimationSeries in it')
    return found


def _skeleton(path, group) -> tuple[list[str], np.ndarray]:
    """Reads the points and edges of an individual's skeleton, none if it has none."""
    # A link that is named as the skeleton.
    linked = (group[name] for name in group if group.get(name) is not None)
    own = next((g for g in linked if hasattr(g, 'keys') and hdf5.kind(g) == 'Skeleton'), None)
    if own is None or 'nodes' not in own:
        return [], np.zeros((0, 2))
    edges = own['edges'][()] if 'edges' in own else np.zeros((0, 2))
    return hdf5.texts(path, own['nodes']), np.asarray(edges, int)
