"""How frames become segments, told in full, so that it stays the same when defaults change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import dataclasses
import functools
import inspect
import math
from typing import NamedTuple

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.decoder_spec import decoder as build
from skeljax.localize.protocols import DECODERS, protocol
from skeljax.localize.segments import Segments
from skeljax.localize.sequence import SequenceDecoder

MIN_SCORE = 0.1
READ = 'segmentation'  # the protocol whose segments a person reads
SEQUENCE = 'sequence'  # its decoder
CUTS = ('thresholds', 'threshold', 'levels')  # what decoders call what `--threshold` sets


class Decoding(NamedTuple):
    """A decoder with all it is told.

    Attributes:
        protocol: whose decoding it is.
        steps: as `skeljax.localize.decoder_spec.decoder` reads them.
        options: of the step that finds segments, every one of them.
        min_score: segments of a lower score are left out.
    """

    protocol: str
    steps: str
    options: dict[str, object]
    min_score: float = MIN_SCORE

    def decode(self, probabilities: np.ndarray, fps: float | None = None) -> Segments:
        """Finds the segments in probabilities float[T, L + 1] of one recording.

        Args:
            probabilities: of its frames.
            fps: frames a second, for decoders that know how long movements last; by default
                that of the recordings which the decoder was fitted to.
        """
        group = _group(self.steps)
        known, options = DECODERS[group], self.options
        if isinstance(known, SequenceDecoder):
            options = options if fps is None else {**options, 'fps': fps}
            decoder = dataclasses.replace(known, **options)
        else:
            decoder = functools.partial(known, **options)
        found = build(self.steps, {**DECODERS, group: decoder})(probabilities)
        return found[found.score >= self.min_score]

    @property
    def sequence(self) -> SequenceDecoder | None:
        """The sequence decoder that finds segments; None where another one does."""
        if _group(self.steps) != SEQUENCE:
            return None
        return SequenceDecoder(**self.options)

    def fitted(self, decoder: SequenceDecoder) -> Decoding:
        """Exchanges the sequence decoder that finds segments."""
        return self._replace(options=dataclasses.asdict(decoder))


def of_sequence(decoder: SequenceDecoder, min_score: float | None = None) -> Decoding:
    """Makes the decoding of the segments that a person reads."""
    return choose(READ, min_score=min_score).fitted(decoder)


def choose(
    name: str,
    decoder: str | None = None,
    *,
    thresholds: Sequence[float] = (),
    min_score: float | None = None,
) -> Decoding:
    """Chooses a decoder.

    Args:
        name: of the protocol whose decoder it is.
        decoder: another one, or steps, see `localize.protocol`.
        thresholds: of the decoder instead of its own, 0 to 1.
        min_score: leaves out segments of a lower score; by default `MIN_SCORE`, of the sequence
            decoder, which has a rule of its own, 0.

    Raises:
        InputError: an unknown protocol or decoder, a decoder without thresholds, or
            numbers that are none.
    """
    decode = protocol(name, decoder).decode
    steps = decoder or next(known for known, found in DECODERS.items() if found is decode)
    options = _options(DECODERS[_group(steps)])
    if thresholds:
        options |= _cuts(steps, options, thresholds)
    usual = 0.0 if _group(steps) == SEQUENCE else MIN_SCORE
    least = usual if min_score is None else min_score
    if not math.isfinite(least):
        raise InputError(f'lowest score is {least:g}, expected a number')
    return Decoding(name, steps, options, least)


def to_json_dict(decoding: Decoding) -> dict:
    """Describes a decoding for a JSON file."""
    plain = lambda value: list(value) if isinstance(value, tuple) else value
    return decoding._asdict() | {
        'options': {name: plain(value) for name, value in decoding.options.items()}
    }


def from_json_dict(told) -> Decoding:
    """Reads what `to_json_dict` wrote.

    Raises:
        InputError: something is missing, unknown or of another kind.
    """
    if not isinstance(told, Mapping) or set(told) != set(Decoding._fields):
        raise InputError(f'decoding: expected {", ".join(Decoding._fields)}')
    given = told['options']
    if not isinstance(given, Mapping):
        raise InputError('decoding: options: expected an object')
    least = told['min_score']
    if isinstance(least, bool) or not isinstance(least, int | float):
        raise InputError(f'decoding: min_score is {least!r}, expected a number')
    chosen = choose(str(told['protocol']), str(told['steps']), min_score=least)
    if strange := sorted(given.keys() - chosen.options.keys()):
        known = ', '.join(chosen.options)
        raise InputError(f'decoding: {chosen.steps} has no option {strange[0]!r}, but {known}')
    options = {n: tuple(v) if isinstance(v, list) else v for n, v in given.items()}
    for name, value in options.items():
        known = chosen.options[name]
        if not _alike(value, known):
            raise InputError(f'decoding: {name} is {value!r}, expected one like {known!r}')
    read = chosen._replace(options={**chosen.options, **options})
    _ = read.sequence  # which checks its options
    return read


def _group(steps: str) -> str:
    """Finds the step that finds segments."""
    return next(word for word in map(str.strip, steps.split(',')) if word in DECODERS)


def _options(decoder) -> dict[str, object]:
    """Lists what a decoder is told besides probabilities."""
    if isinstance(decoder, SequenceDecoder):
        return dataclasses.asdict(decoder)
    parameters = inspect.signature(decoder).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def _alike(value, known) -> bool:
    """Checks that a value is of the kind of a known one; sequences are of numbers."""
    number = lambda one: isinstance(one, int | float) and not isinstance(one, bool)
    if isinstance(known, tuple):
        return isinstance(value, tuple) and all(number(one) and one == one for one in value)
    return number(value) if number(known) else isinstance(value, type(known))


def _cuts(steps: str, options: Mapping, thresholds: Sequence[float]) -> dict[str, object]:
    name = next((name for name in CUTS if name in options), None)
    if name is None:
        raise InputError(f'decoder {steps} has no threshold to set')
    outside = [value for value in thresholds if not 0 <= value <= 1]
    if outside:
        raise InputError(f'threshold {outside[0]:g} is not from 0 to 1')
    if name == 'threshold' and len(thresholds) > 1:
        raise InputError(f'decoder {steps} takes one threshold, not {len(thresholds)}')
    return {name: thresholds[0] if name == 'threshold' else tuple(sorted(thresholds))}
