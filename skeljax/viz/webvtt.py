"""Writes segments as WebVTT captions, which video players show over a video.

Format: www.w3.org/TR/webvtt1.
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
    """Writes one cue per segment in temporal order: its label and its score in percent.

    Args:
        path: output file.
        segments: in frames; players show overlapping ones together.
        classes: class names; labels are indices into them.
        fps: frames per second.
        notes: comment lines, which players ignore.

    Raises:
        InputError: a segment is empty, or a label has no name.
    """
    check(segments, 'segments for WebVTT', num_classes=len(classes))
    blocks = ['WEBVTT', *(f'NOTE {_text(note)}' for note in notes)]
    for index in np.lexsort((segments.label, segments.end, segments.start)):
        begin, stop = milliseconds(segments.start[index], segments.end[index], fps)
        label, score = _text(classes[segments.label[index]]), segments.score[index]
        blocks.append(f'{_time(begin)} --> {_time(stop)}\n{label} {100 * score:.0f}%')
    path.write_text('\n\n'.join(blocks) + '\n', encoding='utf-8')


def milliseconds(start: int, end: int, fps: float) -> tuple[int, int]:
    """Returns start and end of a segment in milliseconds, at least 1 ms apart."""
    begin, stop = (round(1000 * int(frame) / fps) for frame in (start, end))
    return begin, max(stop, begin + 1)


def _text(text: str) -> str:
    """Escapes markup and `-->`, which would start a new cue."""
    return text.translate(_ESCAPED)


def _time(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f'{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}'
