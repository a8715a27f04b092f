"""Names the evaluation protocols: how frames become segments, and how segments are scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import functools
from typing import NamedTuple

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.activity import activity_runs
from skeljax.localize.decode import argmax_runs, threshold_runs
from skeljax.localize.decoder_spec import decoder as build
from skeljax.localize.hysteresis import steady_runs
from skeljax.localize.metrics import (
    activitynet as wider,
    babel as benchmark,
    detection as voc,
    pkummd as official,
    segmentation as labelling,
)
from skeljax.localize.metrics.framewise import framewise
from skeljax.localize.metrics.recognition import recognition, whole
from skeljax.localize.metrics.result import Result
from skeljax.localize.segments import Segments
from skeljax.localize.sequence import SequenceDecoder
from skeljax.localize.watershed import watershed

TIOUS = benchmark.TIOUS


class Protocol(NamedTuple):
    """Pairs a decoder with a scorer; any of the one goes with any of the other.

    Attributes:
        decode: (probabilities float[T, L + 1]) -> Segments.
        evaluate: (predictions, truth, *, num_classes, tious, num_frames, probabilities)
            -> Result. The last two are optional, name -> frames and name -> float[T, L + 1];
            every scorer takes both, and some need them.
        tious: the thresholds that belong to the name, () for none; None leaves them open.
    """

    decode: Callable[..., Segments]
    evaluate: Callable[..., Result]
    tious: tuple[float, ...] | None = None

    def thresholds(self, tious: Sequence[float] = TIOUS) -> tuple[float, ...]:
        """Returns the protocol's own thresholds, or these where it leaves them open."""
        return tuple(tious) if self.tious is None else self.tious


# One score a class and frame, all runs above 0.02, as wengwanjiang/FoundSkelModel decodes.
_class_runs = functools.partial(
    threshold_runs, thresholds=(0.02,), min_frames=1, margin_weight=0.0, overlap=1.0
)
DECODERS: dict[str, Callable[..., Segments]] = {
    'babel': functools.partial(threshold_runs, faithful=True),
    'babel_clean': threshold_runs,
    'class_runs': _class_runs,
    'activity': functools.partial(activity_runs, faithful=True),
    'activity_clean': activity_runs,
    'argmax': argmax_runs,
    'steady': steady_runs,
    'whole': whole,
    'watershed': watershed,
    'watershed_activity': functools.partial(watershed, by_class=False),
    'sequence': SequenceDecoder(),
}


def _pair(decoder: str, evaluate: Callable[..., Result], tious=None, **options) -> Protocol:
    return Protocol(DECODERS[decoder], functools.partial(evaluate, **options), tious)


PROTOCOLS: dict[str, Protocol] = {
    'babel': _pair('babel', benchmark.babel, faithful=True),
    'babel_clean': _pair('babel_clean', benchmark.babel),
    'argmax_clean': _pair('argmax', benchmark.babel),
    'babel_07': _pair('babel', benchmark.babel, benchmark.LONG_TIOUS, faithful=True),
    'pkummd': _pair('class_runs', official.pkummd, official.TIOUS, faithful=True),
    'pkummd_clean': _pair('class_runs', official.pkummd, official.TIOUS),
    'detection': _pair('activity', voc.detection, voc.TIOUS, faithful=True),
    'detection_clean': _pair('activity_clean', voc.detection, voc.TIOUS),
    'activitynet': _pair('babel_clean', wider.activitynet, wider.TIOUS),
    'thumos': _pair('babel_clean', wider.activitynet, wider.THUMOS_TIOUS),
    'segmentation': _pair('sequence', labelling.segmentation, labelling.TIOUS),
    'segmentation_runs': _pair('argmax', labelling.segmentation, labelling.TIOUS),
    'framewise': _pair('argmax', framewise, ()),
    'recognition': _pair('whole', recognition, ()),
}
# The same scorers on the segments that a person reads, which never overlap.
_OF_SEGMENTS = ('babel', 'babel_clean', 'pkummd', 'detection', 'activitynet')
PROTOCOLS |= {
    f'{name}_segments': PROTOCOLS[name]._replace(decode=DECODERS['sequence'])
    for name in _OF_SEGMENTS
}


def protocol(
    name: str, decoder: str | None = None, *, sequence: SequenceDecoder | None = None
) -> Protocol:
    """Looks a protocol up, see docs/protocols.md.

    * `babel`: decoding and scoring of the BABEL benchmark's release, off-by-one included;
      `babel_07` with the thresholds 0.1 to 0.7 of its ancestor.
    * `babel_clean`: the same rules with half-open frames throughout.
    * `argmax_clean`: runs of the most probable class, half-open IoU.
    * `pkummd`: the official evaluation of PKU-MMD; `pkummd_clean` with an AP without gaps.
    * `detection`: that of HiCLR and PCM3; `detection_clean` with half-open frames.
    * `activitynet`, `thumos`: interpolated mAP at tIoU 0.5 to 0.95 and 0.3 to 0.7.
    * `segmentation`: frame accuracy, edit score, F1@{10, 25, 50} of the sequence decoder;
      `segmentation_runs` of the runs of the most probable class.
    * `babel_segments`, `babel_clean_segments`, `pkummd_segments`, `detection_segments`,
      `activitynet_segments`: the scorer of the name on the sequence decoder's segments.
    * `framewise`: per-frame mAP.
    * `recognition`: top-1 and top-5 accuracy of whole recordings.

    Args:
        name: of the protocol.
        decoder: another decoder than the protocol's own, by its name in `DECODERS`, or
            with steps around it, see `skeljax.localize.decoder_spec.decoder`.
        sequence: a fitted sequence decoder, in the place of one with default durations.

    Raises:
        InputError: lists the known names.
    """
    if name not in PROTOCOLS:
        raise InputError(f'unknown protocol {name!r}, known: {", ".join(PROTOCOLS)}')
    chosen = PROTOCOLS[name]
    decode: Callable[..., Segments] = sequence or DECODERS['sequence']
    if decoder is not None:
        return chosen._replace(decode=build(decoder, {**DECODERS, 'sequence': decode}))
    return chosen._replace(decode=decode) if reads_segments(name) else chosen


def reads_segments(name: str) -> bool:
    """Whether a protocol's own decoder is the sequence decoder."""
    return isinstance(PROTOCOLS[name].decode, SequenceDecoder)


def evaluate(
    predictions: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    *,
    num_classes: int,
    protocol: str = 'babel_clean',
    tious: Sequence[float] | None = None,
    num_frames: Mapping[str, int] | None = None,
    probabilities: Mapping[str, np.ndarray] | None = None,
) -> Result:
    """Scores segments by the protocol of that name.

    Args:
        predictions: proposals by recording; a recording without an entry has none.
        truth: true segments by recording, empty ones included.
        num_classes: L, without background.
        protocol: a name in `PROTOCOLS`.
        tious: thresholds; by default the protocol's own, or `TIOUS`.
        num_frames: frames of every true recording: no segment may end beyond them;
            `segmentation` needs them.
        probabilities: scores of frames, float[T, L + 1] by recording, for `framewise`.

    Raises:
        InputError: unknown protocol or recording, a bad segment, no truth at all.
    """
    chosen = _lookup(protocol)
    return chosen.evaluate(
        predictions,
        truth,
        num_classes=num_classes,
        tious=chosen.thresholds() if tious is None else tious,
        num_frames=num_frames,
        probabilities=probabilities,
    )


# `evaluate` has an argument named like the function.
_lookup = protocol
