"""Parses the option layout: a name, a part of a larger layout, or names of joints.

    halpe26             a layout of `skeljax.skeletons.skeleton.LAYOUTS`
    halpe136            its whole body, of which the part that is a layout is taken
    hip,knee,foot       names of a file's points in their order
"""

from collections.abc import Sequence
from dataclasses import dataclass
import re

from skeljax.errors import FormatError, InputError
from skeljax.skeletons import skeleton
from skeljax.skeletons.skeleton import Layout

_SMPLX = (*range(22), *range(25, 55))  # without the jaw and the eyes
# Layout -> number of points of which it is a part -> these, in its order.
_PARTS: dict[str, dict[int, Sequence[int]]] = {
    'halpe26': {136: range(26)},
    'coco23': {133: range(23)},
    'coco17': {23: range(17), 133: range(17)},
    'openpose25': {67: range(25)},
    'mediapipe33': {501: range(33)},  # with the face behind it
    'smplh52': {55: _SMPLX, 127: _SMPLX, 144: _SMPLX},
    'smpl24': {45: range(24)},
    'smpl22': {n: range(22) for n in (24, 45, 52, 55, 127, 144)},
}
# Name of a whole body -> its part and number of points.
WHOLE = {
    'halpe136': ('halpe26', 136), 'coco_wholebody133': ('coco23', 133),
    'smpl45': ('smpl24', 45), 'smplx55': ('smplh52', 55), 'smplx127': ('smplh52', 127),
    'smplx144': ('smplh52', 144),
}


@dataclass(frozen=True)
class Wanted:
    """A layout, and which points of a file are its joints.

    Attributes:
        layout: of the joints.
        parts: number of points of a file -> the points that are the joints, in their order.
    """

    layout: Layout
    parts: dict[int, tuple[int, ...]]

    @property
    def text(self) -> str:
        """Returns the layout as text."""
        return skeleton.describe(self.layout)

    def take(self, path, count: int) -> tuple[int, ...]:
        """Returns the points that are the joints.

        Raises:
            FormatError: a file of so many points has none.
        """
        if count not in self.parts:
            expected = f'expected the {self.layout.num_joints} of {self.layout.name}'
            raise FormatError(f'{path}: {count} joints, {expected}')
        return self.parts[count]

    def note(self, count: int) -> tuple[str, ...]:
        """Returns a note on which points of a file are left out, () for none."""
        left = count - self.layout.num_joints
        return (f'{left} of {count} points are no joints of {self.layout.name}',) if left else ()


def parse(text: str | Sequence[str]) -> Wanted:
    """Parses the option.

    Args:
        text: a name, names of joints separated by commas or in a list, or a described layout.

    Raises:
        InputError: there is no such layout; lists those there are.
    """
    if not isinstance(text, str):
        if not isinstance(text, list | tuple) or not all(isinstance(n, str) for n in text):
            raise InputError(f'layout is {str(text)[:40]}, expected a name or names of joints')
        return named(text)
    if text in WHOLE:
        part, count = WHOLE[text]
        return Wanted(skeleton.get(part), {count: tuple(_PARTS[part][count])})
    if ',' in text and not text.startswith('{'):
        return named([name.strip() for name in text.split(',')])
    try:
        layout = skeleton.get(text)
    except InputError as error:
        raise InputError(f'{error}, {", ".join(WHOLE)}; or names of joints') from None
    parts = {layout.num_joints: range(layout.num_joints), **_PARTS.get(layout.name, {})}
    return Wanted(layout, {count: tuple(points) for count, points in parts.items()})


def named(names: Sequence[str], source: str = 'named') -> Wanted:
    """Returns the layout of points with these names: a known one, in whatever order, or their own.

    One of their own has the tree of the known layout that has all of these joints, with those
    left out that are not there; without such a layout all are children of the first.

    Args:
        names: of the points.
        source: name of a layout of their own.

    Raises:
        InputError: no name, one that is empty, or one that stands twice.
    """
    bare = [plain(name) for name in names]
    if not bare or not all(bare) or len(set(bare)) < len(bare):
        raise InputError(f'names of joints are {", ".join(names)[:80]}: expected each once')
    for layout in skeleton.LAYOUTS.values():
        joints = [plain(joint) for joint in layout.joints]
        if set(joints) == set(bare):
            return Wanted(layout, {len(bare): tuple(map(bare.index, joints))})
    parts = (tree for own in skeleton.LAYOUTS.values() if (tree := subtree(own, names)))
    own = skeleton.infer(source, tuple(names), next(parts, (-1, *[0] * (len(names) - 1))))
    return Wanted(own, {len(names): tuple(range(len(names)))})


def subtree(layout: Layout, names: Sequence[str]) -> tuple[int, ...] | None:
    """Returns the parent of each of some joints of a layout among them; None if one is not its."""
    joints, bare = ([plain(name) for name in some] for some in (layout.joints, names))
    if not set(bare) <= set(joints):
        return None
    parents = []
    for name in bare:
        above = layout.parents[joints.index(name)]
        while above >= 0 and joints[above] not in bare:
            above = layout.parents[above]
        parents.append(bare.index(joints[above]) if above >= 0 else -1)
    root = parents.index(-1)
    return tuple(root if p < 0 and n != root else p for n, p in enumerate(parents))


def plain(name: str) -> str:
    """Strips a name of what people write differently."""
    return re.sub(r'[\W_]', '', name).lower()
