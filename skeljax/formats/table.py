"""Reads tables of joints, .csv or .csv.gz, one row a frame or one row a joint.

    frame,time,Head_x,Head_y,Head_z,Neck_x,...     one row a frame and person
    frame,joint,x,y,z                              one row a joint

A coordinate's column may part joint and axis by `_`, `.`, `:` or a space, in either
case; without z the motion is flat (z = 0). Columns that may be there too: `frame`
(a whole number; frames left out are frames without anybody), `time` (seconds, gives
the frame rate), `person`, and of each joint its `confidence`, `visibility`,
`likelihood` or `score` (0: not measured). An empty cell or nan is not measured.
Other columns are passed over.
"""

from dataclasses import dataclass
from pathlib import Path
import re

import numpy as np

from skeljax import skeleton
from skeljax.errors import FormatError
from skeljax.formats import cells, filling, options
from skeljax.formats.motion import Motion

_CERTAINTY = ('confidence', 'visibility', 'likelihood', 'score')
_COLUMN = re.compile(rf'(.+?)[ ._:]+([xyz]|{"|".join(_CERTAINTY)})$', re.IGNORECASE)
_TIME = ('time', 'timestamp', 'seconds', 't')
_PERSONS = 100
_ROOM = 10_000_000  # joints that a motion may have, however few of them are in its table


@dataclass(frozen=True)
class _Values:
    """Rows of a table: who was where when.

    Attributes:
        names: of the V joints.
        row: of the table, int[N].
        joint: index of the joint, int[N].
        coordinates: nan where not measured, float64[N, 3].
    """

    names: list[str]
    row: np.ndarray
    joint: np.ndarray
    coordinates: np.ndarray


def read(
    path, *, fps: float | None = None, layout: str | None = None, unit: float | None = None
) -> Motion:
    """Reads the joints of one table.

    Args:
        path: .csv or .csv.gz.
        fps: frames a second, where there is no column of time.
        layout: whose joints to take from the table, by name. By default the table has
            the layout of just these names, else one of its own without a tree.
        unit: of the coordinates in metres, 1 by default.

    Raises:
        FormatError: names the line, what was found and what was expected.
    """
    sheet = cells.read(path)
    if not sheet.rows:
        raise FormatError(f'{sheet.path}: no row, expected one a frame')
    by_joint = sheet.column('joint') is not None and sheet.column('x') is not None
    values = _by_joint(sheet) if by_joint else _by_frame(sheet)
    text, chosen = _layout(sheet.path, values.names, layout)
    frames, rate = _frames(sheet)
    persons = _persons(sheet)
    shape = (frames.max() + 1, persons.max() + 1, len(values.names))
    if np.prod(shape, dtype=float) > _ROOM + 100 * len(values.row):
        raise FormatError(f'{sheet.path}: {len(values.row)} joints in a motion of {shape}')
    key = np.ravel_multi_index((frames[values.row], persons[values.row], values.joint), shape)
    order = np.argsort(key, kind='stable')
    twice = np.flatnonzero(np.diff(key[order]) == 0)
    if len(twice):
        first, second = (values.row[order[twice[0] + i]] for i in (0, 1))
        sheet.fail(second, f'the frame and joint of line {sheet.lines[first]} again')
    joints = np.full((*shape, 3), np.nan)
    joints.reshape(-1, 3)[key] = values.coordinates
    joints = joints[:, :, chosen]
    measured = ~np.isnan(joints).any(-1)
    return filling.motion(
        sheet.path,
        joints * (1.0 if unit is None else unit),
        measured,
        fps=options.rate(sheet.path, rate, fps),
        layout=text,
    )


def _by_frame(sheet: cells.Cells) -> _Values:
    """Reads one row a frame (and person)."""
    columns: dict[str, dict[str, int]] = {}
    for index, name in enumerate(sheet.names):
        if match := _COLUMN.fullmatch(name):
            columns.setdefault(match[1], {})[match[2].lower()] = index
    columns = {name: axes for name, axes in columns.items() if axes.keys() & set('xyz')}
    if not columns:
        raise FormatError(
            f'{sheet.path}:1: no joint among the columns, expected JOINT_x, JOINT_y, JOINT_z'
        )
    wide = 'xyz' if any('z' in axes for axes in columns.values()) else 'xy'
    for name, axes in columns.items():
        missing = [f'{name}_{axis}' for axis in wide if axis not in axes]
        if missing:
            raise FormatError(f'{sheet.path}:1: no column {", ".join(missing)}')
    flat = [axes[axis] for axes in columns.values() for axis in wide]
    found = sheet.numbers(flat).reshape(len(sheet.rows), len(columns), len(wide))
    for joint, axes in enumerate(columns.values()):
        for certainty in axes.keys() & set(_CERTAINTY):
            unseen = ~(sheet.numbers([axes[certainty]])[:, 0] > 0)
            found[unseen, joint] = np.nan
    row, joint = np.indices(found.shape[:2]).reshape(2, -1)
    coordinates = np.pad(found.reshape(-1, len(wide)), [(0, 0), (0, 3 - len(wide))])
    return _Values(list(columns), row, joint, coordinates)


def _by_joint(sheet: cells.Cells) -> _Values:
    """Reads one row a joint."""
    axes = [sheet.column(axis) for axis in 'xyz']
    if axes[1] is None:
        raise FormatError(f'{sheet.path}:1: no column y, expected joint, x, y and z')
    if sheet.column('frame', *_TIME) is None:
        raise FormatError(f'{sheet.path}:1: no column frame or time beside joint, x, y')
    axes = [axis for axis in axes if axis is not None]
    found = sheet.numbers(axes)
    if (certainty := sheet.column(*_CERTAINTY)) is not None:
        found[~(sheet.numbers([certainty])[:, 0] > 0)] = np.nan
    column = sheet.column('joint')
    names = list(dict.fromkeys(row[column] for row in sheet.rows))
    place = {name: index for index, name in enumerate(names)}
    joint = np.array([place[row[column]] for row in sheet.rows])
    coordinates = np.pad(found, [(0, 0), (0, 3 - len(axes))])
    return _Values(names, np.arange(len(sheet.rows)), joint, coordinates)


def _layout(path: Path, names: list[str], wanted: str | None) -> tuple[str, list[int]]:
    """Finds the layout and, for each of its joints, the table's."""
    place = {_plain(name): index for index, name in enumerate(names)}
    if len(place) != len(names):
        raise FormatError(f'{path}:1: two joints of one name among {", ".join(names)[:80]}')
    known = list(skeleton.LAYOUTS.values())
    for layout in [skeleton.get(wanted), *known] if wanted else known:
        needed = [_plain(joint) for joint in layout.joints]
        chosen = layout.name == wanted or len(needed) == len(names)
        if chosen and place.keys() >= set(needed):
            return skeleton.describe(layout), [place[joint] for joint in needed]
    if wanted:
        layout = skeleton.get(wanted)
        lost = ', '.join(j for j in layout.joints if _plain(j) not in place)
        raise FormatError(f'{path}:1: {layout.name} needs joints that are not here: {lost[:80]}')
    star = (-1, *[0] * (len(names) - 1))
    own = skeleton.infer('table', tuple(names), star)
    return skeleton.describe(own), list(range(len(names)))


def _plain(name: str) -> str:
    """Strips a name of what people write differently."""
    return re.sub(r'[\W_]', '', name).lower()


def _frames(sheet: cells.Cells) -> tuple[np.ndarray, float | None]:
    """Numbers the frame of each row from 0, int[rows], and finds the frame rate."""
    column, clock = sheet.column('frame'), sheet.column(*_TIME)
    time = None if clock is None else sheet.numbers([clock])[:, 0]
    if time is not None and not np.isfinite(time).all():
        sheet.fail(int(np.argmin(np.isfinite(time))), 'no time, expected seconds')
    if column is not None:
        number = sheet.numbers([column])[:, 0]
        with np.errstate(invalid='ignore'):
            whole = (np.abs(number) < 2**53) & (number == np.round(number))
        if not whole.all():
            sheet.fail(int(np.argmin(whole)), 'the frame is no whole number')
        frames = number - number.min()
    elif time is not None:
        moments, which = np.unique(time, return_inverse=True)
        steps = np.diff(moments)
        # A step of two or three frames is one that lost some.
        typical = np.median(steps) if len(steps) else 1.0
        frames = np.append(0, np.cumsum(np.maximum(np.round(steps / typical), 1)))[which]
    else:
        return _counted(sheet), None
    rows = len(np.unique(frames))
    if frames.max() >= 1000 + 100 * rows:
        sheet.fail(int(frames.argmax()), f'frame {frames.max():.0f} of {rows} rows')
    if time is None or not frames.any():
        return frames.astype(int), None
    first, last = frames.argmin(), frames.argmax()
    seconds = time[last] - time[first]
    if not seconds > 0:
        sheet.fail(int(last), 'the time does not grow with the frames')
    return frames.astype(int), _rounded(frames.max() / seconds, time, seconds)


def _counted(sheet: cells.Cells) -> np.ndarray:
    """Numbers rows that tell neither frame nor time: each person's in their order."""
    if sheet.column('person') is None:
        return np.arange(len(sheet.rows))
    persons = _persons(sheet)
    frames = np.zeros(len(persons), int)
    for person in np.unique(persons):
        own = persons == person
        frames[own] = np.arange(own.sum())
    return frames


def _rounded(fps: float, time: np.ndarray, seconds: float) -> float:
    """Takes the rate for the whole number that it is but for the digits left out of the times."""
    exact = (d for d in range(6) if np.allclose(time, np.round(time, d), rtol=0, atol=1e-9))
    digits = next(exact, 6)
    whole = round(fps)
    return float(whole) if abs(fps - whole) <= 10.0**-digits * fps / seconds else float(fps)


def _persons(sheet: cells.Cells) -> np.ndarray:
    """Numbers the person of each row in the order they come, int[rows]."""
    column = sheet.column('person')
    if column is None:
        return np.zeros(len(sheet.rows), int)
    place: dict[str, int] = {}
    numbers = [place.setdefault(row[column], len(place)) for row in sheet.rows]
    if len(place) > _PERSONS:
        sheet.fail(numbers.index(_PERSONS), f'more than {_PERSONS} persons')
    return np.array(numbers)
