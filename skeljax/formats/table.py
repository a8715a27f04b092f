"""Reads tables of joints, .csv or .tsv, one row per frame and person or one row per joint.

    frame,time,Head_x,Head_y,Head_z,Neck_x,...     one row per frame and person
    frame,joint,x,y,z                              one row per joint

`skeljax.formats.columns` says which names the columns may have. Without z the motion is
flat (z = 0). An empty cell, nan and a confidence of 0 are what was not measured. Frames left
out are frames without anybody.

Rows of one frame are persons: distinguished by a column of persons, else by another column
that does, else by where they are (`skeljax.formats.tracking`). Columns that are passed over
are noted.
"""

from pathlib import Path
import re

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import cells, columns, filling, lengths, options, tracking, wanted
from skeljax.formats.columns import Columns
from skeljax.formats.moments import Moments, number
from skeljax.formats.motion import Motion
from skeljax.skeletons import skeleton

_PERSONS = 100
_ROOM = 10_000_000  # joints that a motion may have, however few of them are in its table


def read(
    path, *, fps: float | None = None, layout: str | None = None, unit: float | None = None
) -> Motion:
    """Reads the joints of one table.

    Args:
        path: .csv or .tsv, or either gzipped.
        fps: frames per second, if there is no column of time.
        layout: whose joints to take from the table, by name. By default the table has
            the layout of just these names, else one of its own (`wanted.named`).
        unit: of the coordinates in meters, if the columns do not state it; by default as
            `lengths.settle` estimates it.

    Raises:
        FormatError: names the line, what was found and what was expected.
    """
    sheet = cells.read(path)
    found = columns.find(sheet.path, sheet.names)
    if not len(sheet):
        raise FormatError(f'{sheet.path}: no row, expected one a frame')
    names, row, joint, coordinates = _values(sheet, found)
    moments = number(sheet, found)
    joints, notes = _placed(sheet, found, moments, names, row, joint, coordinates)
    text, chosen, noted = _layout(sheet.path, names, layout)
    joints = joints[:, :, chosen]
    if found.over:
        shown = ', '.join(found.over[:8]) + (', ...' if len(found.over) > 8 else '')
        noted = (*noted, f'columns passed over: {shown}')
    measured = ~np.isnan(joints).any(-1)
    stated = found.unit if found.unit is not None else unit
    scale, guessed = lengths.settle(stated, joints, measured, skeleton.get(text))
    return filling.motion(
        sheet.path,
        joints * scale,
        measured,
        fps=options.rate(sheet.path, moments.fps, fps),
        layout=text,
        subject=_subject(sheet, found),
        notes=(*moments.notes, *notes, *guessed, *noted),
    )


def _values(sheet: cells.Cells, found: Columns):
    """Reads coordinates: names of joints, row and joint of each int[N], float64[N, 3]."""
    count, width = len(found.axes), len(found.axes[0])
    sheet.numbers(sum([*found.axes, *found.certainty], []))  # all at once is quicker
    values = sheet.numbers(sum(found.axes, [])).reshape(len(sheet), count, width)
    for joint, certain in enumerate(found.certainty):
        for column in certain:
            values[~(sheet.numbers([column])[:, 0] > 0), joint] = np.nan
    coordinates = np.pad(values.reshape(-1, width), [(0, 0), (0, 3 - width)])
    if found.joint is None:
        row, joint = np.indices(values.shape[:2]).reshape(2, -1)
        return found.joints, row, joint, coordinates
    listed = sheet.cells(found.joint)
    place = {name: index for index, name in enumerate(dict.fromkeys(listed))}
    return list(place), np.arange(len(sheet)), np.array([place[n] for n in listed]), coordinates


def _placed(sheet, found: Columns, moments: Moments, names, row, joint, coordinates):
    """Puts coordinates into frames and persons, float64[T, M, V, 3]; returns notes too."""
    persons, notes = _persons(sheet, found, moments, joint)
    frames = moments.frames
    _check_room(sheet, frames.max() + 1, persons.max(initial=0) + 1, len(names), len(row))
    shape = (frames.max() + 1, persons.max(initial=0) + 1, len(names))
    key = np.ravel_multi_index((frames[row], persons[row], joint), shape)
    order = np.argsort(key, kind='stable')
    twice = np.flatnonzero(np.diff(key[order]) == 0)
    first, second = (row[order[twice + i]] for i in (0, 1))
    if found.joint is None and len(twice) and not _alike(coordinates, order, twice):
        note = f'{len(set(first))} frames have several rows: persons, distinguished by position'
        return _followed(sheet, found, frames, coordinates, shape), (*notes, note)
    if len(twice):
        lost = f'; columns passed over: {", ".join(found.over[:8])}' if found.over else ''
        same = f'the frame and joint of line {sheet.lines[first[0]]} again'
        sheet.fail(second[0], f'{same}, expected a column that names the person{lost}')
    joints = np.full((*shape, 3), np.nan)
    joints.reshape(-1, 3)[key] = coordinates
    if found.joint is None and shape[1] > 1 and _jump(joints):
        return (
            _followed(sheet, found, frames, coordinates, shape),
            (*notes, 'a person jumps to another: distinguished by position'),
        )
    return joints, notes


def _alike(coordinates: np.ndarray, order: np.ndarray, twice: np.ndarray) -> bool:
    """Returns whether what stands twice is the same each time: a row written twice."""
    first, second = (np.nan_to_num(coordinates[order[twice + i]]) for i in (0, 1))
    return bool((first == second).all())


def _jump(joints: np.ndarray) -> bool:
    """Returns whether a person jumps to another body; joints [T, M, V, 3], nan not measured."""
    for person in joints.transpose(1, 0, 2, 3):
        measured = ~np.isnan(person).any(-1)
        seen = np.flatnonzero(measured.any(-1))
        if tracking.jump(tracking.steps(person[seen], measured[seen], seen)):
            return True
    return False


def _followed(sheet, found: Columns, frames, coordinates, shape) -> np.ndarray:
    """Follows people from frame to frame, float64[T, M, V, 3]."""
    who = sheet.cells(found.person) if found.person is not None else [''] * len(sheet)
    poses: list[list[tracking.Pose]] = [[] for _ in range(shape[0])]
    bodies = coordinates.reshape(len(sheet), shape[2], 3)
    measured = ~np.isnan(bodies).any(-1)
    for row in np.flatnonzero(measured.any(-1)):
        poses[frames[row]].append(tracking.Pose(bodies[row], measured[row], who[row] or None))
    if not any(poses):
        return np.full((*shape, 3), np.nan)
    most = max(map(len, poses))
    if most > _PERSONS:
        sheet.fail(0, f'{most} persons in one frame, expected up to {_PERSONS}')
    joints, seen = tracking.arrange(poses)
    return np.where(seen[..., None], joints, np.nan)


def _persons(sheet, found: Columns, moments: Moments, joint):
    """Numbers the person of each row in the order they come, int[rows]; returns notes too."""
    column, notes = found.person, ()
    listed = sheet.cells(column) if column is not None else []
    rows = len(sheet)
    if column is not None and len(set(listed)) == rows > 2 and len(set(moments.frames)) == rows:
        found.over.append(sheet.names[column])  # a number of the row
        found.person = column = None
    if column is None and (column := _tells_apart(sheet, found, moments, joint)) is not None:
        name = sheet.names[column]
        found.over.remove(name)
        found.person, listed = column, sheet.cells(column)
        notes = (f'column {name!r} used as the person: it distinguishes rows of one frame',)
    if column is None:
        return np.zeros(rows, int), notes
    place: dict[str, int] = {}
    numbers = [place.setdefault(cell, len(place)) for cell in listed]
    if len(place) > _PERSONS:
        sheet.fail(numbers.index(_PERSONS), f'more than {_PERSONS} persons')
    return np.array(numbers), notes


def _tells_apart(sheet, found: Columns, moments: Moments, joint) -> int | None:
    """Returns a column whose cells are different in rows of one frame (and joint), few in all."""
    by_row = joint if found.joint is not None else np.zeros(len(sheet), int)
    keys = list(zip(moments.frames.tolist(), by_row.tolist(), strict=True))
    if len(set(keys)) == len(keys):
        return None
    chosen = None
    for name in found.over:
        listed = sheet.cells(sheet.names.index(name))
        count = len(set(listed))
        fits = len(set(zip(keys, listed, strict=True))) == len(keys)
        if fits and 1 < count <= _PERSONS and (chosen is None or count < chosen[0]):
            chosen = count, sheet.names.index(name)
    return None if chosen is None else chosen[1]


def _subject(sheet, found: Columns) -> str:
    """Returns who moves, where a column of subjects names one alone."""
    names = set(sheet.cells(found.subject)) if found.subject is not None else set()
    return names.pop() if len(names) == 1 else ''


def _check_room(sheet, frames, persons, joints: int, given: int):
    if float(frames) * persons * joints > _ROOM + 100 * given:
        shape = (int(frames), int(persons), joints)
        raise FormatError(f'{sheet.path}: {given} joints in a motion of {shape}')


def _layout(path: Path, names: list[str], stated):
    """Returns the layout, for each of its joints the table's, and notes."""
    names = columns.unprefixed(names)
    numbers, count = columns.numbered(names), len(names)
    place = {_plain(name): index for index, name in enumerate(names)}
    if len(place) != count:
        raise FormatError(f'{path}:1: two joints of one name among {", ".join(names)[:80]}')
    requested = None if stated is None else options.layout(path, stated)
    if requested is not None and (numbers is None or count not in requested.parts):
        lost = [joint for joint in requested.layout.joints if _plain(joint) not in place]
        if lost:
            what = f'{requested.layout.name} needs joints that are not here: {", ".join(lost)[:80]}'
            raise FormatError(f'{path}:1: {what}')
        return requested.text, [place[_plain(joint)] for joint in requested.layout.joints], ()
    notes = ()
    if numbers is not None and requested is None:
        fitting = [own for own in skeleton.LAYOUTS.values() if own.num_joints == count]
        if len(fitting) == 1:
            requested = options.layout(path, fitting[0].name)
            notes = (f'joints are numbered: taken for the {count} of {fitting[0].name}',)
        else:
            stated = f'no layout is the only one of {count}'
            notes = (f'joints are numbered, and {stated}: the option layout sets it',)
    if requested is not None:
        order = np.argsort(numbers)[list(requested.take(path, count))]
        return requested.text, order.tolist(), (*notes, *requested.note(count))
    own = wanted.named(names, 'table')
    return own.text, list(own.parts[count]), notes


def _plain(name: str) -> str:
    """Strips a name of what people write differently."""
    return re.sub(r'[\W_]', '', name).lower()
