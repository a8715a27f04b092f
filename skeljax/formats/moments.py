"""Numbers the frames of the rows of a table, from its columns of frames, times and persons."""

import re
from typing import NamedTuple

import numpy as np

from skeljax.errors import FormatError
from skeljax.formats.cells import Cells
from skeljax.formats.columns import Columns

_SLOW = 2.0  # seconds between frames; no sensor is so slow, so the times are in another unit
_UNITS = ((1e-3, 'milliseconds'), (1e-6, 'microseconds'), (1e-9, 'nanoseconds'))


class Moments(NamedTuple):
    """When the rows of a table are.

    Attributes:
        frames: of each row, from 0, int[rows].
        fps: frames per second, None if the table does not state it.
        notes: what was estimated, one line each.
    """

    frames: np.ndarray
    fps: float | None
    notes: tuple[str, ...] = ()


def number(sheet: Cells, found: Columns) -> Moments:
    """Numbers the frames.

    Rows that state neither frame nor time are counted, those of each person by themselves.

    Raises:
        FormatError: names the line of a frame or a time that cannot be.
    """
    time, notes = _seconds(sheet, found)
    if found.frame is not None:
        given = _whole(sheet, found.frame)
        frames = given - given.min()
    elif time is not None:
        moments, which = np.unique(time, return_inverse=True)
        steps = np.diff(moments)
        # A step of two or three frames is one that lost some.
        typical = np.median(steps) if len(steps) else 1.0
        frames = np.append(0, np.cumsum(np.maximum(np.round(steps / typical), 1)))[which]
    elif found.joint is not None:
        raise FormatError(f'{sheet.path}:1: no column frame or time beside joint, x, y')
    else:
        return _counted(sheet, found)
    rows = len(np.unique(frames))
    if frames.max() >= 1000 + 100 * rows:
        sheet.fail(int(frames.argmax()), f'frame {frames.max():.0f} of {rows} rows')
    if time is None or not frames.any():
        return Moments(frames.astype(int), None, notes)
    first, last = frames.argmin(), frames.argmax()
    seconds = time[last] - time[first]
    if not seconds > 0:
        sheet.fail(int(last), 'the time does not grow with the frames')
    fps = _rounded(frames.max() / seconds, time, seconds)
    return Moments(frames.astype(int), fps, notes)


def rate(
    name: str, times: np.ndarray, scale: float | None, numbers=None
) -> tuple[float | None, tuple[str, ...]]:
    """Returns the frame rate of times, and a note on their unit.

    Args:
        name: of the times.
        times: of each frame, float64[T].
        scale: seconds of their unit; None for seconds, unless the steps say otherwise.
        numbers: of each frame, int[T]; by default as the times show.

    Returns:
        Frames per second, None if the times do not grow; notes.
    """
    steps = np.diff(times)
    if not len(steps) or not (steps > 0).all() or not np.isfinite(times).all():
        return None, ()
    typical = float(np.median(steps))
    counts = np.maximum(np.round(steps / typical), 1) if numbers is None else np.diff(numbers)
    if not (counts > 0).all():
        return None, ()
    notes: tuple[str, ...] = ()
    if scale is None:
        scale, notes = _scale(name, typical)
    fps = float(counts.sum() / ((times[-1] - times[0]) * scale))
    near = abs(fps / max(round(fps), 1) - 1) < 5e-4  # clocks are not exact, times are rounded
    return (float(round(fps)) if near else fps), notes


def _scale(name: str, step: float) -> tuple[float, tuple[str, ...]]:
    """Estimates the seconds of a unit from the step between frames."""
    if step < _SLOW:
        return 1.0, ()
    scale, word = next((unit for unit in _UNITS if step * unit[0] < _SLOW), _UNITS[-1])
    return scale, (f'{name} taken for {word}: {step:g} from frame to frame',)


def _seconds(sheet: Cells, found: Columns) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Reads the times, float64[rows]; None without any. Where no unit is stated, estimates it."""
    if found.time is None:
        return None, ()
    column, scale = found.time
    time = sheet.numbers([column])[:, 0]
    if not np.isfinite(time).all():
        sheet.fail(int(np.argmin(np.isfinite(time))), 'no time, expected seconds')
    if scale is not None:
        return time * scale, ()
    steps = np.diff(np.unique(time))
    step = float(np.median(steps)) if len(steps) else 0.0
    scale, notes = _scale(sheet.names[column], step)
    return time * scale, notes


def _whole(sheet: Cells, column: int) -> np.ndarray:
    """Reads whole numbers, float64[rows]; of names, as img_0012.jpg, the last in each."""
    listed = sheet.cells(column)
    if any(re.search('[A-Za-z]', cell) for cell in listed[:1]):
        digits = [re.findall(r'\d+', re.sub(r'\.[a-zA-Z]{2,4}\d?$', '', cell)) for cell in listed]
        bad = next((n for n, some in enumerate(digits) if not some or len(some[-1]) > 15), None)
        if bad is not None:
            sheet.fail(bad, f'{listed[bad][:40]!r} contains no frame number')
        return np.array([float(some[-1]) for some in digits])
    given = sheet.numbers([column])[:, 0]
    with np.errstate(invalid='ignore'):
        whole = (np.abs(given) < 2**53) & (given == np.round(given))
    if not whole.all():
        sheet.fail(int(np.argmin(whole)), 'the frame is no whole number')
    return given


def _counted(sheet: Cells, found: Columns) -> Moments:
    """Counts rows that state neither frame nor time.

    Raises:
        FormatError: other columns look like those of frames and persons.
    """
    rows, notes = len(sheet), ()
    if found.person is None:
        _check_counters(sheet, found)
        found.person = _in_turn(sheet, found)
        if found.person is None:
            return Moments(np.arange(rows), None)
        name = sheet.names[found.person]
        found.over.remove(name)
        notes = (f'column {name!r} used as the person: its cells repeat in each frame',)
    listed = sheet.cells(found.person)
    if len(set(listed)) == rows:  # a number of the row
        return Moments(np.arange(rows), None)
    frames, count = np.zeros(rows, int), {}
    for row, who in enumerate(listed):
        frames[row] = count[who] = count.get(who, -1) + 1
    return Moments(frames, None, notes)


def _in_turn(sheet: Cells, found: Columns) -> int | None:
    """Returns a column whose few different cells repeat."""
    for name in found.over[:20]:
        column = sheet.names.index(name)
        listed = sheet.cells(column)
        turn = listed[: len(set(listed))]
        rounds, rest = divmod(len(listed), len(turn))
        if 1 < len(turn) <= 20 and rounds > 1 and not rest and listed == turn * rounds:
            return column
    return None


def _check_counters(sheet: Cells, found: Columns):
    """Refuses a table two of whose other columns count: frames of one person after another."""
    counts: dict[str, list[str]] = {}
    for name in found.over[:20]:
        listed = sheet.cells(sheet.names.index(name))
        if 1 < len(set(listed)) < len(listed):
            counts[name] = listed
    for name, listed in counts.items():
        if not all(cell.isdecimal() and len(cell) < 10 for cell in listed):
            continue
        values = sorted(map(int, set(listed)))
        if values[0] > 1 or values != list(range(values[0], values[0] + len(values))):
            continue
        for other, cells in counts.items():
            pairs = set(zip(listed, cells, strict=True))
            few = len(set(cells)) * len(values) <= 2 * len(listed)
            if other != name and few and len(pairs) == len(listed):
                sheet.fail(
                    0, f'columns {name!r} and {other!r} distinguish the rows, expected the names '
                    'frame and person (or one recording a file)'
                )


def _rounded(fps: float, time: np.ndarray, seconds: float) -> float:
    """Takes the rate for the whole number that it is but for the digits left out of the times."""
    exact = (d for d in range(6) if np.allclose(time, np.round(time, d), rtol=0, atol=1e-9))
    digits = next(exact, 6)
    whole = round(fps)
    return float(whole) if abs(fps - whole) <= 10.0**-digits * fps / seconds else float(fps)
