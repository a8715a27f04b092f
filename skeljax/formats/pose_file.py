"""Reads .pose files of sign language processing, by the library pose-format.

A file has components (body, face, hands): the body is read, others are left out. Its limbs
make the tree, its names the layout. Pixels of an image, whose y goes down: it becomes -y,
and z of a pose in space -z, so that left stays left. A confidence of 0 means not measured.
"""

from pathlib import Path

import numpy as np

from skeljax.errors import FormatError, InputError
from skeljax.formats import tracked
from skeljax.formats.motion import Motion

_BODY = ('pose_world_landmarks', 'pose_landmarks', 'pose_keypoints_2d', 'body')


def read(
    path, *, fps: float | None = None, layout: str | None = None, unit: float | None = None
) -> Motion:
    """Reads the bodies of one recording.

    Args:
        path: .pose.
        fps: frames per second, if the file has none.
        layout: whose joints to take, by name.
        unit: of the coordinates in meters, 1 by default.

    Raises:
        FormatError: damaged, or no body is in it.
        InputError: pose-format is not installed.
    """
    path = Path(path)
    try:
        from pose_format import Pose
    except ImportError:
        stated = 'reading .pose needs pose-format: pip install skeljax[pose]'
        raise InputError(f'{path}: {stated}') from None
    try:
        pose = Pose.read(path.read_bytes())
        components = [
            (c.name, list(c.points), [(int(a), int(b)) for a, b in c.limbs])
            for c in pose.header.components
        ]
        data = np.ma.filled(np.ma.masked_array(pose.body.data, dtype=np.float64), np.nan)
        scores, rate = np.asarray(pose.body.confidence, np.float64), float(pose.body.fps)
    except Exception as error:  # the library raises whatever the damage causes
        stated = ' '.join(f'{type(error).__name__}: {error}'.split())[:160]
        raise FormatError(f'{path}: cannot be read by pose-format: {stated}') from None
    known = {name.lower(): index for index, (name, _, _) in enumerate(components)}
    chosen = next((known[name] for name in _BODY if name in known), 0)
    name, names, limbs = components[chosen]
    start = sum(len(points) for _, points, _ in components[:chosen])
    part = slice(start, start + len(names))
    points = data[:, :, part, :3]
    flat = points.shape[-1] == 2 or name.lower().endswith('_2d')
    points = points[..., :2] if flat else points * [1, -1, -1] + 0.0
    left = [other for other, _, _ in components if other != name]
    notes = (f'left out {", ".join(left)[:80]}: the body {name} is read',) if left else ()
    edges = tracked.edges(path, np.array(limbs).reshape(-1, 2), len(names))
    known_names = names[0].lower() == 'nose'  # of an estimator whose layout is known
    return tracked.motion(
        path, points, names, source='pose', scores=scores[:, :, part],
        edges=() if known_names else edges,
        individuals=[str(n) for n in range(points.shape[1])] if points.shape[1] > 1 else (),
        rate=rate if rate > 0 else None, fps=fps, layout=layout, unit=unit, notes=notes,
    )
