"""Reads the TSV that Qualisys Track Manager exports: markers in space, one row per frame.

Lines of a header hold a key and its values: `FREQUENCY`, `MARKER_NAMES`, `DATA_INCLUDED`.
A line of column names may follow, and columns `Frame` and `Time` may come first. Blank
cells, `NULL` and points at exactly (0, 0, 0) were not measured. Millimeters; the vertical
is z, as is usual there.
"""

from dataclasses import replace
import re

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import filling, markers, options, sparse, subjects, texts
from skeljax.formats.motion import Motion

_KEY = re.compile(r'[A-Z][A-Z0-9_]+\t')


def read(
    path, *, fps: float | None = None, layout: str | None = None, unit: float | None = None,
    subject: str | None = None, up: str | None = None,
) -> Motion:
    """Reads markers as joints in meters, float32[T, M, V, 3], y up.

    Args:
        path: of the .tsv.
        fps: frames per second, if the file has none.
        layout: whose joints to take, by name; `centers` computes centers of joints.
        unit: of the coordinates in meters, a thousandth by default.
        subject: whose points to take, of several.
        up: axis that points up, z by default.

    Raises:
        FormatError: names the file, the line, what was found and expected.
    """
    lines = texts.read(path, latin=True).splitlines()
    stated, body = _header(lines)
    kind = (stated.get('DATA_INCLUDED') or ['3D'])[0]
    names = [name for name in stated.get('MARKER_NAMES', []) if name]
    if kind != '3D' or not names:
        expected = 'expected 3D with MARKER_NAMES: export 3D data as TSV, or C3D'
        raise FormatError(f'{path}: DATA_INCLUDED {kind!r:.20}, {expected}')
    lead = 0
    if body < len(lines) and re.search('[A-Za-z]', lines[body].replace('NULL', '')):
        cells = [cell.strip().lower() for cell in lines[body].split('\t')]
        lead = sum(cell in ('frame', 'time') for cell in cells[:2])
        body += 1
    rows = [(n, line.replace('NULL', '')) for n, line in enumerate(lines[body:], body + 1)]
    rows = [(n, line) for n, line in rows if line]
    if not rows:
        raise FormatError(f'{path}: no frame below its header')
    values = sparse.table(path, rows, lead + 3 * len(names), '\t')
    points = values[:, lead:].reshape(len(rows), len(names), 3)
    measured = np.isfinite(points).all(-1) & points.any(-1)
    found = subjects.choose(path, names, points, measured, wanted=subject)
    found = replace(found, points=markers.upright(found.points, up or 'z'))
    found, text, chosen = markers.arrange(path, found, 'qualisys', layout)
    try:
        rate = float(stated.get('FREQUENCY', ['nan'])[0])
    except ValueError:
        rate = np.nan
    return filling.motion(
        path,
        found.points[:, :, chosen] * (0.001 if unit is None else unit),
        found.measured[:, :, chosen],
        fps=options.rate(path, rate if rate > 0 else None, fps),
        layout=text,
        subject=found.subject,
        notes=found.notes,
    )


def _header(lines: list[str]) -> tuple[dict[str, list[str]], int]:
    """Reads keys and their values; returns them and the index of the line below."""
    stated: dict[str, list[str]] = {}
    for index, line in enumerate(lines):
        if not _KEY.match(line):
            return stated, index
        key, *values = line.rstrip('\n').split('\t')
        stated[key] = [value.strip() for value in values]
    return stated, len(lines)
