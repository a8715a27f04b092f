"""Reads DeepLabCut and what writes its tables: LightningPose, and others. CSV and HDF5.

Columns have three or four names: scorer, (individual,) bodypart and coordinate, `x`, `y`
(`z`) and `likelihood`; other coordinates are passed over. Pixels of an image, whose y goes
down: it becomes -y. A likelihood of 0 means not measured. The files have no frame rate.

HDF5 is read by h5py; the names that pandas keeps there as pickles are read without running
anything in them.
"""

from collections.abc import Sequence
import csv
import io
from pathlib import Path

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import hdf5, pickled, sparse, texts, tracked
from skeljax.formats.motion import Motion

_LEVELS = ('scorer', 'individuals', 'bodyparts', 'coords')
_SCORES = ('likelihood', 'confidence', 'score')
Names = tuple[str, ...]


def read(
    path, *, fps: float | None = None, layout: str | None = None, unit: float | None = None,
    subject: str | None = None,
) -> Motion:
    """Reads the points of one table.

    Args:
        path: .csv, or .h5 of pandas.
        fps: frames per second.
        layout: whose joints to take, by name.
        unit: of the coordinates in meters, 1 by default.
        subject: names of the individuals to take, of several.

    Raises:
        FormatError: names the line, what was found and expected.
        InputError: h5py is not installed.
    """
    path = Path(path)
    columns, values, frames = _csv(path) if '.csv' in path.name.lower() else _hdf5(path)
    individuals = list(dict.fromkeys(names[0] for names in columns))
    parts = list(dict.fromkeys(names[1] for names in columns))
    place = {names: index for index, names in enumerate(columns)}
    axes = 'xyz' if any(names[2] == 'z' for names in columns) else 'xy'
    count = int(frames[-1]) + 1 if len(frames) else 0
    points = np.full((count, len(individuals), len(parts), len(axes)), np.nan)
    scores = np.full(points.shape[:3], np.nan)
    scored = False
    for person, who in enumerate(individuals):
        for joint, part in enumerate(parts):
            for axis, letter in enumerate(axes):
                if (who, part, letter) in place:
                    points[frames, person, joint, axis] = values[:, place[who, part, letter]]
            certain = next((s for s in _SCORES if (who, part, s) in place), None)
            scored |= certain is not None
            own = 1.0 if certain is None else values[:, place[who, part, certain]]
            scores[frames, person, joint] = own
    return tracked.motion(
        path, points, parts, source='dlc', individuals=individuals if any(individuals) else (),
        scores=scores if scored else None, fps=fps, layout=layout, unit=unit, subject=subject,
    )


def _csv(path: Path) -> tuple[list[Names], np.ndarray, np.ndarray]:
    """Reads a table with its names in the first rows; returns names, values, frames."""
    lines = texts.read(path).splitlines()
    heads: dict[str, list[str]] = {}
    lead = 1
    for line in lines[:4]:
        cells = next(csv.reader(io.StringIO(line)), [])
        if not cells or cells[0] not in _LEVELS:
            break
        # Labeled frames have three columns of their place before the points.
        lead = next((n for n, cell in enumerate(cells) if n and cell), 1)
        heads[cells[0]] = cells
    if not {'bodyparts', 'coords'} <= heads.keys():
        raise FormatError(f'{path}:1: no rows scorer, bodyparts and coords, expected DeepLabCut')
    wide = len(heads['coords'])
    if {len(cells) for cells in heads.values()} != {wide}:
        raise FormatError(f'{path}:2: rows of names of different length')
    body = list(enumerate(lines[len(heads) :], len(heads) + 1))
    rows = [(number, line) for number, line in body if line.strip(', ')]
    if not rows:
        raise FormatError(f'{path}: no frame below its header')
    marks, numbers = [], []
    for number, line in rows:
        cells = line.split(',', lead)
        if len(cells) <= lead:
            raise FormatError(f'{path}:{number}: {len(cells)} columns, expected {wide}')
        marks.append(cells[lead - 1])
        numbers.append((number, cells[lead]))
    values = sparse.table(path, numbers, wide - lead, ',')
    who = heads.get('individuals', [''] * wide)
    names = list(zip(who[lead:], heads['bodyparts'][lead:], heads['coords'][lead:], strict=True))
    return _checked(path, names), values, _frames(path, marks, rows)


def _frames(path, marks: Sequence[str], rows) -> np.ndarray:
    """Numbers frames by the first column, where it holds whole numbers that grow; else in a row."""
    try:
        found = np.array([int(mark) for mark in marks])
    except (ValueError, OverflowError):
        return np.arange(len(marks))
    steps = np.diff(found)
    if len(steps) and (steps <= 0).any():
        row = int(np.argmax(steps <= 0)) + 1
        stated = f'frame {found[row]} after {found[row - 1]}'
        raise FormatError(f'{path}:{rows[row][0]}: {stated}, expected numbers that grow')
    found = found - found[0]
    if found[-1] >= 1000 + 100 * len(found):
        raise FormatError(f'{path}: {found[-1]} frames in {len(found)} rows')
    return found


def _hdf5(path: Path) -> tuple[list[Names], np.ndarray, np.ndarray]:
    """Reads a table of pandas, of either of its formats."""
    with hdf5.opened(path) as file:
        for name in file:
            group = file[name]
            if 'table' in group:
                names, values, index = _appended(path, group)
            elif 'block0_values' in group:
                names, values, index = _fixed(path, group)
            else:
                continue
            if not all(isinstance(c, tuple) and len(c) in (3, 4) for c in names):
                raise FormatError(f'{path}: columns without scorer, bodypart and coordinate')
            names = [tuple(map(str, c)) for c in names]
            names = [c[-3:] if len(c) == 4 else ('', *c[-2:]) for c in names]
            rows = [(number, '') for number in range(len(values))]
            marks = [''] * len(rows) if index is None else [str(int(n)) for n in index]
            return _checked(path, names), values, _frames(path, marks, rows)
    raise FormatError(f'{path}: no table of pandas, expected DeepLabCut')


def _appended(path, group):
    """Reads pandas' format `table`: names of columns are pickled attributes."""
    table = group['table']
    names, values = [], []
    for block in (field for field in table.dtype.names or () if field.startswith('values_block')):
        raw = table.attrs[f'{block}_kind']
        raw = raw if isinstance(raw, bytes) else bytes(raw)
        names += pickled.load(io.BytesIO(raw))
        hdf5.check_size(path, table)
        values.append(np.asarray(table[block], np.float64).reshape(len(table), -1))
    if not values or len(names) != sum(block.shape[1] for block in values):
        raise FormatError(f'{path}: {len(names)} names of columns, expected as many as columns')
    index = table['index'] if table.dtype['index'].kind in 'iu' else None
    return names, np.concatenate(values, 1), index


def _fixed(path, group):
    """Reads pandas' format `fixed`: names of columns are levels and numbers of them."""
    levels = []
    while f'block0_items_level{len(levels)}' in group:
        number = len(levels)
        level = hdf5.texts(path, group[f'block0_items_level{number}'])
        code = group[f'block0_items_label{number}'] if f'block0_items_label{number}' in group else (
            group[f'block0_items_codes{number}']
        )
        levels.append([level[int(n)] for n in hdf5.numbers(path, code)])
    values = hdf5.numbers(path, group['block0_values'])
    names = list(zip(*levels, strict=True))
    if values.ndim != 2 or len(names) != values.shape[1]:
        raise FormatError(f'{path}: {len(names)} names of columns, expected as many as columns')
    index = group['axis1'] if 'axis1' in group else None
    whole = index is not None and index.dtype.kind in 'iu'
    return names, values, hdf5.numbers(path, index) if whole else None


def _checked(path, names: list[Names]) -> list[Names]:
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise FormatError(f'{path}: two columns {" ".join(twice).strip()!r:.60}')
    if not {'x', 'y'} <= {name[2] for name in names}:
        raise FormatError(f'{path}: no columns x and y, expected DeepLabCut')
    return names
