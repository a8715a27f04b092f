"""Says of each raw file how it was read and what is in it, in a line, and a line a guess."""

from __future__ import annotations

from pathlib import Path

from skeljax import formats
from skeljax.data import posture
from skeljax.data.records import Recording
from skeljax.formats import wanted
from skeljax.skeletons import skeleton

# Module -> what its files are called.
_NAMES = {
    'ui_prmd': 'UI-PRMD', 'bvh': 'BVH', 'amc': 'ASF/AMC', 'c3d': 'C3D', 'trc': 'TRC',
    'ntu': 'NTU RGB+D', 'pku': 'PKU-MMD', 'amass': 'AMASS', 'arrays': 'arrays',
    'table': 'table', 'keypoints': 'keypoints',
}
# Module -> how its reader finds the layout, where the user does not tell it.
_LAYOUTS = {
    'table': "by the joints' names", 'keypoints': 'by the points',
    'arrays': 'of the file', 'bvh': 'of the file', 'amc': 'of the file', 'c3d': 'of the file',
    'trc': 'of the file',
}


def describe(
    recording: Recording, path: Path, notes: tuple[str, ...] = (), layout: str | None = None
) -> list[str]:
    """Describes one recording: a line of what it is, then one for each note and oddity.

    Args:
        recording: as read.
        path: of its file or folder.
        notes: of its reader.
        layout: that the user told.
    """
    module = formats.module_of(path)
    own, what = skeleton.get(recording.layout), posture.of(recording)
    found = _LAYOUTS.get(module, 'of the format')
    if layout is not None and wanted.parse(layout).text == recording.layout:
        found = 'as told'
    frames, persons = recording.joints.shape[:2]
    parts = [
        _NAMES.get(module, module or 'unknown'),
        f'layout {own.name} ({own.num_joints} joints, {found})',
        f'{frames} frames at {recording.fps:g} a second',
        f'{persons} person{"s" if persons > 1 else ""}',
        what.tall(),
        f'{what.up} is up' if what.up else 'which axis is up does not show',
    ]
    lines = [f'{recording.name}: {", ".join(parts)}']
    lines += [f'  note: {note}' for note in notes]
    lines += [f'  odd: {odd}' for odd in what.odd()]
    return lines
