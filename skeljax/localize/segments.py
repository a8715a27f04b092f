"""Holds scored segments of one recording and converts them to and from other forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import math

import numpy as np
from numpy.typing import ArrayLike

from skeljax.errors import InputError

_FAR = 1e12  # no frame or second is beyond; below it every whole number is one of float64


@dataclass(frozen=True, eq=False, init=False)
class Segments:
    """Holds the segments of one recording, in any order.

    Attributes:
        start: int64[N], first frame.
        end: int64[N], the frame after the last one (half-open).
        label: int64[N], class index.
        score: float64[N], higher is surer; ones where not given.
        classes: names of the L classes that labels index, where known.

    Raises:
        InputError: the four differ in length, or a frame or label is no whole number.
    """

    start: np.ndarray
    end: np.ndarray
    label: np.ndarray
    score: np.ndarray
    classes: tuple[str, ...]

    def __init__(
        self,
        start: ArrayLike,
        end: ArrayLike,
        label: ArrayLike,
        score: ArrayLike | None = None,
        classes: Sequence[str] = (),
    ):
        for field, values in (('start', start), ('end', end), ('label', label)):
            object.__setattr__(self, field, _whole(values, field))
        score = np.ones(len(self.start)) if score is None else score
        object.__setattr__(self, 'score', np.asarray(score, np.float64))
        object.__setattr__(self, 'classes', tuple(classes))
        sizes = {name: getattr(self, name).shape for name in ('start', 'end', 'label', 'score')}
        if len(set(sizes.values())) > 1:
            raise InputError(f'segments: expected four vectors of one length, found {sizes}')

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, index) -> Segments:
        """Selects segments by a slice, a mask or an array of positions."""
        start, end, label = self.start[index], self.end[index], self.label[index]
        return Segments(start, end, label, self.score[index], self.classes)

    @property
    def names(self) -> list[str]:
        """The name of each segment's class.

        Raises:
            InputError: the classes are not known, or a label is none of them.
        """
        check(self, 'segments', num_classes=len(self.classes))
        return [self.classes[label] for label in self.label]


def from_frame_labels(labels: np.ndarray, background: int) -> Segments:
    """Joins neighbouring frames of one class into segments of score 1, in temporal order.

    Args:
        labels: int[T], one class a frame.
        background: the label that makes no segment.
    """
    labels = _whole(labels, 'frame labels')
    cuts = np.flatnonzero(labels[1:] != labels[:-1]) + 1
    start = np.concatenate([np.zeros(min(len(labels), 1), np.int64), cuts])
    end = np.concatenate([start[1:], np.full(len(start[:1]), len(labels))])
    label = labels[start]
    runs = Segments(start, end, label)
    return runs[label != background]


def to_frame_labels(segments: Segments, num_frames: int, background: int) -> np.ndarray:
    """Paints segments over frames; where they overlap the best score shows.

    Of equal scores the later start shows, then the later end, then the higher label.

    Returns:
        int64[num_frames], `background` where no segment lies.

    Raises:
        InputError: a segment is empty or leaves the recording.
    """
    check(segments, f'a recording of {num_frames} frames', num_frames=num_frames)
    labels = np.full(num_frames, background, np.int64)
    for index in np.lexsort((segments.label, segments.end, segments.start, segments.score)):
        labels[segments.start[index]:segments.end[index]] = segments.label[index]
    return labels


def to_json_dict(
    segments: Segments, *, classes: Sequence[str], fps: float, scores: bool = True
) -> list[dict]:
    """Describes segments for a JSON file that a person reads, in temporal order.

    Args:
        segments: the segments; frames are half-open.
        classes: class names; a label is an index into them.
        fps: frames a second.
        scores: False leaves the scores out (ground truth has none).

    Returns:
        One dict a segment: label, start_seconds, end_seconds, start_frame, end_frame
        (the frame after the last one), score.

    Raises:
        InputError: a label without a name, an empty segment, or fps not positive.
    """
    _check_fps(fps)
    check(segments, 'segments for JSON', num_classes=len(classes))
    items = []
    for index in np.lexsort((segments.label, segments.end, segments.start)):
        start, end = int(segments.start[index]), int(segments.end[index])
        item = {
            'label': classes[segments.label[index]],
            'start_seconds': round(start / fps, 6),
            'end_seconds': round(end / fps, 6),
            'start_frame': start,
            'end_frame': end,
        }
        items.append(item | ({'score': float(segments.score[index])} if scores else {}))
    return items


def from_json_dict(items: Sequence[Mapping], *, classes: Sequence[str], fps: float) -> Segments:
    """Reads what `to_json_dict` wrote; frames win, seconds serve where frames are missing.

    Raises:
        InputError: names the item and the key that is missing, unknown or no number.
    """
    _check_fps(fps)
    index = {name: position for position, name in enumerate(classes)}
    rows = []
    for position, item in enumerate(items):
        label = item.get('label') if isinstance(item, Mapping) else item
        if not isinstance(label, str) or label not in index:
            known = ', '.join(classes)
            raise InputError(f'segment {position}: unknown label {label!r:.60}, known: {known}')
        bounds = [_frame(item, name, fps, position) for name in ('start', 'end')]
        score = _number(item.get('score', 1.0), 'score', position)
        rows.append((*bounds, index[label], score))
    columns = list(zip(*rows, strict=True)) or [()] * 4
    segments = Segments(columns[0], columns[1], columns[2], columns[3])
    check(segments, 'segments from JSON', num_classes=len(classes))
    return segments


def check(
    segments: Segments,
    name: str,
    *,
    num_classes: int | None = None,
    num_frames: int | None = None,
) -> None:
    """Refuses segments that cannot be scored or drawn.

    Args:
        segments: what to look at.
        name: the recording, for the message.
        num_classes: labels must be below it, where given.
        num_frames: ends must not be above it, where given.

    Raises:
        InputError: names the recording and the first bad segment.
    """
    start, end, label = segments.start, segments.end, segments.label
    top = np.inf if num_classes is None else num_classes
    last = np.inf if num_frames is None else num_frames
    rules = [
        (end <= start, 'ends at or before its start'),
        ((start < 0) | (end > last), f'leaves the recording (0 to {last} frames)'),
        ((label < 0) | (label >= top), f'has a label outside 0 to {top - 1}'),
        (np.isnan(segments.score), 'has no number as score'),
    ]
    for bad, what in rules:
        if bad.any():
            i = int(np.argmax(bad))
            raise InputError(
                f'{name}: segment {i} [{start[i]}, {end[i]}) label {label[i]} '
                f'score {segments.score[i]:g} {what}'
            )


def _whole(values, field: str) -> np.ndarray:
    array = np.asarray(values)
    numbers = array.dtype.kind in 'iuf' and bool(np.isfinite(array).all())
    with np.errstate(invalid='ignore'):  # what int64 cannot hold does not compare equal
        whole = array.astype(np.int64) if numbers and array.ndim == 1 else None
    if whole is None or not np.array_equal(whole, array):
        raise InputError(
            f'{field}: expected a vector of whole numbers, found {array.dtype} of {array.shape}'
        )
    return whole


def _number(value, key: str, position: int) -> float:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    if not real or not abs(value) < _FAR:  # nan too
        raise InputError(f'segment {position}: expected a number as {key}, found {value!r:.60}')
    return value


def _frame(item: Mapping, name: str, fps: float, position: int) -> float:
    if f'{name}_frame' in item:
        return _number(item[f'{name}_frame'], f'{name}_frame', position)
    if f'{name}_seconds' not in item:
        raise InputError(f'segment {position}: neither {name}_frame nor {name}_seconds')
    # A half goes up, as in `localize.exchange` and in labels of recordings.
    return math.floor(_number(item[f'{name}_seconds'], f'{name}_seconds', position) * fps + 0.5)


def _check_fps(fps: float) -> None:
    if not (math.isfinite(fps) and fps > 0):
        raise InputError(f'fps: expected a positive number, found {fps!r}')
