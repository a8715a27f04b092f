"""Scored segments of one recording, and their conversion to frame labels and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import math

import numpy as np
from numpy.typing import ArrayLike

from skeljax.errors import InputError

_LARGEST = 1e12  # of frames and seconds; float64 holds every whole number below it


@dataclass(frozen=True, eq=False, init=False)
class Segments:
    """Segments of one recording, in any order.

    Attributes:
        start: int64[N], first frame.
        end: int64[N], the frame after the last one (half-open).
        label: int64[N], class index.
        score: float64[N], higher is more confident; ones by default.
        classes: names of the L classes that `label` indexes; () where unknown.

    Raises:
        InputError: the four arrays differ in length, or a frame or label is not an integer.
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
            object.__setattr__(self, field, _integers(values, field))
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
        """Returns the class name of each segment.

        Raises:
            InputError: the class names are unknown, or a label is out of range.
        """
        check(self, 'segments', num_classes=len(self.classes))
        return [self.classes[label] for label in self.label]


def from_frame_labels(labels: np.ndarray, background: int) -> Segments:
    """Returns the runs of equal labels as segments of score 1, in temporal order.

    Args:
        labels: int[T], one class per frame.
        background: label whose runs are dropped.
    """
    labels = _integers(labels, 'frame labels')
    cuts = np.flatnonzero(labels[1:] != labels[:-1]) + 1
    start = np.concatenate([np.zeros(min(len(labels), 1), np.int64), cuts])
    end = np.concatenate([start[1:], np.full(len(start[:1]), len(labels))])
    label = labels[start]
    runs = Segments(start, end, label)
    return runs[label != background]


def to_frame_labels(segments: Segments, num_frames: int, background: int) -> np.ndarray:
    """Returns the label of each frame; where segments overlap, that of the best score.

    Ties in score are resolved by the later start, then the later end, then the higher label.

    Returns:
        int64[num_frames], `background` outside all segments.

    Raises:
        InputError: a segment is empty or not inside the recording.
    """
    check(segments, f'a recording of {num_frames} frames', num_frames=num_frames)
    labels = np.full(num_frames, background, np.int64)
    for index in np.lexsort((segments.label, segments.end, segments.start, segments.score)):
        labels[segments.start[index]:segments.end[index]] = segments.label[index]
    return labels


def to_json_dict(
    segments: Segments, *, classes: Sequence[str], fps: float, scores: bool = True
) -> list[dict]:
    """Returns segments as JSON-compatible dicts, in temporal order.

    Args:
        segments: of one recording.
        classes: class names, indexed by label.
        fps: frames per second.
        scores: whether to include scores (ground truth has none).

    Returns:
        One dict per segment: label, start_seconds, end_seconds, start_frame, end_frame
        (the frame after the last one), score.

    Raises:
        InputError: a label without a name, an empty segment, or `fps` not above 0.
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
    """Reads the output of `to_json_dict`; seconds are read only where frames are missing.

    Raises:
        InputError: a key is missing, or its value is unknown or not a number.
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


def concatenate(parts: Sequence[Segments]) -> Segments:
    """Concatenates segments of one recording; class names are dropped."""
    start, end, label, score = (
        np.concatenate([np.zeros(0, np.int64), *(getattr(part, field) for part in parts)])
        for field in ('start', 'end', 'label', 'score')
    )
    return Segments(start, end, label, score)


def check(
    segments: Segments,
    name: str,
    *,
    num_classes: int | None = None,
    num_frames: int | None = None,
) -> None:
    """Checks that segments can be scored and drawn.

    Args:
        segments: of one recording.
        name: of the recording, for the error message.
        num_classes: if given, labels must be below it.
        num_frames: if given, ends must not be above it.

    Raises:
        InputError: a segment is empty, out of range or without a score.
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


def _integers(values, field: str) -> np.ndarray:
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
    if not real or not abs(value) < _LARGEST:  # false for nan too
        raise InputError(f'segment {position}: expected a number as {key}, found {value!r:.60}')
    return value


def _frame(item: Mapping, name: str, fps: float, position: int) -> float:
    if f'{name}_frame' in item:
        return _number(item[f'{name}_frame'], f'{name}_frame', position)
    if f'{name}_seconds' not in item:
        raise InputError(f'segment {position}: neither {name}_frame nor {name}_seconds')
    # Halves are rounded up, as in `localize.exchange` and in the labels of recordings.
    return math.floor(_number(item[f'{name}_seconds'], f'{name}_seconds', position) * fps + 0.5)


def _check_fps(fps: float) -> None:
    if not (math.isfinite(fps) and fps > 0):
        raise InputError(f'fps: expected a positive number, found {fps!r}')
