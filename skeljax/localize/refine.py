"""Moves the ends of segments to where the score of their class changes most."""

from __future__ import annotations

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.decode import checked
from skeljax.localize.segments import Segments, check


def refine(
    segments: Segments, probabilities: np.ndarray, *, reach: int = 8, width: int = 3
) -> Segments:
    """Moves each start to the steepest rise of the class score near it, each end to the fall.

    The change at the border before frame t is the mean of the `width` frames from t on less
    that of the `width` frames before, of the segment's class; outside the recording the
    score is 0, so that its first and last border can win. A start is searched up to `reach`
    frames to either side, but not behind the middle of the segment, an end not before it:
    a segment keeps a frame. Of equally steep borders the nearest one counts, then the
    earlier; where nothing rises (falls), the border stays. Scores stay as they are.

    Args:
        segments: of one recording.
        probabilities: float[T, L + 1], background last, padding cut off.
        reach: frames; 0 moves nothing.
        width: frames on either side of a border.

    Returns:
        Segments in the order given.

    Raises:
        InputError: a segment that is empty, leaves the recording or is of another class,
            `reach` below 0, `width` below 1, or not probabilities.
    """
    scores = checked(probabilities)
    if reach < 0 or width < 1:
        raise InputError(f'refining: reach {reach} and width {width}, expected from 0 and from 1')
    frames, classes = len(scores), scores.shape[1] - 1
    check(segments, 'segments to refine', num_classes=classes, num_frames=frames)
    change = _changes(scores[:, :-1], width)
    start, end, label = segments.start, segments.end, segments.label
    middle = (start + end - 1) // 2
    first = _steepest(change, start, label, reach, np.zeros_like(start), middle)
    last = _steepest(-change, end, label, reach, middle + 1, np.full_like(end, frames))
    return Segments(first, last, label, segments.score)


def _changes(scores: np.ndarray, width: int) -> np.ndarray:
    """Takes the change of float[T, L] at each of its borders, float[T + 1, L]."""
    total = np.zeros((len(scores) + 2 * width + 1, scores.shape[1]))
    np.cumsum(np.pad(scores, ((width, width), (0, 0))), axis=0, out=total[1:])
    return (total[2 * width:] - 2 * total[width:-width] + total[:-2 * width]) / width


def _steepest(change, border, label, reach: int, low, high) -> np.ndarray:
    """Finds the border of the highest change near each, from `low` to `high`, if above 0."""
    # By distance, the earlier first, so that the first of equal ones is the right one.
    offsets = sorted(range(-reach, reach + 1), key=lambda offset: (abs(offset), offset))
    near = border[:, None] + np.asarray(offsets, np.int64)
    allowed = (near >= low[:, None]) & (near <= high[:, None])
    near = np.clip(near, 0, len(change) - 1)
    # A millionth is a rounding error of long sums, not steepness.
    steep = np.where(allowed, np.round(change[near, label[:, None]], 6), -np.inf)
    best = steep.argmax(axis=1)
    row = np.arange(len(border))
    return np.where(steep[row, best] > 0, near[row, best], border)
