"""Joint layouts: names, bones, and what follows from them: parts, mirror pairs, axes.

Everywhere else a layout is a text: the name of one of `LAYOUTS`, or the JSON of one
that a file brought along (BVH, ASF).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
import functools
import json

from skeljax import documents, plugins
from skeljax.errors import InputError
from skeljax.skeletons import anatomy, naming
from skeljax.skeletons.layouts import ROWS

# Where the ends of a layout's axes are: points whose mean it is, the first that all are there.
_PELVIS = (
    ('pelvis',),
    ('left hip', 'right hip'),
    ('left front pelvis', 'right front pelvis', 'left back pelvis', 'right back pelvis'),
)
_SPINE = (('spine',), ('chest',), ('neck',), ('left shoulder', 'right shoulder'), ('head',))
_SHOULDERS = ('shoulder', 'collar', 'hip')


@dataclass(frozen=True)
class Layout:
    """Names the joints of a skeleton and how they hang together.

    Where a point of the body is no single joint, it is the mean of several: `spine`,
    `shoulders` and `centre` hold the indices of those (`middle` takes the mean).

    Attributes:
        name: of the layout.
        joints: name of each of the V joints.
        parents: index of each joint's parent, -1 for the root.
        points: point of the body (`skeljax.skeletons.anatomy`) that each joint marks, '' for none.
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
        """Pairs (parent, child)."""
        return tuple((p, c) for c, p in enumerate(self.parents) if p >= 0)

    @functools.cached_property
    def parts(self) -> tuple[tuple[int, ...], ...]:
        """Joints of torso, left arm, right arm, left leg, right leg.

        A joint that marks no point belongs to the part of its parent.
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
        """(left, right) pairs of joints."""
        return naming.pairs(self.joints)

    @functools.cached_property
    def spine(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """(lower, upper) end; their line is 'up' for alignment. Equal where there is none."""
        low = self._first(_PELVIS) or self._root
        return low, self._first(_SPINE) or low

    @functools.cached_property
    def shoulders(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """(right, left) end; their line is 'across' for alignment. Equal where there is none."""
        for word in _SHOULDERS:
            right, left = (self._first(((f'{side} {word}',),)) for side in ('right', 'left'))
            if right and left:
                return right, left
        if not self.mirror:
            return self._root, self._root
        return self.mirror[0][1:], self.mirror[0][:1]

    @functools.cached_property
    def centre(self) -> tuple[int, ...]:
        """What is put at the origin: the lower spine, else the pelvis, else the root."""
        return self._first((('spine',), *_PELVIS)) or self._root

    @property
    def _root(self) -> tuple[int, ...]:
        return (self.parents.index(-1),)

    def _first(self, choices) -> tuple[int, ...]:
        """Finds the joints of the first choice all of whose points are marked, () for none."""
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
    """Makes the layout of a file's own skeleton from its joints' names and tree.

    What the names do not tell (see `skeljax.skeletons.naming`) falls back: joints to the part
    of their parent, at last the torso; axes to a line of no length, along which
    nothing is aligned; the centre to the root.

    Args:
        name: of the layout, where it is none of `LAYOUTS`.
        joints: name of each joint.
        parents: index of each joint's parent, -1 for the root.

    Raises:
        InputError: the joints are no tree.
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
    """Sees that joints are one tree.

    Raises:
        InputError: they are not; says of which layout and why.
    """
    count = len(joints)
    if not count or len(parents) != count or list(parents).count(-1) != 1:
        raise InputError(
            f'layout {name}: {count} joints with {len(parents)} parents and '
            f'{list(parents).count(-1)} roots, expected one parent a joint and one root'
        )
    if not all(-1 <= parent < count for parent in parents):
        raise InputError(f'layout {name}: a parent is not one of its {count} joints')
    away = naming.distances(parents, parents.index(-1))
    if min(away) < 0:
        lost = joints[away.index(-1)]
        raise InputError(f'layout {name}: joint {lost!r} does not hang on the root')
