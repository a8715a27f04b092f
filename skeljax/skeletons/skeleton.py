"""Joint layouts: names and bones, and the parts, mirror pairs and axes derived from them.

Elsewhere a layout is a text: the name of one of `LAYOUTS`, or the JSON of the skeleton of a file
(BVH, ASF) or another package.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
import functools
import json

from skeljax import documents, plugins
from skeljax.errors import InputError
from skeljax.skeletons import anatomy, naming
from skeljax.skeletons.layouts import ROWS

# The ends of a layout's axes: the mean of these points; the first choice that is complete.
_PELVIS = (
    ('pelvis',),
    ('left hip', 'right hip'),
    ('left front pelvis', 'right front pelvis', 'left back pelvis', 'right back pelvis'),
)
_SPINE = (('spine',), ('chest',), ('neck',), ('left shoulder', 'right shoulder'), ('head',))
_SHOULDERS = ('shoulder', 'collar', 'hip')


@dataclass(frozen=True)
class Layout:
    """The joints of a skeleton and their tree.

    `spine`, `shoulders` and `center` are positions computed as the mean of one or more joints
    (by `middle`); they hold the indices of these joints.

    Attributes:
        name: of the layout.
        joints: name of each of the V joints.
        parents: index of each joint's parent, -1 for the root.
        points: point of the body (`skeljax.skeletons.anatomy`) of each joint, '' for none.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    points: tuple[str, ...]

    @property
    def num_joints(self) -> int:
        return len(self.joints)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """Returns the pairs (parent, child)."""
        return tuple((p, c) for c, p in enumerate(self.parents) if p >= 0)

    @functools.cached_property
    def parts(self) -> tuple[tuple[int, ...], ...]:
        """Returns the joints of torso, left arm, right arm, left leg, right leg.

        A joint without a point belongs to the part of its parent.
        """
        parts: tuple[list[int], ...] = tuple([] for _ in anatomy.PARTS)
        for joint in range(self.num_joints):
            known = joint
            while not self.points[known] and self.parents[known] >= 0:
                known = self.parents[known]
            parts[anatomy.part(self.points[known])].append(joint)
        return tuple(map(tuple, parts))

    @functools.cached_property
    def mirror(self) -> tuple[tuple[int, int], ...]:
        """Returns the (left, right) pairs of joints."""
        return naming.pairs(self.joints)

    @functools.cached_property
    def spine(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Returns the (lower, upper) end of the axis 'up' of alignment; equal if unknown."""
        low = self._first(_PELVIS) or self._root
        return low, self._first(_SPINE) or low

    @functools.cached_property
    def shoulders(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Returns the (right, left) end of the axis 'across' of alignment; equal if unknown."""
        for word in _SHOULDERS:
            right, left = (self._first(((f'{side} {word}',),)) for side in ('right', 'left'))
            if right and left:
                return right, left
        if not self.mirror:
            return self._root, self._root
        return self.mirror[0][1:], self.mirror[0][:1]

    @functools.cached_property
    def center(self) -> tuple[int, ...]:
        """Returns the position used as origin: the lower spine, else the pelvis or the root."""
        return self._first((('spine',), *_PELVIS)) or self._root

    @property
    def _root(self) -> tuple[int, ...]:
        return (self.parents.index(-1),)

    def _first(self, choices) -> tuple[int, ...]:
        """Returns the joints of the first choice that is complete, () for none."""
        for names in choices:
            if all(name in self.points for name in names):
                return tuple(self.points.index(name) for name in names)
        return ()


def middle(joints, indices: tuple[int, ...]):
    """Returns the mean of some joints, float[..., V, 3] -> float[..., 3]."""
    return joints[..., list(indices), :].mean(-2)


def _known(name: str, rows) -> Layout:
    joints, parents, points = zip(*rows, strict=True)
    numbers = tuple(joints.index(parent) if parent != '-' else -1 for parent in parents)
    return Layout(name, joints, numbers, points)


LAYOUTS = {name: _known(name, rows) for name, rows in ROWS.items()}


def infer(name: str, joints: Sequence[str], parents: Sequence[int]) -> Layout:
    """Returns the layout of a skeleton given by the names and the tree of its joints.

    It is one of `LAYOUTS` if names and tree are equal. Points are derived from the names
    (`skeljax.skeletons.naming`). Where that fails, a joint belongs to the part of its parent or to
    the torso, axes have no length (there is no alignment), and the center is the root.

    Args:
        name: of the layout, unless it is one of `LAYOUTS`.
        joints: name of each joint.
        parents: index of each joint's parent, -1 for the root.

    Raises:
        InputError: the joints are not a tree.
    """
    joints, parents = tuple(map(str, joints)), tuple(map(int, parents))
    for layout in LAYOUTS.values():
        if (layout.joints, layout.parents) == (joints, parents):
            return layout
    _check(name, joints, parents)
    return Layout(name, joints, parents, naming.points(joints, parents))


@functools.cache
def get(text: str) -> Layout:
    """Returns a layout by its name, or the one that `describe` wrote.

    Names are those of `LAYOUTS` and of other packages (`skeljax.plugins`).

    Raises:
        InputError: no such layout; lists the known ones.
    """
    if text in LAYOUTS:
        return LAYOUTS[text]
    if not text.startswith('{'):
        return _installed(text)
    try:
        layout = Layout(**{key: _tuple(value) for key, value in documents.parse(text).items()})
        texts = (layout.name, *layout.joints, *layout.points)
        if {*map(type, texts)} != {str} or {*map(type, layout.parents)} != {int}:
            raise InputError('expected names and indices of parents')
        _check(layout.name, layout.joints, layout.parents)
        known = {*anatomy.POINTS, ''}
        if len(layout.points) != layout.num_joints or not known.issuperset(layout.points):
            raise InputError(f'points are {layout.points}')
    except (TypeError, ValueError) as error:
        raise InputError(f'a damaged description of a joint layout: {error}') from None
    return layout


def _installed(name: str) -> Layout:
    """Returns a layout that another package provides."""
    others = plugins.found(plugins.LAYOUTS)
    if name not in others:
        raise InputError(f'unknown joint layout {name!r}, known: {", ".join((*LAYOUTS, *others))}')
    layout = plugins.load(plugins.LAYOUTS, name)
    if not isinstance(layout, Layout) or layout.name != name:
        raise InputError(
            f'entry point {name!r} of {plugins.LAYOUTS}: {layout!r:.60}, expected a Layout of this '
            f'name'
        )
    return get(_described(layout))  # which checks it


def describe(layout: Layout) -> str:
    """Returns the text by which `get` finds a layout: the name if in `LAYOUTS`, otherwise JSON."""
    if LAYOUTS.get(layout.name) == layout:
        return layout.name
    return _described(layout)


def _described(layout: Layout) -> str:
    return json.dumps(asdict(layout), separators=(',', ':'))


def _tuple(value):
    return tuple(value) if isinstance(value, list) else value


def _check(name, joints, parents):
    """Checks that the joints are one tree.

    Raises:
        InputError: they are not; names the layout and the reason.
    """
    count = len(joints)
    if not count or len(parents) != count or list(parents).count(-1) != 1:
        raise InputError(
            f'layout {name}: {count} joints with {len(parents)} parents and '
            f'{list(parents).count(-1)} roots, expected one parent per joint and one root'
        )
    if not all(-1 <= parent < count for parent in parents):
        raise InputError(f'layout {name}: a parent is not one of its {count} joints')
    away = naming.distances(parents, parents.index(-1))
    if min(away) < 0:
        lost = joints[away.index(-1)]
        raise InputError(f'layout {name}: joint {lost!r} is not connected to the root')
