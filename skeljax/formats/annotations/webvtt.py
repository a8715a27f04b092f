"""Reads WebVTT captions (www.w3.org/TR/webvtt1): a cue is a segment, its text the label.

A percentage behind the label, as `skeljax predict` writes it, is a score and left out.
"""

import html
from pathlib import Path
import re

from skeljax.errors import FormatError
from skeljax.formats import texts
from skeljax.formats.labels import Labels, mark

_TIME = r'(?:(\d+):)?(\d\d):(\d\d\.\d{3})'
_CUE = re.compile(rf'{_TIME}\s+-->\s+{_TIME}(?:\s.*)?')
_SCORE = re.compile(r'\s+\d{1,3}%$')


def read(path) -> Labels:
    """Reads the labels of one recording, named as the file.

    Raises:
        FormatError: it does not begin with WEBVTT.
    """
    path = Path(path)
    lines = texts.read(path).splitlines()
    if not lines or not lines[0].startswith('WEBVTT'):
        raise FormatError(f'{path}:1: {(lines or [""])[0]!r:.20}, expected WEBVTT')
    labels = Labels()
    labels.add(path.stem, str(path))
    for number, line in enumerate(lines, 1):
        if not (cue := _CUE.fullmatch(line.strip())):
            continue
        text = []
        for below in lines[number:]:
            if not below.strip():
                break
            text.append(below.strip())
        label = html.unescape(_SCORE.sub('', re.sub('<[^>]*>', '', ' '.join(text))))
        start, end = (_seconds(*cue.groups()[n : n + 3]) for n in (0, 3))
        labels.segments[path.stem].append(mark(start, end, label, f'{path}:{number}'))
    return labels


def _seconds(hours: str | None, minutes: str, seconds: str) -> float:
    return 3600 * int(hours or 0) + 60 * int(minutes) + float(seconds)
