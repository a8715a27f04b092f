"""Annotations of pyskl and MMAction2: skeletons of NTU RGB+D, Kinetics and others as arrays.

https://github.com/kennymckormick/pyskl/blob/main/tools/data/README.md
"""

from collections.abc import Mapping
import re

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import filling, options, pickled, wanted
from skeljax.formats.archive import reason
from skeljax.formats.motion import Motion
from skeljax.formats.wanted import Wanted
from skeljax.skeletons import skeleton

FPS = 30.0  # of NTU RGB+D and Kinetics
# Number of joints and of coordinates -> layout, of which the first that is known counts.
_LAYOUTS = {
    (25, 3): ('ntu25',), (17, 2): ('coco17',), (17, 3): ('h36m17',), (18, 2): ('openpose18',),
    (25, 2): ('openpose25',), (20, 3): ('kinect20',), (133, 2): ('coco_wholebody133',),
    (13, 2): ('gym13',), (22, 3): ('smpl22',), (24, 3): ('smpl24',),
}
_SUBJECT = re.compile(r'S\d{3}C\d{3}(P\d{3})R\d{3}A\d{3}')


def annotations(content) -> list[Mapping]:
    """Returns the annotations that a pickle holds, none if it holds something else."""
    if isinstance(content, dict):
        content = content.get('annotations')
    if not isinstance(content, list) or not content:
        return []
    good = all(isinstance(item, dict) and 'keypoint' in item for item in content)
    return content if good else []


def name(item: Mapping, index: int) -> str:
    """Returns the name of a recording, without folders and ending; its number if it has none."""
    stated = str(item.get('frame_dir') or item.get('filename') or index)
    return stated.replace('\\', '/').rstrip('/').rpartition('/')[2] or str(index)


def motion(
    path, item: Mapping, *, fps: float | None, layout: str | None, unit: float | None
) -> Motion:
    """Returns the motion of an annotation.

    Args:
        path: for messages, and its name.
        item: the annotation.
        fps: frames per second, `FPS` by default.
        layout: of the joints, by their number by default.
        unit: of flat coordinates in meters.

    Raises:
        FormatError: an array is missing or of another shape.
    """
    joints = _array(path, item, 'keypoint')
    if joints is None or joints.ndim != 4 or joints.shape[-1] not in (2, 3) or not joints.size:
        shape = None if joints is None else joints.shape
        expected = 'expected (persons, frames, joints, 2 or 3)'
        raise FormatError(f'{path}: keypoint is {shape}, {expected}')
    joints = joints.astype(np.float64).transpose(1, 0, 2, 3)
    measured = np.isfinite(joints).all(-1) & joints.any((2, 3))[..., None]
    notes = () if fps else (f'no frame rate: {FPS:g} taken; the option fps sets another',)
    scores = _array(path, item, 'keypoint_score')
    if scores is not None:
        if scores.shape != (joints.shape[1], joints.shape[0], joints.shape[2]):
            expected = 'expected that of keypoint'
            raise FormatError(f'{path}: keypoint_score is {scores.shape}, {expected}')
        seen = scores.transpose(1, 0, 2) > 0
        if not measured.any() and seen.any():
            notes = (*notes, 'all coordinates are 0, though their scores are not')
            measured = seen
        measured &= seen
    else:
        measured &= joints.any(-1)
    if flat := joints.shape[-1] == 2:
        # y of an image goes down from its top.
        joints = [0, _height(item)] + joints * [1, -1] + 0.0
        joints = np.pad(joints, [(0, 0)] * 3 + [(0, 1)])
    found = _SUBJECT.search(str(item.get('frame_dir', '')))
    count = joints.shape[2]
    own = _layout(path, layout, count, 2 if flat else 3)
    chosen = own.take(path, count)
    return filling.motion(
        path,
        joints[:, :, chosen] * (1.0 if unit is None else unit),
        measured[:, :, chosen],
        fps=options.rate(path, fps, FPS),
        layout=own.text,
        subject=found[1] if found else '',
        notes=(*notes, *own.note(count)),
    )


def _height(item: Mapping) -> float:
    """Returns the height of the image in pixels, 0 where it is unknown."""
    stated = item.get('img_shape', item.get('original_shape'))
    good = isinstance(stated, tuple | list) and stated and isinstance(stated[0], int | float)
    return float(stated[0]) if good and 0 < stated[0] < 1e5 else 0.0


def _layout(path, stated, joints: int, coordinates: int) -> Wanted:
    if stated is None:
        names = _LAYOUTS.get((joints, coordinates), ())
        known = skeleton.LAYOUTS.keys() | wanted.WHOLE.keys()
        stated = next((name for name in names if name in known), None)
    if stated is None:
        raise FormatError(f'{path}: {joints} joints of no known layout, expected the option layout')
    return options.layout(path, stated)


def _array(path, item: Mapping, key: str) -> np.ndarray | None:
    if item.get(key) is None:
        return None
    try:
        found = pickled.array(item[key])
    except Exception as error:  # whatever the damage of a pickle causes
        raise FormatError(f'{path}: {key}: {reason(error)}, expected numbers') from None
    if found.dtype.kind not in 'fiu':
        raise FormatError(f'{path}: {key} is {found.dtype}, expected numbers')
    with np.errstate(invalid='ignore'):
        return np.where(np.isfinite(found), found, np.nan).astype(np.float64)
