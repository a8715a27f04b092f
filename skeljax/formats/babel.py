"""Reads BABEL's annotations (Punnakkal et al. 2021): who does what, when, in AMASS.

A JSON file a split: sequence id -> motion file, duration and, in seconds, labeled
spans (`frame_ann`), each with none, one or several action categories. Spans overlap.
"""

from dataclasses import dataclass
import json
from pathlib import Path, PurePosixPath

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats.archive import reason

FPS = 30.0  # of the videos that the annotators saw
SUBSETS = {
    'subset1': ('walk', 'stand', 'turn', 'jump'),
    'subset2': ('sit', 'run', 'stand up', 'kick'),
    'subset3': ('jog', 'wave', 'dance', 'gesture'),
}
_LONGEST = 86400.0  # seconds, more than any recording


@dataclass(frozen=True)
class Span:
    """A labeled stretch of a sequence.

    Attributes:
        start, end: seconds.
        categories: of the actions, in the annotators' order.
    """

    start: float
    end: float
    categories: tuple[str, ...]


@dataclass(frozen=True)
class Sequence:
    """One annotated motion.

    Attributes:
        sid: BABEL's number for it.
        file: in the AMASS tree, DATASET/PERSON/NAME_poses.npz.
        duration: seconds.
        spans: with categories, in the order of the file; None if only the whole
            sequence was labeled.
    """

    sid: str
    file: str
    duration: float
    spans: tuple[Span, ...] | None

    @property
    def frames(self) -> int:
        """How many frames the annotators saw."""
        return int(FPS * self.duration)


def sequences(path) -> list[Sequence]:
    """Reads train.json, val.json or one of the extra files, in their order.

    Of the extra files, labeled by several people, spans are not read.

    Raises:
        FormatError: names the line, or the sequence, what was found and expected.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text('utf-8'))
    except json.JSONDecodeError as error:
        raise FormatError(f'{path}:{error.lineno}: {error.msg}, expected JSON') from None
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(f'{path}: cannot be read: {reason(error)}') from None
    if not isinstance(content, dict):
        raise FormatError(f'{path}: a {type(content).__name__}, expected sequences by number')
    found = []
    for sid, entry in content.items():
        where = f'{path}: sequence {sid[:20]!r}'
        if not sid.isdigit():
            raise FormatError(f'{where}: expected a number')
        file = _file(where, _get(where, entry, 'feat_p', str))
        duration = _number(where, entry, 'dur')
        if duration <= 0:
            raise FormatError(f'{where}: dur is {duration}, expected seconds above 0')
        found.append(Sequence(sid, file, duration, _spans(where, entry.get('frame_ann'))))
    return found


def paint(
    sequence: Sequence, classes: tuple[str, ...], *, faithful: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Labels every frame that the annotators saw.

    Frame n belongs to the spans with start <= n / 30 < end. Of several classes in one
    frame that of the shortest span counts (a turn during a walk is a turn), of equal
    spans the first in the file, of one span its first. As published any may count (the
    first of a set of texts, other in every run): `faithful` takes the first in the file.

    Args:
        sequence: with spans.
        classes: categories that have a label, their index.
        faithful: chooses among several classes as described above.

    Returns:
        Labels, int64[T], len(classes) for none of them; and which frames any span with
        a list of categories covers, bool[T].
    """
    times = np.arange(sequence.frames) / FPS
    labels = np.full(len(times), len(classes), np.int64)
    covered = np.zeros(len(times), bool)
    order = list(sequence.spans)
    if not faithful:
        order.sort(key=lambda span: span.end - span.start)
    for span in reversed(order):  # who comes first is painted over the others
        first, last = np.searchsorted(times, [span.start, span.end])
        covered[first:last] = True
        known = [category for category in span.categories if category in classes]
        if known:
            labels[first:last] = classes.index(known[0])
    return labels, covered


def _spans(where: str, annotation) -> tuple[Span, ...] | None:
    if annotation is None:
        return None
    spans = []
    for number, label in enumerate(_get(where, annotation, 'labels', list)):
        here = f'{where}: label {number}'
        categories = _get(here, label, 'act_cat', (list, type(None)))
        if categories is None:
            continue
        if not all(isinstance(category, str) for category in categories):
            raise FormatError(f'{here}: act_cat holds something else than texts')
        start, end = _number(here, label, 'start_t'), _number(here, label, 'end_t')
        if start > end:
            found = f'from {start:g} to {end:g} s'
            raise FormatError(f'{here}: {found}, expected an end behind the start')
        spans.append(Span(start, end, tuple(categories)))
    return tuple(spans)


def _file(where: str, text: str) -> str:
    """Drops the first of DATASET/DATASET/PERSON/NAME: it is the name of an archive."""
    parts = PurePosixPath(text).parts
    inside = len(parts) == 4 and '..' not in parts and parts[0] != '/'
    if not inside or not parts[3].endswith('.npz') or not text.isprintable():
        raise FormatError(f'{where}: feat_p is {text[:80]!r}, expected A/DATASET/PERSON/NAME.npz')
    return '/'.join(parts[1:])


def _number(where: str, entry, name: str) -> float:
    value = _get(where, entry, name, (int, float))
    # Comparing, unlike a conversion, copes with whole numbers of any size; nan fails it.
    if isinstance(value, bool) or not abs(value) <= _LONGEST:
        raise FormatError(f'{where}: {name} is {str(value)[:20]}, expected a number of seconds')
    return float(value)


def _get(where: str, entry, name: str, kind):
    if not isinstance(entry, dict):
        raise FormatError(f'{where}: a {type(entry).__name__}, expected an object with {name!r}')
    if name not in entry:
        raise FormatError(f'{where}: no {name!r}')
    value = entry[name]
    if not isinstance(value, kind):
        raise FormatError(f'{where}: {name} is a {type(value).__name__}')
    return value
