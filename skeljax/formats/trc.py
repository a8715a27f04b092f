"""Reads TRC (track row column): named points frame by frame, as text.

Written by OpenSim, OpenCap, Pose2Sim, Sports2D, Cortex, Motive, Mokka and others. Three
lines of header (the second names what the third holds), two that name the columns, then
one row per frame: `Frame#`, `Time` and x, y, z of each marker, separated by tabs. Blank cells and
points at exactly (0, 0, 0) were not measured. The vertical is y, as OpenSim has it.

https://opensimconfluence.atlassian.net/wiki/spaces/OpenSim/pages/53089972
"""

from collections.abc import Sequence
import dataclasses
from dataclasses import dataclass
import re

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import clock, filling, markers, options, sparse, subjects, texts, units
from skeljax.formats.motion import Motion

_HEAD = re.compile(r'\s*Frame\s*#?\s', re.IGNORECASE)
_EXPECTED = 'expected TRC: a header from PathFileType on, Frame#, Time and the markers'


@dataclass(frozen=True)
class _Table:
    """The content of a file.

    Attributes:
        header: key, lower case -> value.
        names: of the markers.
        lines: of the file, a row each.
        values: frame, time and x, y, z of each marker, float64[N, 2 + 3 V].
        notes: what was passed over.
    """

    header: dict[str, str]
    names: list[str]
    lines: list[int]
    values: np.ndarray
    notes: tuple[str, ...]


def read(
    path, *, fps: float | None = None, layout: str | Sequence[str] | None = None,
    unit: float | None = None, subject: str | None = None,
) -> Motion:
    """Reads markers as joints in meters, float32[T, M, V, 3].

    Args:
        path: of the .trc, plain or gzipped.
        fps: frames per second, where neither the header nor the times give it.
        layout: whose joints to take from the markers, by name.
        unit: of the coordinates in meters, where the header has none.
        subject: whose points to take, of names like `SUBJECT:POINT`.

    Raises:
        FormatError: names the file, the line, what was found and expected.
    """
    table = _table(path)
    frames = clock.frames(path, table.values[:, 0], table.lines)
    rate, notes = _rate(path, table, frames)
    scale = _unit(path, table.header.get('units', ''), unit)
    points = np.zeros((frames[-1] + 1, len(table.names), 3))
    points[frames] = table.values[:, 2:].reshape(len(frames), -1, 3)
    given = np.zeros(points.shape[:2], bool)
    given[frames] = True
    measured = given & np.isfinite(points).all(-1) & points.any(-1)
    found = subjects.choose(path, table.names, points, measured, wanted=subject)
    found = dataclasses.replace(found, notes=(*table.notes, *notes, *found.notes))
    found, text, chosen = markers.arrange(path, found, 'trc', layout)
    return filling.motion(
        path,
        found.points[:, :, chosen] * scale,
        found.measured[:, :, chosen],
        fps=options.rate(path, rate, fps),
        layout=text,
        subject=found.subject,
        notes=found.notes,
    )


def _table(path) -> _Table:
    """Reads the file as it is."""
    lines = texts.read(path, latin=True).splitlines()
    head = next((n for n, line in enumerate(lines) if _HEAD.match(line)), None)
    if head is None or head + 2 >= len(lines):
        raise FormatError(f'{path}: no line Frame#, Time and rows below it, {_EXPECTED}')
    header = {}
    if head >= 2:
        keys, held = (_cells(line) for line in lines[head - 2 : head])
        header = {key.lower(): value for key, value in zip(keys, held)}
    names = _names(path, head + 1, lines[head], header)
    # The line below names the columns X1 Y1 Z1 ...; a few writers leave it out.
    body = list(enumerate(lines[head + 1 :], head + 2))
    if re.search(r'\b[xyz]\d*\b', body[0][1], re.IGNORECASE):
        body = body[1:]
    rows = [(number, line) for number, line in body if line.strip()]
    if not rows:
        raise FormatError(f'{path}: no frame below its header')
    tabs = '\t' in rows[0][1]
    if not tabs:
        rows = [(number, '\t'.join(line.split())) for number, line in rows]
    notes = []
    if ',' in rows[0][1]:
        rows = [(number, line.replace(',', '.')) for number, line in rows]
        notes.append('decimal commas read as points')
    columns = 2 + 3 * len(names)
    cells = max(len(line.rstrip().split('\t')) for _, line in rows[:100])
    values = sparse.table(path, rows, max(columns, cells), '\t')
    if cells > columns:
        notes.append(f'left out {cells - columns} columns beyond those of the named markers')
    count = header.get('numframes', '')
    if count.isdigit() and int(count) != len(rows):
        notes.append(f'{len(rows)} frames, though its header has {count}')
    numbers = [number for number, _ in rows]
    return _Table(header, names, numbers, values[:, :columns], tuple(notes))


def _names(path, number: int, line: str, header: dict[str, str]) -> list[str]:
    """Reads the names of the markers from the line that begins with Frame#."""
    cells = _cells(line)[2:]
    names = [cell for cell in cells if cell]
    # With tabs a name stands above the first of its three columns.
    spread = [cell for cell in cells[::3] if cell]
    if len(spread) != len(names) and header.get('nummarkers') != str(len(names)):
        names = spread
    if not names:
        raise FormatError(f'{path}:{number}: no marker is named, {_EXPECTED}')
    return names


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in (line.split('\t') if '\t' in line else line.split())]


def _rate(path, table: _Table, frames: np.ndarray) -> tuple[float | None, tuple[str, ...]]:
    """Returns frames per second: by the times, which OpenSim goes by too, else by the header."""
    try:
        stated = float(table.header.get('datarate', 'nan').replace(',', '.'))
    except ValueError:
        stated = np.nan
    stated = stated if np.isfinite(stated) and stated > 0 else None
    times = table.values[:, 1]
    if len(times) > 1 and frames[-1] == len(frames) - 1:
        found = clock.rate(times)
    else:
        span = times[-1] - times[0]
        found = frames[-1] / span if len(times) > 1 and span > 0 else None
    if found is None or stated is None or abs(found / stated - 1) < 0.01:
        return stated or found, ()
    note = f'{found:g} frames per second by its times, though its header has {stated:g}'
    return found, (note,)


def _unit(path, stated: str, given: float | None) -> float:
    if given is None and stated.lower() in ('px', 'pixel', 'pixels'):
        hint = 'expected meters: Sports2D writes them beside it, NAME_m_personNN.trc'
        raise FormatError(f'{path}: Units are pixels, {hint}; or set the option unit')
    return units.meters(path, 'Units', stated, given)
