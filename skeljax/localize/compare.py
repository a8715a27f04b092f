"""Scores segments from files or from Python; `skeljax.evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import os

import numpy as np

from skeljax.errors import InputError
from skeljax.localize import exchange, protocols
from skeljax.localize.exchange.sets import SegmentSet
from skeljax.localize.metrics import Result
from skeljax.localize.segments import Segments, check

Source = Mapping[str, Segments] | Segments | SegmentSet | str | os.PathLike


def evaluate(
    predictions: Source,
    truth: Source,
    *,
    protocol: str = 'babel_clean',
    fps: float | None = None,
    classes: Sequence[str] | None = None,
    num_frames: Mapping[str, int] | None = None,
    probabilities: Mapping[str, np.ndarray] | None = None,
    label_base: int | None = None,
) -> Result:
    """Scores predictions by a protocol.

    Args:
        predictions: segments by recording, segments of a single recording, or a file or
            folder for `exchange.read`.
        truth: likewise.
        protocol: a name as for `localize.protocol`.
        fps: frames per second at which files are scored; by default that of the truth.
        classes: names of all classes; by default those of the truth.
        num_frames: frames of every true recording, if files do not contain them; some
            protocols require them.
        probabilities: frame scores by recording, float[T, L + 1], for `framewise`.
        label_base: 0 or 1, index of the first class where labels in files are numbers; by
            default inferred, see `exchange`.

    Raises:
        InputError: an unreadable file, a label of an unknown class, an unknown protocol or
            recording, an invalid segment, or no true segment at all.
    """
    true = _read(truth, fps, classes, label_base)
    if isinstance(predictions, str | os.PathLike):
        with_classes = true if true.classes else None
        found = exchange.read(predictions, truth=with_classes, fps=fps, label_base=label_base)
    else:
        found = _relabel(_segment_set(predictions, classes), true)
    frames = {**found.frames, **true.frames, **(num_frames or {})}
    labels = [s.label for s in (*found.segments.values(), *true.segments.values())]
    highest = max((int(label.max()) for label in labels if len(label)), default=-1)
    return protocols.evaluate(
        found.segments,
        true.segments,
        num_classes=len(found.classes or true.classes) or highest + 1,
        protocol=protocol,
        num_frames=frames if frames.keys() >= true.segments.keys() else None,
        probabilities=probabilities,
    )


def _read(
    source: Source, fps: float | None, classes: Sequence[str] | None, label_base: int | None
) -> SegmentSet:
    if isinstance(source, str | os.PathLike):
        return exchange.read(source, fps=fps, classes=classes, label_base=label_base)
    return _segment_set(source, classes)


def _segment_set(source, classes: Sequence[str] | None) -> SegmentSet:
    """Returns a set of segments from Python objects; its classes are () if unknown."""
    if isinstance(source, SegmentSet):
        return source
    segments = {'': source} if isinstance(source, Segments) else dict(source)
    lists = {own.classes for own in segments.values() if own.classes}
    if len(lists) > 1:
        raise InputError(f'segments of {len(lists)} lists of classes, expected one')
    return SegmentSet(segments, tuple(classes or next(iter(lists), ())))


def _relabel(found: SegmentSet, true: SegmentSet) -> SegmentSet:
    """Returns a set whose labels index the classes of the truth, then any further classes."""
    if not (found.classes and true.classes) or found.classes == true.classes:
        return found
    for name, own in found.segments.items():
        check(own, name, num_classes=len(found.classes))
    classes = (*true.classes, *(name for name in found.classes if name not in true.classes))
    index = np.array([classes.index(name) for name in found.classes], np.int64)
    segments = {
        name: Segments(own.start, own.end, index[own.label], own.score, classes)
        for name, own in found.segments.items()
    }
    return SegmentSet(segments, classes, found.fps, found.frames)
