"""Reads Anipose's points in space, pose-3d/*.csv: NAME_x, NAME_y, NAME_z, NAME_error ...

Columns `NAME_score` hold the confidence, `fnum` the frame; those of the calibrated center and
axes (`M_00`, `center_0`) are passed over. The files have neither a frame rate nor a unit.
"""

from pathlib import Path

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import clock, sparse, texts, tracked
from skeljax.formats.motion import Motion


def read(
    path, *, fps: float | None = None, layout: str | None = None, unit: float | None = None
) -> Motion:
    """Reads the points of one animal.

    Args:
        path: .csv.
        fps: frames per second.
        layout: whose joints to take, by name.
        unit: of the coordinates in meters, 1 by default.

    Raises:
        FormatError: names the line, what was found and expected.
    """
    path = Path(path)
    lines = texts.read(path).splitlines()
    names = [name.strip() for name in lines[0].split(',')] if lines else []
    place = {name: column for column, name in enumerate(names)}
    parts = [name[:-2] for name in names if name.endswith('_x')]
    parts = [part for part in parts if f'{part}_y' in place and f'{part}_z' in place]
    rows = [(n, line) for n, line in enumerate(lines[1:], 2) if line.strip(', ')]
    if not parts or not rows:
        raise FormatError(f'{path}:1: no NAME_x, NAME_y, NAME_z and rows, expected Anipose')
    values = sparse.table(path, rows, len(names), ',')
    numbers = values[:, place['fnum']] if 'fnum' in place else np.arange(len(rows), dtype=float)
    frames = clock.frames(path, numbers, [number for number, _ in rows])
    points = np.full((frames[-1] + 1, 1, len(parts), 3), np.nan)
    columns = [[place[f'{part}_{axis}'] for axis in 'xyz'] for part in parts]
    points[frames, 0] = values[:, columns]
    scores = None
    if all(f'{part}_score' in place for part in parts):
        scores = np.full(points.shape[:3], np.nan)
        scores[frames, 0] = values[:, [place[f'{part}_score'] for part in parts]]
    return tracked.motion(
        path, points, parts, source='anipose', scores=scores, fps=fps, layout=layout, unit=unit
    )
