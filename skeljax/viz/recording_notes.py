"""Describes how a raw file was read and what it contains, for `skeljax inspect`."""

from __future__ import annotations

from pathlib import Path

from skeljax import formats
from skeljax.data import posture
from skeljax.data.records import Recording
from skeljax.formats import wanted
from skeljax.skeletons import skeleton

# Reader module -> name of its format.
_NAMES = {
    'ui_prmd': 'UI-PRMD', 'bvh': 'BVH', 'amc': 'ASF/AMC', 'c3d': 'C3D', 'trc': 'TRC',
    'ntu': 'NTU RGB+D', 'pku': 'PKU-MMD', 'amass': 'AMASS', 'arrays': 'arrays',
    'table': 'table', 'keypoints': 'keypoints',
}
# Reader module -> source of the layout, if the user did not give one.
_LAYOUTS = {
    'table': "by the joints' names", 'keypoints': 'by the points',
    'arrays': 'of the file', 'bvh': 'of the file', 'amc': 'of the file', 'c3d': 'of the file',
    'trc': 'of the file',
}


def describe(
    recording: Recording, path: Path, notes: tuple[str, ...] = (), layout: str | None = None
) -> list[str]:
    """Returns a line about the recording, then one for each note and each implausible property.

    Args:
        recording: as read.
        path: its file or folder.
        notes: notes of its reader.
        layout: layout that the user gave, if any.
    """
    module = formats.module_of(path)
    own, body = skeleton.get(recording.layout), posture.of(recording)
    source = _LAYOUTS.get(module, 'of the format')
    if layout is not None and wanted.parse(layout).text == recording.layout:
        source = 'given'
    frames, persons = recording.joints.shape[:2]
    parts = [
        _NAMES.get(module, module or 'unknown'),
        f'layout {own.name} ({own.num_joints} joints, {source})',
        f'{frames} frames at {recording.fps:g} fps',
        f'{persons} person{"s" if persons > 1 else ""}',
        body.tall(),
        f'{body.up} is up' if body.up else 'the vertical axis is unclear',
    ]
    lines = [f'{recording.name}: {", ".join(parts)}']
    lines += [f'  note: {note}' for note in notes]
    lines += [f'  odd: {odd}' for odd in body.odd()]
    return lines
