"""Formats results of `skeljax.localize.diagnose` as text tables and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
import math

import numpy as np

from skeljax.localize.diagnose import Diagnosis
from skeljax.viz import table

_KINDS = {
    'double_detection': 'double detection',
    'wrong_label': 'wrong label',
    'localization': 'localization',
    'confusion': 'localization and label',
    'background': 'background',
}


def text(diagnosis: Diagnosis, classes: Sequence[str], fps: float | None = None) -> str:
    """Returns a diagnosis as four text tables.

    Args:
        diagnosis: the result.
        classes: names of the L classes.
        fps: frames per second, to give times in seconds as well; None omits them.
    """
    parts = [_kinds(diagnosis), _ends(diagnosis, fps), _lengths(diagnosis, fps)]
    return '\n\n'.join([*parts, _classes(diagnosis, classes)])


def to_json_dict(diagnosis: Diagnosis, classes: Sequence[str], fps: float | None = None) -> dict:
    """Returns a diagnosis as JSON object; the arguments are those of `text`.

    If `fps` is given, times in frames are repeated in seconds. nan becomes None.
    """
    ends = {
        name: None if math.isnan(value) else value
        for name, value in vars(diagnosis.boundaries).items() if name != 'matched'
    }
    described = {
        'tiou': diagnosis.tiou,
        'proposals': diagnosis.num_proposals,
        'matched': diagnosis.boundaries.matched,
        'false_positives': dict(diagnosis.false_positives),
        'boundary_frames': ends,
        'recall_by_length': [
            {'from_frames': b.low, 'to_frames': b.high, 'segments': b.count, 'found': b.found}
            for b in diagnosis.recall
        ],
        'confusion': {
            'classes': [*classes, 'background'],
            'frames': diagnosis.confusion.tolist(),
        },
    }
    if fps:
        seconds = {n: None if v is None else round(v / fps, 6) for n, v in ends.items()}
        described['boundary_seconds'] = seconds
        described['fps'] = fps
    return described


def _kinds(diagnosis: Diagnosis) -> str:
    counts = [diagnosis.boundaries.matched]
    counts += [diagnosis.false_positives[kind] for kind in _KINDS]
    share = [100 * count / max(diagnosis.num_proposals, 1) for count in counts]
    return table.text(
        ['correct', *_KINDS.values()],
        ['proposals', '%'],
        list(zip(counts, share, strict=True)),
        corner=f'at tIoU {diagnosis.tiou:g}',
    )


def _ends(diagnosis: Diagnosis, fps: float | None) -> str:
    ends = diagnosis.boundaries
    rows = [
        (ends.start_median, ends.start_p90, ends.start_shift),
        (ends.end_median, ends.end_p90, ends.end_shift),
    ]
    columns = ['median', '90th percentile', 'shift']
    heads = [f'{column} (frames)' for column in columns]
    if fps:
        rows = [(*row, *(value / fps for value in row)) for row in rows]
        heads += [f'{column} (s)' for column in columns]
    return table.text(['start', 'end'], heads, rows, corner='boundary error', digits=2)


def _lengths(diagnosis: Diagnosis, fps: float | None) -> str:
    names = [f'{b.low} to {b.high} frames' for b in diagnosis.recall]
    if fps:
        names = [f'{b.low / fps:.2f} to {b.high / fps:.2f} s' for b in diagnosis.recall]
    values = [(b.count, 100 * b.found / b.count) for b in diagnosis.recall]
    return table.text(names, ['segments', 'recall %'], values, corner='true length')


def _classes(diagnosis: Diagnosis, classes: Sequence[str]) -> str:
    """Returns for each class that has frames the class it is most often confused with."""
    names = [*classes, 'background']
    rows, values = [], []
    for index, line in enumerate(diagnosis.confusion):
        total = int(line.sum())
        if not total:
            continue
        wrong = np.where(np.arange(len(line)) == index, 0, line)
        worst = int(wrong.argmax())
        rows.append((names[index], names[worst] if wrong[worst] else ''))
        share = 100 * wrong[worst] / total if wrong[worst] else np.nan
        values.append((total, 100 * line[index] / total, share))
    columns = ['frames', 'correct %', 'confused %']
    return table.text(rows, columns, values, corner=('class', 'most confused with'))
