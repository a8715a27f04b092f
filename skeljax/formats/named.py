"""Layouts of files that name their joints or markers but give no tree."""

from collections.abc import Sequence

from skeljax.errors import FormatError
from skeljax.formats import options, sites
from skeljax.formats.wanted import plain, subtree
from skeljax.skeletons import anatomy, naming, skeleton

# Word of a point -> possible parents, the nearest first; see `skeljax.skeletons.anatomy`.
_ABOVE = {
    'spine': ('pelvis',), 'upper spine': ('spine', 'pelvis'),
    'back': ('upper spine', 'spine', 'pelvis'), 'sternum': ('back', 'upper spine', 'spine'),
    'chest': ('upper spine', 'back', 'spine', 'pelvis'), 'throat': ('chest', 'sternum', 'back'),
    'neck': ('chest', 'back', 'upper spine', 'throat', 'sternum', 'spine', 'pelvis'),
    'head': ('neck', 'chest'), 'head top': ('head', 'neck'),
    'nose': ('head', 'neck', 'chest'), 'eye': ('nose', 'head', 'neck'),
    'inner eye': ('eye', 'nose'), 'outer eye': ('eye', 'nose'), 'ear': ('eye', 'nose', 'head'),
    'mouth': ('nose', 'head'), 'front head': ('back head', 'head', 'neck'),
    'back head': ('head', 'neck'),
    'front pelvis': ('back pelvis', 'pelvis'), 'back pelvis': ('pelvis', 'back'),
    'collar': ('chest', 'neck'), 'shoulder': ('collar', 'chest', 'neck'),
    'upper arm': ('shoulder',), 'elbow': ('upper arm', 'shoulder'),
    'forearm': ('elbow', 'upper arm'), 'wrist': ('forearm', 'elbow'),
    'inner wrist': ('wrist', 'forearm', 'elbow'), 'outer wrist': ('wrist', 'forearm', 'elbow'),
    'hand': ('wrist', 'inner wrist', 'outer wrist', 'forearm', 'elbow'),
    'hand tip': ('hand', 'wrist'), 'thumb': ('hand', 'wrist'),
    'hip': ('pelvis', 'front pelvis'), 'thigh': ('hip', 'front pelvis', 'pelvis'),
    'knee': ('thigh', 'hip', 'front pelvis', 'pelvis'), 'shank': ('knee',),
    'ankle': ('shank', 'knee'), 'heel': ('ankle', 'shank', 'knee'),
    'toe': ('ankle', 'shank', 'knee'), 'toe tip': ('toe', 'ankle'), 'small toe': ('toe', 'ankle'),
    **{f'{finger} {n}': (f'{finger} {n - 1}',) for finger in anatomy.FINGERS for n in (2, 3)},
    **{f'{finger} 1': ('hand', 'wrist') for finger in anatomy.FINGERS},
}
# Where a tree begins: the first of these points that is there.
_ROOTS = (
    'pelvis', 'back', 'spine', 'upper spine', 'sternum', 'throat', 'chest', 'neck',
    'left back pelvis', 'right back pelvis', 'left front pelvis', 'right front pelvis', 'nose',
    'head',
)


def layout(
    path, names: Sequence[str], *, source: str, wanted: str | Sequence[str] | None = None
) -> tuple[str, list[int]]:
    """Returns the layout of named joints; one of these names in any order, else one of their own.

    Args:
        path: for messages.
        names: N of them, different from each other.
        source: names a layout of the file's own.
        wanted: layout whose joints are taken, others left out; see `wanted.parse`.

    Returns:
        The layout as text; for each of its joints its index in `names`.

    Raises:
        FormatError: `wanted` is unknown, or needs a joint that is not among the names.
    """
    place: dict[str, int] = {}
    for index, name in enumerate(names):
        place.setdefault(plain(name), index)
    if wanted:
        requested = options.layout(path, wanted).layout
        lost = [joint for joint in requested.joints if plain(joint) not in place]
        if lost:
            stated = ', '.join(lost)[:80]
            raise FormatError(f'{path}: {requested.name} needs joints that are not here: {stated}')
        if requested.name == 'named':  # a list of names, which are connected as in the file
            tree = subtree(_own(source, names), requested.joints)
            requested = skeleton.infer('named', requested.joints, tree)
        return skeleton.describe(requested), [place[plain(joint)] for joint in requested.joints]
    for known in skeleton.LAYOUTS.values():
        if place.keys() == {plain(joint) for joint in known.joints} and len(place) == len(names):
            return known.name, [place[plain(joint)] for joint in known.joints]
    return skeleton.describe(_own(source, names)), list(range(len(names)))


def _own(source: str, names: Sequence[str]) -> skeleton.Layout:
    """Returns a layout of all names."""
    points = _points(names)
    return skeleton.Layout(source, tuple(names), _tree(points), points)


def _points(names: Sequence[str]) -> tuple[str, ...]:
    """Returns the point of the body that each name marks, '' for none; each point once."""
    found = list(naming.points(names, (-1, *[0] * (len(names) - 1))))
    marked = sites.points(names)
    for index, point in enumerate(found):
        if index in marked:
            found[index] = marked[index]
        elif point in marked.values():
            found[index] = ''
    return tuple(found)


def _tree(points: Sequence[str]) -> tuple[int, ...]:
    """Returns the parent of each joint, -1 for one of them.

    The parent of a joint is the nearest point above it on the body that has a joint; a joint
    without a point is connected to the root.
    """
    place = {point: joint for joint, point in enumerate(points) if point}
    root = next((place[point] for point in _ROOTS if point in place), 0)
    return tuple(
        -1 if joint == root else _parent(points[joint], place, root)
        for joint in range(len(points))
    )


def _parent(point: str, place: dict[str, int], root: int) -> int:
    """Returns the joint above a point: breadth first over `_ABOVE`, else the root."""
    side, word = anatomy.split(point)
    waiting = list(_ABOVE.get(word, ()))
    for above in waiting:
        for name in ((f'{side} {above}', above) if side else (above,)):
            if name in place and name != point:
                return place[name]
        waiting += [further for further in _ABOVE.get(above, ()) if further not in waiting]
    return root
