"""Joint layouts as data: names, bones, body parts, mirror pairs.

Everywhere else a layout is a text: the name of one of these, or the JSON of one
that a file brought along (BVH, ASF).
"""

from dataclasses import asdict, dataclass
import functools
import json

from skeljax.errors import InputError


@dataclass(frozen=True)
class Layout:
    """Names the joints of a skeleton and how they hang together.

    Attributes:
        name: of the layout.
        joints: name of each of the V joints.
        parents: index of each joint's parent, -1 for the root.
        parts: joints of torso, left arm, right arm, left leg, right leg.
        mirror: (left, right) pairs of joints.
        spine: (lower, upper) joint; their line is 'up' for alignment.
        shoulders: (right, left) joint; their line is 'across' for alignment.
        centre: the joint put at the origin.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    parts: tuple[tuple[int, ...], ...]
    mirror: tuple[tuple[int, int], ...]
    spine: tuple[int, int]
    shoulders: tuple[int, int]
    centre: int

    @property
    def num_joints(self) -> int:
        return len(self.joints)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """Pairs (parent, child)."""
        return tuple((p, c) for c, p in enumerate(self.parents) if p >= 0)


_NTU25 = Layout(
    name='ntu25',
    joints=tuple(
        'SpineBase SpineMid Neck Head ShoulderLeft ElbowLeft WristLeft HandLeft ShoulderRight '
        'ElbowRight WristRight HandRight HipLeft KneeLeft AnkleLeft FootLeft HipRight KneeRight '
        'AnkleRight FootRight SpineShoulder HandTipLeft ThumbLeft HandTipRight ThumbRight'.split()
    ),
    # Joint 20 (between the shoulders) is the root of the field's graph.
    parents=(
        1, 20, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, -1, 22, 7, 24, 11,
    ),
    parts=(
        (0, 1, 2, 3, 20),
        (4, 5, 6, 7, 21, 22),
        (8, 9, 10, 11, 23, 24),
        (12, 13, 14, 15),
        (16, 17, 18, 19),
    ),
    mirror=(
        (4, 8), (5, 9), (6, 10), (7, 11), (12, 16), (13, 17), (14, 18), (15, 19),
        (21, 23), (22, 24),
    ),
    spine=(0, 1),
    shoulders=(8, 4),
    centre=1,
)

_UIPRMD22 = Layout(
    name='uiprmd22',
    joints=tuple(
        'Waist Spine Chest Neck Head HeadTip LCollar LUpperArm LForearm LHand RCollar RUpperArm '
        'RForearm RHand LUpLeg LLowLeg LFoot LToes RUpLeg RLowLeg RFoot RToes'.split()
    ),
    parents=(-1, 0, 1, 2, 3, 4, 2, 6, 7, 8, 2, 10, 11, 12, 0, 14, 15, 16, 0, 18, 19, 20),
    parts=(
        (0, 1, 2, 3, 4, 5),
        (6, 7, 8, 9),
        (10, 11, 12, 13),
        (14, 15, 16, 17),
        (18, 19, 20, 21),
    ),
    mirror=((6, 10), (7, 11), (8, 12), (9, 13), (14, 18), (15, 19), (16, 20), (17, 21)),
    spine=(0, 1),
    shoulders=(11, 7),
    centre=1,
)

LAYOUTS = {layout.name: layout for layout in (_NTU25, _UIPRMD22)}


@functools.cache
def get(text: str) -> Layout:
    """Finds a layout by name, or reads one that `describe` wrote.

    Raises:
        InputError: no such layout; lists those there are.
    """
    if text in LAYOUTS:
        return LAYOUTS[text]
    if not text.startswith('{'):
        raise InputError(f'unknown joint layout {text!r}, known: {", ".join(LAYOUTS)}')
    try:
        return Layout(**{name: _tuples(value) for name, value in json.loads(text).items()})
    except (TypeError, ValueError) as error:
        raise InputError(f'a damaged description of a joint layout: {error}') from None


def describe(layout: Layout) -> str:
    """Writes a layout as the text by which `get` finds it: its name, or JSON for one of a file's own."""
    if LAYOUTS.get(layout.name) == layout:
        return layout.name
    return json.dumps(asdict(layout), separators=(',', ':'))


def infer(name: str, joints: tuple[str, ...], parents: tuple[int, ...]) -> Layout:
    """Stands in until a layout is guessed from the joints' names."""
    last = len(joints) - 1
    reached = {-1}
    for _ in joints:
        reached |= {joint for joint, parent in enumerate(parents) if parent in reached}
    if len(reached) <= len(joints):
        raise InputError(f'layout {name}: no tree')
    parts = (tuple(range(len(joints))),)
    return Layout(name, tuple(joints), tuple(parents), parts, (), (0, min(1, last)), (0, last), 0)


def _tuples(value):
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
