"""Identifies the columns of a table of joints by their names.

Case, blanks and marks between words do not matter, units in brackets are split off.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
import re

from skeljax.errors import FormatError
from skeljax.formats.options import UNITS


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FRAME = _words(
    'frame frameidx frameindex frameid framenumber framenum frameno framenr frames framecount '
    'framecounter image imageid imageindex imageidx imageno imgid img imagename imgname filename'
)
_PERSON = _words(
    'person personid personidx personindex personnumber personno track trackid trackidx '
    'trackindex tracknumber trackname trackingid individual individuals individualid animal '
    'animalid identity identityid subject subjectid body bodyid bodyidx bodyindex bodynumber '
    'player playerid skeleton skeletonid skeletonindex instance instanceid instanceidx human '
    'humanid people user userid actor actorid participant participantid performer dancer '
    'patient pose poseid poseidx poseindex object objectid who id pid idx'
)
_TIME = {  # name -> seconds of a unit; None is seconds, unless the steps say otherwise
    **dict.fromkeys(_words('time timestamp seconds t sec times timestamps ts')),
    **dict.fromkeys(_words('timesec timeseconds timestampsec timestampseconds times'), 1.0),
    **dict.fromkeys(
        _words('timems timestampms milliseconds millis ms timemsec timemilliseconds'), 1e-3
    ),
    **dict.fromkeys(_words('timeus timestampus timestampusec microseconds timeusec'), 1e-6),
    **dict.fromkeys(_words('timens timestampns nanoseconds'), 1e-9),
}
_JOINT = _words(
    'joint jointname jointid jointindex jointidx keypoint keypointname keypointid keypointindex '
    'keypointidx landmark landmarkname landmarkid landmarkindex landmarkidx bodypart '
    'bodypartname marker markername node nodename point pointname pointid kp kpid kpt part '
    'partname'
)
_JOINT_ELSE = _words('name id index idx type label')  # in a table of x and y, without the above
_CERTAINTY = _words(
    'confidence conf visibility visible vis likelihood score presence certainty probability '
    'prob v c p'
)
_PLACE = 'pos|position|coord|coordinate'
_AXIS = re.compile(f'(?:{_PLACE}|world|c)?([xyz])(?:{_PLACE}|px)?')
_ENDS = f'[xyz]|{"|".join(sorted(_CERTAINTY, key=len, reverse=True))}'
_MARK = r'[ ._:/-]+'
# How a name of a column parts into joint and axis; the first of these forms that names joints.
_FORMS = (
    re.compile(rf'(?P<joint>.+?){_MARK}(?P<axis>{_ENDS})', re.IGNORECASE),
    re.compile(
        rf'(?P<head>(?:.*{_MARK})?)(?P<axis>{_ENDS})(?:{_MARK})?(?P<joint>\d+)', re.IGNORECASE
    ),
    re.compile(rf'(?P<axis>[xyz]|{"|".join(_CERTAINTY[:9])}){_MARK}(?P<joint>.+)', re.IGNORECASE),
    re.compile(r'(?P<joint>.*[a-z0-9])(?P<axis>[XYZ])'),
    re.compile(r'(?P<joint>.*[A-Za-z_]?\d+)(?P<axis>[xyzvc])'),
)
_BRACKETS = re.compile(r'(.*?)\s*[(\[]\s*([^()\[\]]*?)\s*[)\]]')


@dataclass
class Columns:
    """The columns of a table by their indices; None if there is no such column.

    Attributes:
        joints: names of the joints, of a table of one row per frame; [] of one row per joint.
        axes: columns of x, y and z of each joint, [V, 2 or 3]; of one row per joint, [1, 2 or 3].
        confidence: columns of each joint.
        joint: that names the joint of a row.
        frame, person, subject: columns.
        time: column, and seconds of its unit; None for an unknown unit.
        unit: of the coordinates in meters, if the names state it.
        over: names of those that are passed over.
    """

    joints: list[str] = field(default_factory=list)
    axes: list[list[int]] = field(default_factory=list)
    certainty: list[list[int]] = field(default_factory=list)
    joint: int | None = None
    frame: int | None = None
    person: int | None = None
    subject: int | None = None
    time: tuple[int, float | None] | None = None
    unit: float | None = None
    over: list[str] = field(default_factory=list)


def find(path, names: Sequence[str]) -> Columns:
    """Returns the columns of a table of joints.

    Raises:
        FormatError: there is no joint, or one lacks a coordinate.
    """
    bare, units = zip(*map(_bare, names), strict=True)
    plain = [_plain(name) for name in bare]
    found = Columns()
    xyz = {match[1]: n for n, name in reversed(list(enumerate(plain)))
           if (match := _AXIS.fullmatch(name))}
    found.joint = _first(plain, _JOINT)
    wide = {} if found.joint is not None and 'x' in xyz else _wide(bare)
    if found.joint is None and not wide and {'x', 'y'} <= xyz.keys():
        found.joint = _first(plain, _JOINT_ELSE)
    if found.joint is not None and not wide and 'x' in xyz:
        _by_joint(path, found, plain, xyz)
    else:
        found.joint = None
        _by_frame(path, found, wide)
    used = {found.joint, *sum(found.axes, []), *sum(found.certainty, [])}
    free = [name if n not in used else '' for n, name in enumerate(plain)]
    found.frame = _first(free, _FRAME)
    found.person = _first(free, _PERSON)
    found.subject = _first(free, ('subject', 'subjectid', 'participant', 'participantid'))
    time = next((n for n, name in enumerate(free) if name in _TIME), None)
    # A unit in brackets was split off: time (ms) is timems.
    if time is not None:
        scale = _TIME.get(free[time] + _plain(units[time]), _TIME[free[time]])
        found.time = time, scale
    stated = {UNITS.get(units[n].lower()) for n in sum(found.axes, [])}
    found.unit = stated.pop() if len(stated) == 1 else None
    used |= {found.frame, found.person, time}
    found.over = [names[n] for n in range(len(names)) if n not in used and names[n]]
    return found


def _by_joint(path, found: Columns, plain: list[str], xyz: dict[str, int]):
    """Fills in the columns of a table of one row per joint."""
    if 'y' not in xyz:
        raise FormatError(f'{path}:1: no column y, expected joint, x, y and z')
    found.axes = [[xyz[axis] for axis in 'xyz' if axis in xyz]]
    found.certainty = [[n for n, name in enumerate(plain) if name in _CERTAINTY]]


def _by_frame(path, found: Columns, wide: dict[str, dict[str, int]]):
    """Fills in the columns of a table of one row per frame (and person)."""
    if not wide:
        raise FormatError(
            f'{path}:1: no joint among the columns, expected JOINT_x, JOINT_y, JOINT_z, or a row '
            'a joint with the columns frame, joint, x, y, z'
        )
    axes = 'xyz' if any('z' in columns for columns in wide.values()) else 'xy'
    for name, columns in wide.items():
        missing = [f'{name}_{axis}' for axis in axes if axis not in columns]
        if missing:
            raise FormatError(f'{path}:1: no column {", ".join(missing)}')
    found.joints = list(wide)
    found.axes = [[columns[axis] for axis in axes] for columns in wide.values()]
    found.certainty = [
        [n for axis, n in columns.items() if axis not in 'xyz'] for columns in wide.values()
    ]


def _wide(names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Splits names of columns into joint -> axis or confidence -> column."""
    for form in _FORMS:
        joints: dict[str, dict[str, int]] = {}
        for column, name in enumerate(names):
            if match := form.fullmatch(name):
                joint = match.groupdict().get('head', '') + match['joint']
                joints.setdefault(joint, {})[match['axis'].lower()] = column
        joints = {name: axes for name, axes in joints.items() if axes.keys() & set('xyz')}
        if any({'x', 'y'} <= axes.keys() for axes in joints.values()):
            return joints
    return {}


def numbered(names: Sequence[str]) -> list[int] | None:
    """Returns the numbers of joints that are only numbered, from 0; None otherwise.

    They may all have the same word before the number, and count from 0 or from 1.
    """
    matches = [re.fullmatch(r'(\D*?)[ ._:-]*0*(\d{1,6})', name) for name in names]
    if not matches or not all(matches) or len({match[1] for match in matches}) > 1:
        return None
    numbers = [int(match[2]) for match in matches]
    first = min(numbers)
    if first > 1 or sorted(numbers) != list(range(first, first + len(numbers))):
        return None
    return [number - first for number in numbers]


def unprefixed(names: Sequence[str]) -> list[str]:
    """Strips joints of what stands before all of them: PoseLandmark.NOSE is NOSE."""
    heads = {match[0] if (match := re.match(r'\w+[.:]', name)) else '' for name in names}
    head = heads.pop() if len(heads) == 1 else ''
    bare = [name[len(head) :] for name in names]
    return bare if all(bare) else list(names)


def _bare(name: str) -> tuple[str, str]:
    """Splits a unit in brackets off a name."""
    match = _BRACKETS.fullmatch(name)
    return (match[1], match[2]) if match and match[1] else (name, '')


def _plain(name: str) -> str:
    return re.sub(r'[\W_]', '', name).lower()


def _first(plain: Sequence[str], known: Sequence[str]) -> int | None:
    """Returns the column of the first known name that there is."""
    return next((plain.index(name) for name in known if name in plain), None)
