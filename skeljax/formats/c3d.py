"""Reads the labeled points of C3D files (c3d.org), as optical systems write them.

Which of a file's points are joints: those with a label that is not of an angle, a force or
another computed quantity (listed in POINT:ANGLES and the like, or named so), nor one of the
four ends that show a segment's axes (`PELO`, `PELA`, `PELL`, `PELP` of Plug-in Gait). Of
several subjects those who wear the same points are persons, see `subjects`.

With all 39 markers of Vicon's Plug-in Gait the layout is `uiprmd39`, others left out.
Otherwise the tree follows the body, see `named`. The joints are the markers on the skin;
`layout='centers'` computes centers of joints from them, see `centers`. The vertical becomes
y: POINT:Y_SCREEN, else as estimated from feet to head, else z.
"""

from collections.abc import Sequence
import dataclasses
import re

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats import c3d_file, filling, markers, options, subjects, units, vertical
from skeljax.formats.motion import Motion
from skeljax.skeletons import skeleton

_COMPUTED = ('ANGLES', 'FORCES', 'MOMENTS', 'POWERS', 'SCALARS', 'REACTIONS')
_QUANTITY = re.compile(
    r'(angles?|forces?|moments?|powers?|grf|cent(re|er)ofmass\w*|com(floor)?)$', re.IGNORECASE
)


def read(
    path, *, fps: float | None = None, layout: str | Sequence[str] | None = None,
    unit: float | None = None, up: str | None = None, subject: str | None = None,
) -> Motion:
    """Reads points as joints in meters, float32[T, M, V, 3], y up.

    Args:
        path: of the .c3d.
        fps: frames per second, if the file has none.
        layout: whose joints to take from the points, by name; `centers` computes centers
            of joints from a known set of markers.
        unit: of the coordinates in meters, if the file has none.
        up: axis that points up, where POINT:Y_SCREEN is absent; estimated by default.
        subject: whose points to take, of labels like `SUBJECT:POINT`.

    Raises:
        FormatError: names the file, what was found and expected.
    """
    file = c3d_file.read(path)
    labels, notes = _labels(file)
    scale = units.meters(path, 'POINT:UNITS', (file.words('POINT:UNITS') or [''])[0], unit, 0.001)
    found = subjects.choose(path, labels, file.points, file.measured, wanted=subject)
    found = dataclasses.replace(
        found,
        subject=found.subject or _subject(file),
        notes=(*file.notes, *notes, *found.notes),
    )
    found, text, chosen = markers.arrange(path, found, 'c3d', layout)
    points, measured = found.points[:, :, chosen], found.measured[:, :, chosen]
    axis, guessed = _vertical(path, file) or up, ()
    if not axis:
        axis, guessed = _guessed(points, measured, text)
    rates = [file.number('POINT:RATE'), file.header.rate]
    rate = next((rate for rate in rates if rate is not None and rate > 0), None)
    return filling.motion(
        path,
        vertical.turn(points, axis) * scale,
        measured,
        fps=options.rate(path, rate, fps),
        layout=text,
        subject=found.subject,
        notes=(*found.notes, *guessed),
    )


def _labels(file: c3d_file.File) -> tuple[list[str], list[str]]:
    """Returns the label of each point, '' for those that are no joints, and notes."""
    words = file.words('POINT:LABELS')
    for number in range(2, 100):  # each holds 255 at most
        words = [*words, *file.words(f'POINT:LABELS{number}')]
    for prefix in file.words('SUBJECTS:LABEL_PREFIXES'):
        name = prefix.rstrip('_: ')
        if name and not prefix.endswith(':'):
            words = [f'{name}:{w[len(prefix):]}' if w.startswith(prefix) else w for w in words]
    count = file.points.shape[1]
    words = [*words[:count], *[''] * (count - len(words))]
    computed = {label for name in _COMPUTED for label in file.words(f'POINT:{name}')}
    axes = _axes(words)
    labels = [
        '' if label.startswith('*') or label in computed or label in axes
        or _QUANTITY.search(label) else label
        for label in words
    ]
    if not axes:
        return labels, []
    return labels, [f'left out {len(axes)} ends of axes of segments, e.g. {min(axes)!r:.40}']


def _axes(labels: list[str]) -> set[str]:
    """Returns the ends of segments' axes: labels that differ in O, A, L, P at their end."""
    known = set(labels)
    stems = {label[:-1] for label in labels if label[-1:] == 'O'}
    whole = {stem for stem in stems if stem and all(stem + end in known for end in 'OALP')}
    return {stem + end for stem in whole for end in 'OALP'}


def _vertical(path, file: c3d_file.File) -> str:
    """Returns the axis that the file says is up, '' for none."""
    stated = (file.words('POINT:Y_SCREEN') or [''])[0].lower()
    if stated.lstrip('+') not in ('x', 'y', 'z', ''):
        raise FormatError(f'{path}: POINT:Y_SCREEN {stated!r:.20}, expected +X, +Y or +Z')
    return stated.lstrip('+')


def _guessed(points: np.ndarray, measured: np.ndarray, layout: str) -> tuple[str, tuple[str, ...]]:
    """Estimates the axis that points up, and notes it; z if feet and head do not determine it."""
    seen = measured.any(-1)
    axis = vertical.guess(points[seen], measured[seen], skeleton.get(layout), usual='z')
    note = vertical.note(axis) if axis else vertical.note('z', 'as is usual in C3D')
    return axis or 'z', (note,)


def _subject(file: c3d_file.File) -> str:
    """Returns the subject if the file names one subject, whose points have no prefix."""
    names = [name for name in file.words('SUBJECTS:NAMES') if name]
    return names[0] if len(names) == 1 else ''
