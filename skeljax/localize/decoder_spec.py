"""Builds a decoder from text: smoothing, a decoder, overlap suppression, boundary refinement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import functools
import math

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.decoders import check_probabilities
from skeljax.localize.nms import soft_nms, suppress
from skeljax.localize.segments import Segments, check

Decoder = Callable[[np.ndarray], Segments]
FORMER_NAMES = {'steady': 'hysteresis'}  # of decoders; models exported before still name them


def build_decoder(text: str, decoders: Mapping[str, Decoder]) -> Decoder:
    """Builds a decoder from text, such as 'gaussian:3,watershed,refine:8,soft_gaussian'.

    Exactly one step is a name in `decoders`. Before it, `mean:FRAMES` and `gaussian:SIGMA` smooth
    the probabilities. After it, `nms:TIOU`, `soft_linear:TIOU` and `soft_gaussian:SIGMA` resolve
    overlaps, and `refine:FRAMES` moves boundaries by the smoothed probabilities. The default
    number of a step is that of its source.

    Args:
        text: comma-separated steps.
        decoders: name -> (probabilities float[T, L + 1]) -> Segments.

    Raises:
        InputError: an unknown or misplaced step, or an argument that is not a number.
    """
    words = [FORMER_NAMES.get(word, word) for word in map(str.strip, text.split(','))]
    places = [index for index, word in enumerate(words) if word in decoders]
    if len(places) != 1:
        unknown = next((w for w in words if w.split(':')[0] not in _BEFORE | _AFTER), text)
        what = f'unknown decoder {unknown!r}' if not places else f'{text!r}: several decoders'
        raise InputError(f'{what}, known: {", ".join(decoders)}')
    before = [_step(word, _BEFORE, 'before the decoder') for word in words[:places[0]]]
    after = [_step(word, _AFTER, 'after the decoder') for word in words[places[0] + 1:]]
    group = decoders[words[places[0]]]
    if not (before or after):
        return group
    return functools.partial(_decode, tuple(before), group, tuple(after))


def smooth(probabilities: np.ndarray, frames: int) -> np.ndarray:
    """Smooths probabilities by a running mean; the window is shorter at both ends.

    Args:
        probabilities: float[T, L + 1].
        frames: window length; an even window includes one more frame after than before.

    Returns:
        float64[T, L + 1].

    Raises:
        InputError: `frames` below 1, or values that are not probabilities.
    """
    scores = check_probabilities(probabilities)
    if frames < 1:
        raise InputError(f'smoothing window: expected at least 1 frame, found {frames}')
    total = np.concatenate([np.zeros((1, scores.shape[1])), np.cumsum(scores, axis=0)])
    position = np.arange(len(scores))
    first = np.maximum(position - (frames - 1) // 2, 0)
    last = np.minimum(position + frames // 2 + 1, len(scores))
    # Rounding errors of the difference of two long sums can be outside [0, 1].
    return np.clip((total[last] - total[first]) / (last - first)[:, None], 0, 1)


def smooth_gaussian(
    probabilities: np.ndarray, sigma: float, *, truncate: float = 4.0
) -> np.ndarray:
    """Smooths probabilities with a Gaussian kernel, renormalized at both ends.

    Args:
        probabilities: float[T, L + 1].
        sigma: standard deviation in frames.
        truncate: the kernel ends at this many standard deviations.

    Returns:
        float64[T, L + 1]; rows that sum to 1 still do.

    Raises:
        InputError: `sigma` or `truncate` not above 0, or values that are not probabilities.
    """
    from scipy import ndimage  # slow to import, seldom needed

    scores = check_probabilities(probabilities)
    if not (math.isfinite(sigma) and sigma > 0 and truncate > 0):
        found = f'sigma {sigma}, truncate {truncate}'
        raise InputError(f'Gaussian smoothing: {found}, expected above 0')
    if not len(scores):
        return scores
    reach = math.ceil(truncate * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    inside = np.column_stack([scores, np.ones(len(scores))])  # the last column sums the kernel
    smoothed = ndimage.correlate1d(inside, weights, axis=0, mode='constant')
    return np.clip(smoothed[:, :-1] / smoothed[:, -1:], 0, 1)


def refine(
    segments: Segments, probabilities: np.ndarray, *, reach: int = 8, width: int = 3
) -> Segments:
    """Moves each start to the steepest nearby rise of the class score, each end to the fall.

    The slope at the border before frame t is the mean of the `width` frames from t on minus that
    of the `width` frames before, of the segment's class. Outside the recording the score is 0,
    so the first and the last border are candidates too. A start moves by up to `reach` frames,
    but not past the middle of the segment; an end not before it, so a segment keeps a frame. Of
    equal slopes the nearest border is taken, then the earlier one. Where the score does not rise
    (fall), the border is unchanged. Scores are unchanged.

    Args:
        segments: of one recording.
        probabilities: float[T, L + 1], background last.
        reach: frames; 0 changes nothing.
        width: frames on either side of a border.

    Returns:
        Segments in the same order.

    Raises:
        InputError: an empty segment, a segment outside the recording or of an unknown class,
            `reach` below 0, `width` below 1, or values that are not probabilities.
    """
    scores = check_probabilities(probabilities)
    if reach < 0 or width < 1:
        raise InputError(f'refining: reach {reach} and width {width}, expected from 0 and from 1')
    frames, classes = len(scores), scores.shape[1] - 1
    check(segments, 'segments to refine', num_classes=classes, num_frames=frames)
    slope = _slopes(scores[:, :-1], width)
    start, end, label = segments.start, segments.end, segments.label
    middle = (start + end - 1) // 2
    first = _steepest(slope, start, label, reach, np.zeros_like(start), middle)
    last = _steepest(-slope, end, label, reach, middle + 1, np.full_like(end, frames))
    return Segments(first, last, label, segments.score)


def _slopes(scores: np.ndarray, width: int) -> np.ndarray:
    """Returns the slope of float[T, L] at each border, float[T + 1, L]."""
    total = np.zeros((len(scores) + 2 * width + 1, scores.shape[1]))
    np.cumsum(np.pad(scores, ((width, width), (0, 0))), axis=0, out=total[1:])
    return (total[2 * width:] - 2 * total[width:-width] + total[:-2 * width]) / width


def _steepest(slope, border, label, reach: int, low, high) -> np.ndarray:
    """Returns the border of the highest positive slope near each, from `low` to `high`."""
    # Sorted by distance, the earlier first: `argmax` returns the first of equal slopes.
    offsets = sorted(range(-reach, reach + 1), key=lambda offset: (abs(offset), offset))
    near = border[:, None] + np.asarray(offsets, np.int64)
    allowed = (near >= low[:, None]) & (near <= high[:, None])
    near = np.clip(near, 0, len(slope) - 1)
    # Slopes below a millionth are rounding errors of long sums.
    steep = np.where(allowed, np.round(slope[near, label[:, None]], 6), -np.inf)
    best = steep.argmax(axis=1)
    row = np.arange(len(border))
    return np.where(steep[row, best] > 0, near[row, best], border)


def _decode(before, group, after, probabilities: np.ndarray) -> Segments:
    for step, number in before:
        probabilities = step(probabilities, number)
    segments = group(probabilities)
    for step, number in after:
        segments = step(segments, probabilities, number)
    return segments


def _step(word: str, known: Mapping, place: str) -> tuple[Callable, float]:
    name, colon, number = word.partition(':')
    if name not in known:
        raise InputError(f'unknown step {word!r} {place}, known: {", ".join(known)}')
    step, default = known[name]
    try:
        return step, float(number) if colon else default
    except ValueError:
        raise InputError(f'step {word!r}: expected a number after the colon') from None


def _nms(segments: Segments, _, tiou: float) -> Segments:
    kept = segments[suppress(segments, tiou, iou=True)]
    return kept[np.lexsort((kept.label, kept.end, kept.start))]


# name -> function (..., number) and the default number.
_BEFORE = {
    'mean': (lambda p, frames: smooth(p, int(frames)), 9),
    'gaussian': (smooth_gaussian, 3),
}
_AFTER = {
    'nms': (_nms, 0.5),
    'soft_linear': (lambda s, _, tiou: soft_nms(s, method='linear', overlap=tiou), 0.3),
    'soft_gaussian': (lambda s, _, sigma: soft_nms(s, method='gaussian', sigma=sigma), 0.5),
    'refine': (lambda s, p, frames: refine(s, p, reach=int(frames)), 8),
}
