"""Builds a decoder of named steps: smoothing, grouping, suppression, refinement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import functools

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.decode import smooth
from skeljax.localize.refine import refine
from skeljax.localize.segments import Segments
from skeljax.localize.smoothing import smooth_gaussian
from skeljax.localize.soft_nms import soften
from skeljax.localize.suppress import suppress

Decoder = Callable[[np.ndarray], Segments]


def _nms(segments: Segments, _, tiou: float) -> Segments:
    kept = segments[suppress(segments, tiou, iou=True)]
    return kept[np.lexsort((kept.label, kept.end, kept.start))]


# Each takes the number behind its name, by default the one here.
_BEFORE = {
    'mean': (lambda p, frames: smooth(p, int(frames)), 9),
    'gaussian': (smooth_gaussian, 3),
}
_AFTER = {
    'nms': (_nms, 0.5),
    'soft_linear': (lambda s, _, tiou: soften(s, method='linear', overlap=tiou), 0.3),
    'soft_gaussian': (lambda s, _, sigma: soften(s, method='gaussian', sigma=sigma), 0.5),
    'refine': (lambda s, p, frames: refine(s, p, reach=int(frames)), 8),
}


def decoder(text: str, decoders: Mapping[str, Decoder]) -> Decoder:
    """Builds a decoder, e.g. of 'gaussian:3,watershed,refine:8,soft_gaussian'.

    One of the steps is a name of `decoders`. Before it `mean:FRAMES` and `gaussian:SIGMA`
    smooth; behind it `nms:TIOU`, `soft_linear:TIOU` and `soft_gaussian:SIGMA` deal with
    overlaps and `refine:FRAMES` moves ends by the smoothed probabilities. A step without a
    number takes that of its source.

    Args:
        text: the steps, parted by commas.
        decoders: name -> (probabilities float[T, L + 1]) -> Segments.

    Raises:
        InputError: a step that is unknown or in the wrong place, a number that is none.
    """
    words = [word.strip() for word in text.split(',')]
    places = [index for index, word in enumerate(words) if word in decoders]
    if len(places) != 1:
        unknown = next((w for w in words if w.split(':')[0] not in _BEFORE | _AFTER), text)
        what = f'unknown decoder {unknown!r}' if not places else f'{text!r}: several decoders'
        raise InputError(f'{what}, known: {", ".join(decoders)}')
    before = [_step(word, _BEFORE, 'before the decoder') for word in words[:places[0]]]
    after = [_step(word, _AFTER, 'behind the decoder') for word in words[places[0] + 1:]]
    group = decoders[words[places[0]]]
    if not (before or after):
        return group
    return functools.partial(_decode, tuple(before), group, tuple(after))


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
        raise InputError(f'step {word!r}: expected a number behind the colon') from None
