"""Reads the trajectories in the CSV that Vicon Nexus exports as ASCII.

A file has sections; of `Trajectories` the next lines hold the frame rate, the subject and
name of each marker (`Ann:LASI`), the axes, the unit, then one row per frame. Markers of model
outputs (angles, forces) are in sections of their own. The vertical is z.
"""

import csv
from dataclasses import replace

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import clock, filling, markers, options, sparse, subjects, texts, units
from skeljax.formats.motion import Motion


def read(
    path, *, fps: float | None = None, layout: str | None = None, unit: float | None = None,
    subject: str | None = None, up: str | None = None,
) -> Motion:
    """Reads markers as joints in meters, float32[T, M, V, 3], y up.

    Args:
        path: of the .csv.
        fps: frames per second, if the file has none.
        layout: whose joints to take, by name; `centers` computes centers of joints.
        unit: of the coordinates in meters, if the file has none.
        subject: whose points to take, of several.
        up: axis that points up, z by default.

    Raises:
        FormatError: names the file, the line, what was found and expected.
    """
    lines = texts.read(path, latin=True).splitlines()
    heads = (line.strip(' ,;\t"') for line in lines)
    begin = next((n for n, head in enumerate(heads) if head == 'Trajectories'), None)
    if begin is None or begin + 5 >= len(lines):
        raise FormatError(f'{path}: no section Trajectories with its header and rows')
    separator = max(',;\t', key=lines[begin + 3].count)
    header = lines[begin + 1 : begin + 5]
    stated, names, axes, unit_row = (_cells(line, separator) for line in header)
    columns = {}
    for column, name in enumerate(names):
        if name and axes[column : column + 3] == ['X', 'Y', 'Z']:
            columns.setdefault(name, [column, column + 1, column + 2])
    if axes[:1] != ['Frame'] or not columns:
        raise FormatError(f'{path}:{begin + 4}: no Frame and X, Y, Z of markers, expected Nexus')
    rows = []
    for number, line in enumerate(lines[begin + 5 :], begin + 6):
        if not line.strip(f'{separator} '):
            break
        rows.append((number, line))
    if not rows:
        raise FormatError(f'{path}: no frame below line {begin + 5}')
    values = sparse.table(path, rows, len(axes), separator)
    frames = clock.frames(path, values[:, 0], [number for number, _ in rows])
    points = np.zeros((frames[-1] + 1, len(columns), 3))
    points[frames] = values[:, list(columns.values())]
    given = np.zeros(len(points), bool)
    given[frames] = True
    measured = np.isfinite(points).all(-1) & given[:, None] & points.any(-1)
    found = subjects.choose(path, list(columns), points, measured, wanted=subject)
    found = replace(found, points=markers.upright(found.points, up or 'z'))
    found, text, chosen = markers.arrange(path, found, 'nexus', layout)
    spelled = next((cell for cell in unit_row if cell), '')
    return filling.motion(
        path,
        found.points[:, :, chosen] * units.meters(path, 'unit', spelled, unit, 0.001),
        found.measured[:, :, chosen],
        fps=options.rate(path, _number(stated[:1]), fps),
        layout=text,
        subject=found.subject,
        notes=found.notes,
    )


def _cells(line: str, separator: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]


def _number(cells: list[str]) -> float | None:
    try:
        return float(cells[0]) if cells and float(cells[0]) > 0 else None
    except ValueError:
        return None
