"""Turns what a file tells into segments in frames of the recordings that are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math

import numpy as np

from skeljax.errors import FormatError, InputError, is_name
from skeljax.localize.exchange.errors import Faults
from skeljax.localize.exchange.labels import numbered
from skeljax.localize.exchange.parsed import Row, Told
from skeljax.localize.exchange.sets import SegmentSet
from skeljax.localize.exchange.timing import FAR, timed
from skeljax.localize.segments import Segments

_SUBSETS = {'training': 'train', 'val': 'validation', 'testing': 'test'}


def settle(
    told: Told,
    path,
    *,
    fps: float | None = None,
    classes: Sequence[str] | None = None,
    subset: str | None = None,
    truth: SegmentSet | None = None,
    skip: bool = False,
    label_base: int | None = None,
) -> SegmentSet:
    """Makes the set of segments of what a file tells; see `skeljax.localize.exchange.read`.

    Raises:
        FormatError: names the file, the row, what was found and what was expected.
        InputError: fps is no positive number, or a class is given twice.
    """
    if strange := next((name for name in told.subsets if not is_name(name)), None):
        raise FormatError(f'{path}: recording {strange!r:.60}: a control character in its name')
    fps = _fps(told, path, truth.fps if fps is None and truth is not None else fps)
    factors = {name: _factor(told, name, fps) for name in told.subsets}
    subsets = {name: _subset(text) for name, text in told.subsets.items()}
    frames = _frames(told, factors, fps)
    chosen = _chosen(subsets, subset, path)
    elsewhere = subsets.keys() - set(chosen)
    if truth is not None:
        chosen = [name for name in chosen if name in truth.segments]
        elsewhere = truth.elsewhere
        frames |= truth.frames  # which knows best how long its recordings are
    faults = Faults(skip)
    rows = _named(told.rows, chosen, elsewhere, truth, faults)
    rows, labels, classes, closed = numbered(
        rows, told, path, faults, classes=classes, truth=truth, label_base=label_base
    )
    unit = 's' if told.in_seconds else 'frames'
    rows, segments = timed(
        rows, labels, faults, factors=factors, frames=frames, unit=unit, cut=truth is not None
    )
    return SegmentSet(
        segments=_by_recording(rows, segments, chosen),
        classes=classes,
        fps=fps,
        frames={name: frames[name] for name in chosen if name in frames},
        subsets={name: subsets[name] for name in chosen if subsets[name]},
        closed=closed,
        elsewhere=frozenset(elsewhere),
        notes=faults.notes(),
    )


def _named(rows, chosen, elsewhere, truth: SegmentSet | None, faults: Faults) -> list[Row]:
    """Keeps the rows of the recordings that are read."""
    chosen, kept, others = set(chosen), [], 0
    for row in rows:
        if row.recording in chosen:
            kept.append(row)
        elif row.recording in elsewhere:
            others += 1
        else:
            what = f'recording {row.recording!r} is not among the {len(truth.segments)} true ones'
            faults.refuse(row, 'recordings that the truth does not have', what)
    if others and truth is not None:
        faults.noted.append(f'left out {others} segments of recordings of other subsets')
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


def _fps(told: Told, path, asked: float | None) -> float | None:
    """Finds the frame rate of the result; None where frames stay as they are."""
    if asked is not None:
        if not (math.isfinite(asked) and asked > 0):
            raise InputError(f'fps: expected a positive number, found {asked!r}')
        return float(asked)
    rates = sorted(set(told.fps.values()))
    if len(rates) > 1:
        shown = ', '.join(f'{rate:g}' for rate in rates[:4])
        raise FormatError(f'{path}: recordings at {shown} frames a second; tell one fps for all')
    if told.in_seconds and not rates:
        raise FormatError(f'{path}: its times are seconds; tell the frames a second (fps)')
    return rates[0] if rates else None


def _factor(told: Told, name: str, fps: float | None) -> float:
    """Returns by what the times of a recording are multiplied."""
    if told.in_seconds:
        return fps
    own = told.fps.get(name)
    return fps / own if own and fps and own != fps else 1.0


def _frames(told: Told, factors: Mapping[str, float], fps: float | None) -> dict[str, int]:
    """Counts the frames of recordings whose length is told, at least one each.

    Raises:
        FormatError: a length that no recording has.
    """
    lengths = {name: count * factors[name] for name, count in told.frames.items()}
    lengths |= {name: length * fps for name, length in told.seconds.items() if fps}
    for name, length in lengths.items():
        if not length < FAR:
            raise FormatError(f'recording {name!r:.60}: a length of {length:g} frames')
    return {name: max(math.floor(length + 0.5), 1) for name, length in lengths.items()}


def _subset(text: str) -> str:
    return _SUBSETS.get(text.lower(), text.lower())


def _chosen(subsets: Mapping[str, str], subset: str | None, path) -> list[str]:
    """Lists the recordings of a subset."""
    if subset is None:
        return list(subsets)
    chosen = [name for name, of in subsets.items() if of == _subset(subset)]
    if not chosen:
        known = ', '.join(sorted(set(subsets.values()) - {''})) or 'told for none'
        raise FormatError(f'{path}: no recording of subset {subset!r}; subsets are {known}')
    return chosen
