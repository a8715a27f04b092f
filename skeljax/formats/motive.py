"""Reads the CSV that OptiTrack Motive exports (format version 1.2 and later).

The first line holds take, rates, unit and space in pairs; below stand, one column each, type,
name, ID, (parent,) and quantity, then one row per frame. Of a skeleton's bones
the positions are read (a bone begins at the joint that it is named after), else markers.
The vertical is y. docs.optitrack.com, Data Export: CSV
"""

import csv
from dataclasses import replace

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import clock, filling, markers, options, sparse, subjects, texts, units
from skeljax.formats.motion import Motion

_KINDS = ('Bone', 'Marker')  # of which the first that is there is read
_AXES = ('X', 'Y', 'Z')


def read(
    path, *, fps: float | None = None, layout: str | None = None, unit: float | None = None,
    subject: str | None = None,
) -> Motion:
    """Reads bones or markers as joints in meters, float32[T, M, V, 3].

    Args:
        path: of the .csv.
        fps: frames per second, if the file has none.
        layout: whose joints to take, by name.
        unit: of the coordinates in meters, if the file has none.
        subject: name of the asset to take, of several.

    Raises:
        FormatError: names the file, the line, what was found and expected.
    """
    lines = texts.read(path, latin=True).splitlines()
    stated = _pairs(_cells(lines[0] if lines else ''))
    if stated.get('coordinate space', 'global').lower() not in ('global', 'world'):
        space = stated['coordinate space']
        expected = 'expected Global: export again'
        raise FormatError(f'{path}:1: Coordinate Space {space!r:.20}, {expected}')
    head = next((n for n, line in enumerate(lines) if _cells(line)[:1] == ['Frame']), None)
    if head is None or head + 1 >= len(lines):
        raise FormatError(f'{path}: no line that begins with Frame and rows below it')
    columns, kind = _columns(path, lines[1 : head + 1], head + 1)
    rows = [(n, line) for n, line in enumerate(lines[head + 1 :], head + 2) if line.strip(',; ')]
    if not rows:
        raise FormatError(f'{path}: no frame below line {head + 1}')
    values = sparse.table(path, rows, len(_cells(lines[head])), ',')
    frames = clock.frames(path, values[:, 0], [number for number, _ in rows])
    points = np.zeros((frames[-1] + 1, len(columns), 3))
    points[frames] = values[:, list(columns.values())]
    given = np.zeros(len(points), bool)
    given[frames] = True
    measured = np.isfinite(points).all(-1) & given[:, None] & points.any(-1)
    found = subjects.choose(path, list(columns), points, measured, wanted=subject)
    found = replace(found, notes=(f'positions of {kind.lower()}s', *found.notes))
    found, text, chosen = markers.arrange(path, found, 'motive', layout)
    scale = units.meters(path, 'Length Units', stated.get('length units', ''), unit)
    return filling.motion(
        path,
        found.points[:, :, chosen] * scale,
        found.measured[:, :, chosen],
        fps=options.rate(path, _rate(stated, values[:, 1], frames), fps),
        layout=text,
        subject=found.subject,
        notes=found.notes,
    )


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line]), [])]


def _pairs(cells: list[str]) -> dict[str, str]:
    return {name.lower(): value for name, value in zip(cells[::2], cells[1::2])}


def _columns(path, lines: list[str], number: int) -> tuple[dict[str, list[int]], str]:
    """Returns the columns of x, y and z of each bone or marker, and which of both they are."""
    rows = [_cells(line) for line in lines]
    axes = rows[-1]
    label = lambda name: next((row for row in rows if name in row[:2]), [])
    kinds, names = label('Type'), label('Name')
    what = rows[-2] if len(rows) > 1 else []
    if not kinds or not names or 'Position' not in what:
        raise FormatError(f'{path}:{number}: no Type, Name and Position above it, expected Motive')
    for kind in _KINDS:
        found: dict[str, dict[str, int]] = {}
        for column, axis in enumerate(axes):
            if column < min(map(len, (kinds, names, what))) and what[column] == 'Position':
                if kinds[column] == kind and axis in _AXES:
                    found.setdefault(names[column], {}).setdefault(axis, column)
        whole = {name: [of[a] for a in _AXES] for name, of in found.items() if len(of) == 3}
        if whole:
            return whole, kind
    there = ', '.join(sorted(set(kinds) - {'', 'Type'})) or 'nothing'
    raise FormatError(f'{path}: positions of {there}, expected of bones or markers')


def _rate(stated: dict[str, str], times: np.ndarray, frames: np.ndarray) -> float | None:
    for name in ('export frame rate', 'capture frame rate'):
        try:
            if (rate := float(stated.get(name, 'nan'))) > 0:
                return rate
        except ValueError:
            continue
    return clock.rate(times) if frames[-1] == len(frames) - 1 else None
