"""Reads JSON of skeletons frame by frame: NW-UCLA, and NTU RGB+D as it is passed on so.

    {"file_name": "a01_s01_e00_v01", "skeletons": [T][V][3], "label": 1}

`skeletons` may be [T][M][V][3] too. Of 20 joints they are those of the first Kinect, of 25
those of the second. The files have no frame rate: 30 is taken, that of both, unless the option fps
sets another. Meters, y up. A body of zeros is not there.
"""

from pathlib import Path
import re

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import filling, options, texts
from skeljax.formats.motion import Motion
from skeljax.formats.wanted import Wanted

FPS = 30.0
_SUBJECT = re.compile(r'(?:^|_)(s\d{2})_|S\d{3}C\d{3}(P\d{3})R\d{3}A\d{3}')
_LAYOUTS = {20: 'kinect20', 25: 'ntu25'}  # number of joints -> layout


def read(
    path, *, fps: float | None = None, layout: str | None = None, unit: float | None = None
) -> Motion:
    """Reads one recording.

    Args:
        path: .json or .json.gz.
        fps: frames per second, 30 by default.
        layout: of the joints, where their number does not determine it.
        unit: of the coordinates in meters, 1 by default.

    Raises:
        FormatError: damaged, or `skeletons` has another shape.
    """
    path = Path(path)
    document = texts.document(path)
    stated = document.get('skeletons') if isinstance(document, dict) else None
    try:
        joints = np.array(stated, np.float64)
    except (TypeError, ValueError, OverflowError):
        joints = np.zeros(0)
    if joints.ndim == 3:
        joints = joints[:, None]
    if joints.ndim != 4 or joints.shape[-1] not in (2, 3) or not joints.size:
        expected = 'expected numbers [frames][joints][3], with or without [persons]'
        raise FormatError(f'{path}: skeletons are {list(joints.shape)}, {expected}')
    joints = np.pad(joints, [(0, 0)] * 3 + [(0, 3 - joints.shape[-1])])
    measured = np.isfinite(joints).all(-1) & joints.any((2, 3))[..., None]
    name = str(document.get('file_name') or path.name)
    match = _SUBJECT.search(name) or _SUBJECT.search(path.name)
    notes = () if fps else (f'no frame rate: {FPS:g} taken; the option fps sets another',)
    count = joints.shape[2]
    own = _layout(path, layout, count)
    chosen = own.take(path, count)
    return filling.motion(
        path,
        joints[:, :, chosen] * (1.0 if unit is None else unit),
        measured[:, :, chosen],
        fps=options.rate(path, fps, FPS),
        layout=own.text,
        subject=match[1] or match[2] if match else '',
        notes=(*notes, *own.note(count)),
    )


def _layout(path: Path, stated, joints: int) -> Wanted:
    stated = _LAYOUTS.get(joints) if stated is None else stated
    if stated is None:
        raise FormatError(f'{path}: {joints} joints of no known layout, expected the option layout')
    return options.layout(path, stated)
