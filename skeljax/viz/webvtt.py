"""Writes segments as WebVTT captions, which video players show over the film of a recording.

The format is W3C's (www.w3.org/TR/webvtt1).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from skeljax.localize.segments import Segments, check

_ESCAPED = str.maketrans({'&': '&amp;', '<': '&lt;', '>': '&gt;', '\n': ' ', '\r': ' '})


def write(
    path: Path, segments: Segments, *, classes: Sequence[str], fps: float, notes: Sequence[str] = ()
):
    """Writes one cue a segment, in temporal order: its label and its score in percent.

    Args:
        path: of the file.
        segments: in frames; they may overlap, players then show several.
        classes: class names; a label is an index into them.
        fps: frames a second.
        notes: lines that are not shown.

    Raises:
        InputError: an empty segment or a label without a name.
    """
    check(segments, 'segments for WebVTT', num_classes=len(classes))
    blocks = ['WEBVTT', *(f'NOTE {_text(note)}' for note in notes)]
    for index in np.lexsort((segments.label, segments.end, segments.start)):
        first, last = milliseconds(segments.start[index], segments.end[index], fps)
        label, score = _text(classes[segments.label[index]]), segments.score[index]
        blocks.append(f'{_time(first)} --> {_time(last)}\n{label} {100 * score:.0f}%')
    path.write_text('\n\n'.join(blocks) + '\n', encoding='utf-8')


def milliseconds(start: int, end: int, fps: float) -> tuple[int, int]:
    """Returns the ends of a segment in whole milliseconds, one at least between them."""
    first, last = (round(1000 * int(frame) / fps) for frame in (start, end))
    return first, max(last, first + 1)


def _text(text: str) -> str:
    """Writes a text so that nothing in it is taken for markup, or for the arrow of a time."""
    return text.translate(_ESCAPED)


def _time(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f'{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}'
