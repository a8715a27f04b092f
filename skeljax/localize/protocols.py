"""Names the evaluation protocols: how frames become segments, and how segments are scored."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from skeljax.errors import InputError
from skeljax.localize.decode import argmax_runs, threshold_runs
from skeljax.localize.matching import Result, mean_average_precision
from skeljax.localize.segments import Segments

TIOUS = (0.1, 0.2, 0.3, 0.4, 0.5)


class Protocol(NamedTuple):
    """Pairs a decoder with a scorer.

    Attributes:
        decode: (probabilities float[T, L + 1]) -> Segments.
        evaluate: (predictions, truth, *, num_classes, tious) -> Result.
    """

    decode: Callable[..., Segments]
    evaluate: Callable[..., Result]


_clean = functools.partial(mean_average_precision, tious=TIOUS)
# The release writes a proposal's end one frame late and the truth's end as its last frame,
# then compares half-open ranges: a perfect proposal of n frames has IoU (n - 1) / (n + 1).
_off_by_one = functools.partial(_clean, lengthen_predictions=1, lengthen_truth=-1)

PROTOCOLS: dict[str, Protocol] = {
    'babel': Protocol(functools.partial(threshold_runs, faithful=True), _off_by_one),
    'babel_clean': Protocol(threshold_runs, _clean),
    'argmax_clean': Protocol(argmax_runs, _clean),
}


def protocol(name: str) -> Protocol:
    """Looks a protocol up.

    * `babel`: decoding and scoring of the BABEL benchmark's release, off-by-one included.
    * `babel_clean`: the same rules with half-open frames throughout.
    * `argmax_clean`: runs of the most probable class, half-open IoU.

    Raises:
        InputError: lists the known names.
    """
    if name not in PROTOCOLS:
        raise InputError(f'unknown protocol {name!r}, known: {", ".join(PROTOCOLS)}')
    return PROTOCOLS[name]


def evaluate(
    predictions: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    *,
    num_classes: int,
    protocol: str = 'babel_clean',
    tious: Sequence[float] = TIOUS,
) -> Result:
    """Scores segments by the protocol of that name, see `mean_average_precision`.

    Raises:
        InputError: unknown protocol or recording, a bad segment, no truth at all.
    """
    scorer = _lookup(protocol).evaluate
    return scorer(predictions, truth, num_classes=num_classes, tious=tious)


# `evaluate` has an argument named like the function.
_lookup = protocol
