"""Reads what pose estimators write, .json, or a folder of one file per frame.

Read are MediaPipe, OpenPose, AlphaPose, COCO, PoseTrack, mmpose, Ultralytics, MoveNet,
Kinetics-skeleton, CMU Panoptic, the Azure Kinect, and what scripts around these write;
`documents`, `people` and `points` say in which forms.

Images have y downward and depth forward, and so have the rooms of these programs: y becomes
-y, and z of a motion in space -z, so that left stays left. A flat motion has z = 0. Its unit
stays the image's, be it pixels or fractions, unless `unit` gives meters. A confidence of 0
means not measured.
"""

from pathlib import Path

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import (
    documents,
    filling,
    frame_folders,
    lengths,
    options,
    texts,
    tracking,
    vertical,
    wanted,
)
from skeljax.formats.documents import Found
from skeljax.formats.motion import Motion
from skeljax.formats.wanted import Wanted
from skeljax.skeletons import skeleton

_COCO = {
    17: 'coco17', 23: 'coco23', 26: 'halpe26', 14: 'crowdpose14', 16: 'mpii16',
    133: 'coco_wholebody133', 136: 'halpe136',
}
_LAYOUTS = {  # kind of `people` -> number of points -> layout
    'mediapipe': {33: 'mediapipe33'},
    'openpose': {25: 'openpose25', 18: 'openpose18'},
    'coco': _COCO,
    'kinetics': {18: 'openpose18', 17: 'coco17'},
    'panoptic': {19: 'panoptic19'},
    'azure': {32: 'azure32'},
    'points': {33: 'mediapipe33'},
}
_UNITS = {'panoptic': 0.01, 'azure': 0.001}
_PERSONS = 100
_ALIKE = 0.8  # of the points that names and a layout both mark


def read(
    path, *, fps: float | None = None, layout=None, unit: float | None = None,
    up: str | None = None,
) -> Motion:
    """Reads the poses of one recording.

    Args:
        path: a file, or a folder of files of one frame each.
        fps: frames per second, if the file does not state it.
        layout: of the points; by default the program's own of so many points.
        unit: of the coordinates in meters; by default what the program has, else as
            `lengths.settle` estimates it of a motion in space.
        up: axis of the file that points up; -y by default.

    Raises:
        FormatError: the file is damaged; names the frame.
    """
    path = Path(path)
    document = frame_folders.read(path) if path.is_dir() else texts.document(path)
    found = documents.read(path, document, hands=_is_with_hands(layout))
    everybody = [person for some in found.frames for person in some]
    if not everybody:
        raise FormatError(f'{path}: no person in {len(found.frames)} frames')
    if max(map(len, found.frames)) > _PERSONS:
        raise FormatError(f'{path}: more than {_PERSONS} persons at once')
    kind = _kind(path, found)
    own, count = _layout(path, kind, found, layout)
    joints, measured = tracking.arrange([[p.pose for p in some] for some in found.frames])
    taken = own.take(path, count)
    joints, measured = joints[:, :, taken], measured[:, :, taken]
    world = any(person.world for person in everybody) and bool(joints[..., 2].any())
    axis, turned = _up(joints, measured, own, up, world)
    scale, scaled = _unit(kind, joints, measured, own, unit, world)
    left = ('hands are passed over; the layout openpose67 has them',)
    return filling.motion(
        path,
        vertical.turn(np.where(measured[..., None], joints, 0), axis) * scale,
        measured,
        fps=options.rate(path, found.fps, fps),
        layout=own.text,
        notes=(
            *own.note(count), *found.notes, *turned, *scaled,
            *(left if any(person.hands for person in everybody) else ()),
        ),
    )


def _kind(path: Path, found: Found) -> str:
    kinds = {person.kind for some in found.frames for person in some}
    if len(kinds) > 1:
        raise FormatError(f'{path}: frames of {" and of ".join(sorted(kinds))}')
    return kinds.pop()


def _is_with_hands(layout) -> bool:
    try:
        return layout is not None and wanted.parse(layout).layout.name == 'openpose67'
    except ValueError:
        return False  # it is refused when it is used


def _layout(path: Path, kind: str, found: Found, given) -> tuple[Wanted, int]:
    """Returns the layout, and the number of points of a person.

    It is the one that is given, if it has as many points; else a known one with the names of
    the points; else the program's own of so many points; else one of these names.
    """
    people = [person for some in found.frames for person in some]
    counts = {len(person.pose.points) for person in people}
    count = min(counts)
    if len(counts) > 1:
        raise FormatError(f'{path}: persons of {count} and of {max(counts)} points')
    known = _LAYOUTS[kind]
    requested = None if given is None else options.layout(path, given)
    if requested is not None and (count in requested.parts or count not in known):
        requested.take(path, count)
        return requested, count
    names = people[0].names or found.names
    if len(names) == count and all(person.names in ((), names) for person in people):
        named = options.layout(path, list(names))
        same = _of_points(named, known.get(count))
        if named.layout.name != 'named' or not same:
            return named, count
        return options.layout(path, same), count
    if count in known:
        return options.layout(path, known[count]), count
    expected = ' or '.join(map(str, known))
    raise FormatError(f'{path}: {count} points, {kind} has {expected}; or use the option layout')


def _of_points(named: Wanted, usual: str | None) -> str | None:
    """Returns the known layout whose joints mark the same points of the body in the same order.

    Args:
        named: a layout of names that no known one has.
        usual: layout of so many points that its program has; the first that is tried.
    """
    marks = named.layout.points
    names = [usual] if usual in skeleton.LAYOUTS else []
    for name in [*names, *skeleton.LAYOUTS]:
        points = skeleton.get(name).points
        both = [one == other for one, other in zip(marks, points, strict=False) if one and other]
        if len(points) == len(marks) and len(both) >= 6 and np.mean(both) >= _ALIKE:
            return name
    return None


def _up(joints, measured, own: Wanted, up: str | None, world: bool):
    """Returns the axis that points up, and a note where it is an estimate against the usual one."""
    if up is not None or not world:
        return up or '-y', ()
    there = measured.any(-1)
    axis = vertical.guess(joints[there], measured[there], own.layout, usual='-y') or '-y'
    return axis, () if axis == '-y' else (vertical.note(axis),)


def _unit(kind: str, joints, measured, own: Wanted, unit: float | None, world: bool):
    """Returns meters of a unit, and a note where they are an estimate."""
    if unit is not None or kind in _UNITS:
        return _UNITS.get(kind) if unit is None else unit, ()
    if not world or kind in ('mediapipe', 'openpose'):
        return 1.0, ()
    return lengths.settle(None, joints, measured, own.layout)
