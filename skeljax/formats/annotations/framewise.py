"""Reads tables of one row per frame and a column a behavior, 1 where it is shown.

As SimBA (`targets_inserted`, `machine_results`) and DeepEthogram write them. SimBA puts
coordinates and features before the behaviors: of columns that hold only 0 and 1, those
that stand together at the end are taken.
"""

from pathlib import Path
import re

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import cells
from skeljax.formats.labels import Labels, mark

_COORDINATE = re.compile(r'(_[xyp]|likelihood|probability.*|confidence)$', re.IGNORECASE)
_NOTHING = ('background', 'none', 'other')  # DeepEthogram's first column


def read(path) -> Labels:
    """Reads the labels of one recording, named as the file; in frames.

    Raises:
        FormatError: no column of 0 and 1, or a cell that is no number.
    """
    path = Path(path)
    sheet = cells.read(path)
    shown = _behaviors(sheet)
    if not shown:
        expected = 'expected columns of 0 and 1 at the end of the table'
        raise FormatError(f'{path}:1: no labels, {expected}')
    labels = Labels()
    recording = path.stem.removesuffix('_labels')
    labels.add(recording, str(path))
    for name, values in shown.items():
        edges = np.flatnonzero(np.diff(values.astype(np.int8), prepend=0, append=0))
        for start, end in edges.reshape(-1, 2).tolist():
            where = f'{path}:{sheet.lines[start]}'
            labels.segments[recording].append(mark(start, end, name, where, in_frames=True))
    labels.notes.append(f'{path}: a row a frame, behaviors {", ".join(shown)[:200]}')
    return labels


def _behaviors(sheet: cells.Cells) -> dict[str, np.ndarray]:
    """Returns the columns of 0 and 1 at the end of a table, name -> bool[T]."""
    found: dict[str, np.ndarray] = {}
    for column in reversed(range(len(sheet.names))):
        name = sheet.names[column]
        cell = {row[column] for row in sheet.rows}
        flags = {'0', '1', '0.0', '1.0'}
        if not name or _COORDINATE.search(name) or not cell or not cell <= flags:
            if found and not _COORDINATE.search(name):
                break
            continue
        found[name] = np.array([row[column][0] == '1' for row in sheet.rows])
    return {n: v for n, v in reversed(found.items()) if n.lower() not in _NOTHING}
