"""A decoder with all of its options, as JSON, so that later defaults do not change it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import functools
import inspect
import math
from typing import NamedTuple

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.decoder_spec import FORMER_NAMES, build_decoder
from skeljax.localize.protocols import DECODERS, protocol
from skeljax.localize.segments import Segments
from skeljax.localize.sequence import SequenceDecoder

MIN_SCORE = 0.1
READABLE = 'segmentation'  # protocol whose segments are shown to users: they do not overlap
SEQUENCE = 'sequence'  # its decoder
THRESHOLD_OPTIONS = ('thresholds', 'threshold', 'levels')  # set by `--threshold`


class DecoderConfig(NamedTuple):
    """A decoder with all of its options.

    Attributes:
        protocol: name of the protocol that it belongs to.
        steps: text for `skeljax.localize.decoder_spec.build_decoder`.
        options: all options of the step that finds segments.
        min_score: segments of a lower score are dropped.
    """

    protocol: str
    steps: str
    options: dict[str, object]
    min_score: float = MIN_SCORE

    def decode(self, probabilities: np.ndarray, fps: float | None = None) -> Segments:
        """Decodes the segments of one recording.

        Args:
            probabilities: float[T, L + 1], background last.
            fps: frames per second, for decoders with durations; by default that of the
                recordings that the decoder was fitted to.
        """
        name = _decoder_name(self.steps)
        default, options = DECODERS[name], self.options
        decoder: Callable[..., Segments]
        if isinstance(default, SequenceDecoder):
            options = options if fps is None else {**options, 'fps': fps}
            decoder = dataclasses.replace(default, **options)
        else:
            decoder = functools.partial(default, **options)
        segments = build_decoder(self.steps, {**DECODERS, name: decoder})(probabilities)
        return segments[segments.score >= self.min_score]

    @property
    def sequence(self) -> SequenceDecoder | None:
        """Returns the sequence decoder; None if another decoder is configured."""
        if _decoder_name(self.steps) != SEQUENCE:
            return None
        return SequenceDecoder(**self.options)

    def with_sequence(self, decoder: SequenceDecoder) -> DecoderConfig:
        """Returns a copy with the options of this sequence decoder."""
        return self._replace(options=dataclasses.asdict(decoder))


def from_sequence(decoder: SequenceDecoder, min_score: float | None = None) -> DecoderConfig:
    """Returns the config of a sequence decoder, for the protocol `READABLE`."""
    return make(READABLE, min_score=min_score).with_sequence(decoder)


def make(
    name: str,
    decoder: str | None = None,
    *,
    thresholds: Sequence[float] = (),
    min_score: float | None = None,
) -> DecoderConfig:
    """Builds the config of a decoder.

    Args:
        name: of the protocol.
        decoder: replaces the decoder of the protocol, see `localize.protocol`.
        thresholds: replace those of the decoder, from 0 to 1.
        min_score: segments of a lower score are dropped; by default `MIN_SCORE`, but 0 for the
            sequence decoder, which has its own `reject`.

    Raises:
        InputError: an unknown protocol or decoder, thresholds for a decoder without any, or a
            number out of range.
    """
    decode = protocol(name, decoder).decode
    steps = decoder or next((text for text, known in DECODERS.items() if known is decode), None)
    if steps is None:
        raise InputError(f'protocol {name}: its decoder has no name; choose a decoder by name')
    options = _options(DECODERS[_decoder_name(steps)])
    if thresholds:
        options |= _threshold_option(steps, options, thresholds)
    if min_score is None:
        min_score = 0.0 if _decoder_name(steps) == SEQUENCE else MIN_SCORE
    if not math.isfinite(min_score):
        raise InputError(f'lowest score is {min_score:g}, expected a number')
    return DecoderConfig(name, steps, options, min_score)


def to_json_dict(config: DecoderConfig) -> dict:
    """Returns a config as a JSON-compatible dict."""
    plain = lambda value: list(value) if isinstance(value, tuple) else value
    return config._asdict() | {
        'options': {name: plain(value) for name, value in config.options.items()}
    }


def from_json_dict(document) -> DecoderConfig:
    """Reads the output of `to_json_dict`.

    Raises:
        InputError: a key is missing or unknown, or a value has the wrong type.
    """
    if not isinstance(document, Mapping) or set(document) != set(DecoderConfig._fields):
        raise InputError(f'decoding: expected {", ".join(DecoderConfig._fields)}')
    options = document['options']
    if not isinstance(options, Mapping):
        raise InputError('decoding: options: expected an object')
    min_score = document['min_score']
    if isinstance(min_score, bool) or not isinstance(min_score, int | float):
        raise InputError(f'decoding: min_score is {min_score!r}, expected a number')
    default = make(str(document['protocol']), str(document['steps']), min_score=min_score)
    if unknown := sorted(options.keys() - default.options.keys()):
        known = ', '.join(default.options)
        raise InputError(f'decoding: {default.steps} has no option {unknown[0]!r}, but {known}')
    options = {n: tuple(v) if isinstance(v, list) else v for n, v in options.items()}
    for name, value in options.items():
        if not _same_type(value, default.options[name]):
            expected = f'expected one like {default.options[name]!r}'
            raise InputError(f'decoding: {name} is {value!r}, {expected}')
    config = default._replace(options={**default.options, **options})
    _ = config.sequence  # raises InputError if an option is out of range
    return config


def _decoder_name(steps: str) -> str:
    """Returns the name of the step that finds segments."""
    words = (FORMER_NAMES.get(word, word) for word in map(str.strip, steps.split(',')))
    return next(word for word in words if word in DECODERS)


def _options(decoder) -> dict[str, object]:
    """Returns the options of a decoder with their defaults."""
    if isinstance(decoder, SequenceDecoder):
        return dataclasses.asdict(decoder)
    parameters = inspect.signature(decoder).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def _same_type(value, default) -> bool:
    """Returns whether a value has the type of the default; tuples contain numbers, not nan."""
    number = lambda one: isinstance(one, int | float) and not isinstance(one, bool)
    if isinstance(default, tuple):
        return isinstance(value, tuple) and all(number(one) and one == one for one in value)
    return number(value) if number(default) else isinstance(value, type(default))


def _threshold_option(
    steps: str, options: Mapping, thresholds: Sequence[float]
) -> dict[str, object]:
    name = next((name for name in THRESHOLD_OPTIONS if name in options), None)
    if name is None:
        raise InputError(f'decoder {steps} has no threshold to set')
    outside = [value for value in thresholds if not 0 <= value <= 1]
    if outside:
        raise InputError(f'threshold {outside[0]:g} is not from 0 to 1')
    if name == 'threshold' and len(thresholds) > 1:
        raise InputError(f'decoder {steps} takes one threshold, not {len(thresholds)}')
    return {name: thresholds[0] if name == 'threshold' else tuple(sorted(thresholds))}
