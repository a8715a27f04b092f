"""Builds a motion of the arrays of an animal tracker: points of individuals, maybe in pixels."""

from collections.abc import Sequence

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import filling, named, options
from skeljax.formats.motion import Motion
from skeljax.skeletons import naming, skeleton

_ROOM = 5 * 10**7  # points of a recording


def motion(
    path,
    points: np.ndarray,
    names: Sequence[str],
    *,
    source: str,
    individuals: Sequence[str] = (),
    scores: np.ndarray | None = None,
    edges: Sequence[tuple[int, int]] = (),
    rate: float | None = None,
    fps: float | None = None,
    layout: str | None = None,
    unit: float | None = None,
    subject: str | None = None,
    notes: Sequence[str] = (),
) -> Motion:
    """Returns a motion; y of an image, which goes down, becomes -y.

    Args:
        path: of the file.
        points: nan if not measured, float[T, M, V, 2 or 3].
        names: of the V points, different ones.
        source: names a layout of the file's own.
        individuals: names of the M; () for one without a name.
        scores: confidence of each point, float[T, M, V]; 0 and nan are not measured.
        edges: pairs of points that are connected, as the file has them.
        rate: frames per second that the file has.
        fps, layout, unit: options of the user, see `skeljax.formats.read`.
        subject: names of the individuals to take, separated by commas.
        notes: what was estimated or left out.

    Raises:
        FormatError: nothing was measured; no such individual; two points of one name.
    """
    if points.ndim != 4 or not points.size or points.size > 3 * _ROOM:
        raise FormatError(f'{path}: points are {points.shape}, expected some, at most {_ROOM}')
    if len(set(names)) < len(names) or len(names) != points.shape[2]:
        stated = ', '.join(names)[:80]
        what = f'{points.shape[2]} points named {stated}'
        raise FormatError(f'{path}: {what}, expected as many names')
    individuals = list(individuals) or ['']
    points = np.asarray(points, np.float64)
    measured = np.isfinite(points).all(-1)
    if scores is not None:
        with np.errstate(invalid='ignore'):
            measured &= np.asarray(scores, np.float64) > 0
    kept, more = _kept(path, individuals, measured, subject)
    points, measured = points[:, kept], measured[:, kept]
    if points.shape[-1] == 2:
        points = np.pad(points * [1, -1] + 0.0, [(0, 0)] * 3 + [(0, 1)])
    if edges and layout is None:
        text, chosen = _own(source, names, edges), list(range(len(names)))
    else:
        text, chosen = named.layout(path, names, source=source, wanted=layout)
    return filling.motion(
        path,
        points[:, :, chosen] * (1.0 if unit is None else unit),
        measured[:, :, chosen],
        fps=options.rate(path, rate, fps),
        layout=text,
        subject=' '.join(filter(None, (individuals[index] for index in kept))),
        notes=(*notes, *more),
    )


def _kept(
    path, individuals: list[str], measured: np.ndarray, subject: str | None
) -> tuple[list[int], tuple[str, ...]]:
    """Chooses individuals: those requested, else all of whom something was measured."""
    if subject is not None:
        wanted = [name.strip() for name in subject.split(',')]
        strange = next((name for name in wanted if name not in individuals), None)
        if strange is not None:
            known = ', '.join(map(repr, individuals[:8]))
            raise FormatError(f'{path}: no individual {strange!r:.40}, found {known}')
        return [individuals.index(name) for name in wanted], ()
    seen = measured.any((0, 2))
    if not seen.any():
        raise FormatError(f'{path}: no point was measured in {len(measured)} frames')
    absent = [name for name, there in zip(individuals, seen, strict=True) if not there]
    left = f'left out {", ".join(map(repr, absent[:8]))}: no point of theirs was measured'
    return np.flatnonzero(seen).tolist(), (left,) if absent else ()


def _own(source: str, names: Sequence[str], edges: Sequence[tuple[int, int]]) -> str:
    """Describes the layout of a tree of edges; separate parts are connected to its root."""
    beside: list[list[int]] = [[] for _ in names]
    for one, other in edges:
        beside[one].append(other)
        beside[other].append(one)
    children = {child for _, child in edges}
    root = next((n for n in range(len(names)) if n not in children and beside[n]), 0)
    parents = [-2] * len(names)
    for start in (root, *range(len(names))):
        if parents[start] != -2:
            continue
        parents[start] = -1 if start == root else root
        waiting = [start]
        for joint in waiting:
            for other in beside[joint]:
                if parents[other] == -2:
                    parents[other] = joint
                    waiting.append(other)
    for known in skeleton.LAYOUTS.values():
        if (known.joints, known.parents) == (tuple(names), tuple(parents)):
            return known.name
    points = naming.points(names, parents)
    return skeleton.describe(skeleton.Layout(source, tuple(names), tuple(parents), points))


def edges(path, array: np.ndarray, count: int) -> list[tuple[int, int]]:
    """Checks pairs of points int[E, 2].

    Raises:
        FormatError: one is not below `count`.
    """
    array = np.asarray(array)
    if not array.size:
        return []
    if array.ndim != 2 or array.shape[1] != 2 or not ((array >= 0) & (array < count)).all():
        raise FormatError(f'{path}: edges are {array.shape}, expected pairs of {count} points')
    return [(int(a), int(b)) for a, b in array]
