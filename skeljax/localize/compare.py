"""Scores segments against the truth, each of which is a file or was made in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import os

import numpy as np

from skeljax.errors import InputError
from skeljax.localize import exchange, protocols
from skeljax.localize.exchange.sets import SegmentSet
from skeljax.localize.metrics.result import Result
from skeljax.localize.segments import Segments, check

Given = Mapping[str, Segments] | Segments | SegmentSet | str | os.PathLike


def evaluate(
    predictions: Given,
    truth: Given,
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
        predictions: segments by recording, those of one recording alone, or a file or
            folder that `exchange.read` reads.
        truth: likewise.
        protocol: a name in `localize.PROTOCOLS`.
        fps: frames a second that files are scored at; by default as the truth tells.
        classes: all of them; by default those that the truth tells.
        num_frames: frames of every true recording, where files do not tell them; some
            protocols need them.
        probabilities: scores of frames, float[T, L + 1] by recording, for `framewise`.
        label_base: 0 or 1, from which labels of files that are numbers count into the
            classes; by default as they show themselves.

    Raises:
        InputError: files that cannot be read, labels of unknown classes, an unknown
            protocol or recording, a bad segment, no truth at all.
    """
    true = _read(truth, fps, classes, label_base)
    if isinstance(predictions, str | os.PathLike):
        told = true if true.classes else None
        found = exchange.read(predictions, truth=told, fps=fps, label_base=label_base)
    else:
        found = _under(_made(predictions, classes), true)
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
    given: Given, fps: float | None, classes: Sequence[str] | None, label_base: int | None
) -> SegmentSet:
    if isinstance(given, str | os.PathLike):
        return exchange.read(given, fps=fps, classes=classes, label_base=label_base)
    return _made(given, classes)


def _made(given, classes: Sequence[str] | None) -> SegmentSet:
    """Makes a set of what was made in Python; its classes are () where nobody tells them."""
    if isinstance(given, SegmentSet):
        return given
    segments = {'': given} if isinstance(given, Segments) else dict(given)
    told = {own.classes for own in segments.values() if own.classes}
    if len(told) > 1:
        raise InputError(f'segments of {len(told)} lists of classes, expected one')
    return SegmentSet(segments, tuple(classes or next(iter(told), ())))


def _under(found: SegmentSet, true: SegmentSet) -> SegmentSet:
    """Lets labels index the classes of the truth, and after these what it does not have."""
    if not (found.classes and true.classes) or found.classes == true.classes:
        return found
    for name, own in found.segments.items():
        check(own, name, num_classes=len(found.classes))
    classes = (*true.classes, *(name for name in found.classes if name not in true.classes))
    place = np.array([classes.index(name) for name in found.classes], np.int64)
    segments = {
        name: Segments(own.start, own.end, place[own.label], own.score, classes)
        for name, own in found.segments.items()
    }
    return SegmentSet(segments, classes, found.fps, found.frames)
