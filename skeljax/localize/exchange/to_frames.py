"""Converts the content of a file to segments in frames, with class indices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math

import numpy as np

from skeljax.errors import FormatError, InputError, is_name
from skeljax.localize.exchange.labels import assign_labels
from skeljax.localize.exchange.parsed import ParsedFile, Row, RowErrors
from skeljax.localize.exchange.sets import SegmentSet
from skeljax.localize.segments import Segments

_MAX_TIME = 1e12  # of any unit; frames below it do not overflow
_SUBSETS = {'training': 'train', 'val': 'validation', 'testing': 'test'}


def to_frames(
    source: ParsedFile,
    path,
    *,
    fps: float | None = None,
    classes: Sequence[str] | None = None,
    subset: str | None = None,
    truth: SegmentSet | None = None,
    skip: bool = False,
    label_base: int | None = None,
) -> SegmentSet:
    """Converts a parsed file to a set of segments; see `skeljax.localize.exchange.read`.

    Raises:
        FormatError: an invalid row; names the file and the row.
        InputError: `fps` is not a positive number, or a class is listed twice.
    """
    if bad := next((name for name in source.subsets if not is_name(name)), None):
        raise FormatError(f'{path}: recording {bad!r:.60}: a control character in its name')
    fps = _fps(source, path, truth.fps if fps is None and truth is not None else fps)
    factors = {name: _factor(source, name, fps) for name in source.subsets}
    subsets = {name: _subset(text) for name, text in source.subsets.items()}
    frames = _frames(source, factors, fps)
    chosen = _in_subset(subsets, subset, path)
    elsewhere = subsets.keys() - set(chosen)
    if truth is not None:
        chosen = [name for name in chosen if name in truth.segments]
        elsewhere = truth.elsewhere
        frames |= truth.frames  # takes precedence
    errors = RowErrors(skip)
    rows = _named(source.rows, chosen, elsewhere, truth, errors)
    rows, labels, classes, closed = assign_labels(
        rows, source, path, errors, classes=classes, truth=truth, label_base=label_base
    )
    unit = 's' if source.in_seconds else 'frames'
    rows, segments = _to_segments(
        rows, labels, errors, factors=factors, frames=frames, unit=unit, cut=truth is not None
    )
    return SegmentSet(
        segments=_by_recording(rows, segments, chosen),
        classes=classes,
        fps=fps,
        frames={name: frames[name] for name in chosen if name in frames},
        subsets={name: subsets[name] for name in chosen if subsets[name]},
        closed=closed,
        elsewhere=frozenset(elsewhere),
        notes=errors.notes(),
    )


def _to_segments(
    rows: Sequence[Row],
    labels: Sequence[int],
    errors: RowErrors,
    *,
    factors: Mapping[str, float],
    frames: Mapping[str, int],
    unit: str,
    cut: bool,
) -> tuple[list[Row], Segments]:
    """Converts rows to segments; see `skeljax.localize.exchange` for the rules.

    Args:
        rows: N rows.
        labels: their classes.
        errors: collects invalid rows.
        factors: recording -> frames per unit of its times.
        frames: recording -> its number of frames, if known.
        unit: of the times, for messages.
        cut: cuts segments at the ends of a recording; otherwise segments outside are errors.

    Returns:
        The valid rows and their segments.

    Raises:
        FormatError: a row that is not a valid segment, unless skipped.
    """
    start, end, score = np.array([row[2:5] for row in rows], np.float64).reshape(-1, 3).T
    factor = np.array([factors[row.recording] for row in rows], np.float64)
    limit = np.array([frames.get(row.recording, _MAX_TIME) for row in rows], np.float64)
    with np.errstate(invalid='ignore', over='ignore'):
        first, last = start * factor, end * factor
        timeless = ~((np.abs(first) < _MAX_TIME) & (np.abs(last) < _MAX_TIME))
        # One frame late may be a rounding error.
        leaves = (np.floor(first + 0.5) < 0) | (np.floor(last + 0.5) > limit + 1)
        outside = (last <= 0) | (first >= limit) | (leaves & (not cut))

    shown = lambda i: f'{start[i]:g} to {end[i]:g} {unit}'
    there = lambda i: f'{shown(i)} in a recording of {limit[i]:g} frames'
    order = lambda i: f'{shown(i)}, expected the start before the end'
    number = lambda i: f'score is {score[i]:g}, expected a number'
    rules = [
        (timeless, 'times that are no numbers', lambda i: f'{shown(i)}, expected numbers'),
        (end <= start, 'ends at or before the start', order),
        (~np.isfinite(score), 'scores that are no numbers', number),
        (outside, 'segments outside their recording', there),
    ]
    bad = np.any([mask for mask, *_ in rules], axis=0)
    for i in np.flatnonzero(bad):
        _, kind, message = next(rule for rule in rules if rule[0][i])
        errors.add(rows[i], kind, message(i))
    good = np.flatnonzero(~bad)
    outlying = good[leaves[good]] if cut else []
    if len(outlying):
        example = f'{rows[outlying[0]].where}: {there(outlying[0])}'
        what = f'cut {len(outlying)} segments at ends of recordings'
        errors.changes.append(f'{what} (first: {example})')

    # Both ends to the nearest frame, at least one frame, inside the recording.
    first = np.clip(np.floor(first[good] + 0.5), 0, limit[good] - 1)
    last = np.clip(np.floor(last[good] + 0.5), first + 1, limit[good])
    segments = Segments(first, last, np.asarray(labels, np.int64)[good], score[good])
    return [rows[i] for i in good], segments


def _named(rows, chosen, elsewhere, truth: SegmentSet | None, errors: RowErrors) -> list[Row]:
    """Returns the rows of the selected recordings."""
    chosen, kept, others = set(chosen), [], 0
    for row in rows:
        if row.recording in chosen:
            kept.append(row)
        elif row.recording in elsewhere:
            others += 1
        else:
            what = f'recording {row.recording!r} is not among the {len(truth.segments)} true ones'
            errors.add(row, 'recordings that the truth does not have', what)
    if others and truth is not None:
        errors.changes.append(f'left out {others} segments of recordings of other subsets')
    return kept


def _by_recording(rows, segments: Segments, names: Sequence[str]) -> dict[str, Segments]:
    place = {name: index for index, name in enumerate(names)}
    of = np.array([place[row.recording] for row in rows], np.int64)
    order = np.argsort(of, kind='stable')
    bounds = np.searchsorted(of[order], np.arange(len(names) + 1))
    return {
        name: segments[order[low:high]]
        for name, low, high in zip(names, bounds[:-1], bounds[1:], strict=True)
    }


def _fps(source: ParsedFile, path, requested: float | None) -> float | None:
    """Returns the frame rate of the result; None if frames are not converted."""
    if requested is not None:
        if not (math.isfinite(requested) and requested > 0):
            raise InputError(f'fps: expected a positive number, found {requested!r}')
        return float(requested)
    rates = sorted(set(source.fps.values()))
    if len(rates) > 1:
        shown = ', '.join(f'{rate:g}' for rate in rates[:4])
        raise FormatError(f'{path}: recordings at {shown} frames per second; give one fps for all')
    if source.in_seconds and not rates:
        raise FormatError(f'{path}: its times are seconds; give the frames per second (fps)')
    return rates[0] if rates else None


def _factor(source: ParsedFile, name: str, fps: float | None) -> float:
    """Returns the factor from times of a recording to frames."""
    if source.in_seconds:
        return fps
    own = source.fps.get(name)
    return fps / own if own and fps and own != fps else 1.0


def _frames(source: ParsedFile, factors: Mapping[str, float], fps: float | None) -> dict[str, int]:
    """Returns the number of frames, at least one, of recordings with a known length.

    Raises:
        FormatError: an impossible length.
    """
    lengths = {name: count * factors[name] for name, count in source.frames.items()}
    lengths |= {name: length * fps for name, length in source.seconds.items() if fps}
    for name, length in lengths.items():
        if not length < _MAX_TIME:
            raise FormatError(f'recording {name!r:.60}: a length of {length:g} frames')
    return {name: max(math.floor(length + 0.5), 1) for name, length in lengths.items()}


def _subset(text: str) -> str:
    return _SUBSETS.get(text.lower(), text.lower())


def _in_subset(subsets: Mapping[str, str], subset: str | None, path) -> list[str]:
    """Returns the names of the recordings of a subset."""
    if subset is None:
        return list(subsets)
    chosen = [name for name, of in subsets.items() if of == _subset(subset)]
    if not chosen:
        known = ', '.join(sorted(set(subsets.values()) - {''})) or 'missing'
        raise FormatError(f'{path}: no recording of subset {subset!r}; subsets are {known}')
    return chosen
