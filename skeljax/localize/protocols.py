"""Evaluation protocols by name: a decoder of frames and an evaluator of segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import functools
from typing import NamedTuple, Protocol as _Interface

import numpy as np

from skeljax import plugins
from skeljax.errors import InputError
from skeljax.localize.decoder_spec import build_decoder
from skeljax.localize.decoders import argmax_runs, hysteresis_runs, threshold_runs
from skeljax.localize.grouping import activity_runs, watershed
from skeljax.localize.metrics import (
    Result,
    babel as babel_metric,
    detection as detection_metric,
    pkummd as pkummd_metric,
    segmentation as segmentation_metric,
)
from skeljax.localize.metrics.framewise import framewise
from skeljax.localize.metrics.recognition import recognition, whole
from skeljax.localize.segments import Segments
from skeljax.localize.sequence import SequenceDecoder

TIOUS = babel_metric.TIOUS


class Decoder(_Interface):
    """Interface of decoders: frame probabilities to segments."""

    def __call__(self, probabilities: np.ndarray, /) -> Segments:
        """Decodes float[T, L + 1] of one recording, background last, padding cut off."""


class Evaluator(_Interface):
    """Interface of evaluators: segments and their truth to scores."""

    def __call__(
        self,
        predictions: Mapping[str, Segments],
        truth: Mapping[str, Segments],
        *,
        num_classes: int,
        tious: Sequence[float],
        num_frames: Mapping[str, int] | None = None,
        probabilities: Mapping[str, np.ndarray] | None = None,
    ) -> Result:
        """Scores all recordings of a test set.

        Args:
            predictions: proposals by recording; a recording without an entry has none.
            truth: true segments by recording, empty ones included.
            num_classes: L, without background.
            tious: thresholds, see `Protocol.thresholds`.
            num_frames: of every recording, if known.
            probabilities: frame scores by recording, float[T, L + 1], if known.
        """


class Protocol(NamedTuple):
    """A decoder and an evaluator; every decoder can be combined with every evaluator.

    Attributes:
        decode: see `Decoder`.
        evaluate: see `Evaluator`.
        tious: thresholds of the protocol; () if it has none, None if the caller chooses.
    """

    decode: Decoder
    evaluate: Evaluator
    tious: tuple[float, ...] | None = None

    def thresholds(self, tious: Sequence[float] = TIOUS) -> tuple[float, ...]:
        """Returns the thresholds of the protocol, or `tious` if it has None."""
        return tuple(tious) if self.tious is None else self.tious


# All runs of frames above 0.02 of each class, as wengwanjiang/FoundSkelModel decodes.
_class_runs = functools.partial(
    threshold_runs, thresholds=(0.02,), min_frames=1, margin_weight=0.0, overlap=1.0
)
DECODERS: dict[str, Decoder] = {
    'babel': functools.partial(threshold_runs, faithful=True),
    'babel_clean': threshold_runs,
    'class_runs': _class_runs,
    'activity': functools.partial(activity_runs, faithful=True),
    'activity_clean': activity_runs,
    'argmax': argmax_runs,
    'hysteresis': hysteresis_runs,
    'whole': whole,
    'watershed': watershed,
    'watershed_activity': functools.partial(watershed, by_class=False),
    'sequence': SequenceDecoder(),
}


def _pair(decoder: str, evaluate: Evaluator, tious=None, **options) -> Protocol:
    return Protocol(DECODERS[decoder], functools.partial(evaluate, **options), tious)


_babel, _pkummd = babel_metric.babel, pkummd_metric.pkummd
_detection, _segmentation = detection_metric.detection, segmentation_metric.segmentation
PROTOCOLS: dict[str, Protocol] = {
    'babel': _pair('babel', _babel, faithful=True),
    'babel_clean': _pair('babel_clean', _babel),
    'argmax_clean': _pair('argmax', _babel),
    'babel_07': _pair('babel', _babel, babel_metric.LONG_TIOUS, faithful=True),
    'pkummd': _pair('class_runs', _pkummd, pkummd_metric.TIOUS, faithful=True),
    'pkummd_clean': _pair('class_runs', _pkummd, pkummd_metric.TIOUS),
    'detection': _pair('activity', _detection, detection_metric.TIOUS, faithful=True),
    'detection_clean': _pair('activity_clean', _detection, detection_metric.TIOUS),
    'activitynet': _pair('babel_clean', _babel, babel_metric.ACTIVITYNET_TIOUS),
    'thumos': _pair('babel_clean', _babel, babel_metric.THUMOS_TIOUS),
    'segmentation': _pair('sequence', _segmentation, segmentation_metric.TIOUS),
    'segmentation_runs': _pair('argmax', _segmentation, segmentation_metric.TIOUS),
    'framewise': _pair('argmax', framewise, ()),
    'recognition': _pair('whole', recognition, ()),
}
# The same evaluators on the non-overlapping segments that are shown to users.
_OF_SEGMENTS = ('babel', 'babel_clean', 'pkummd', 'detection', 'activitynet')
PROTOCOLS |= {
    f'{name}_segments': PROTOCOLS[name]._replace(decode=DECODERS['sequence'])
    for name in _OF_SEGMENTS
}


def protocol(
    name: str, decoder: str | None = None, *, sequence: SequenceDecoder | None = None
) -> Protocol:
    """Returns a protocol by name, see docs/protocols.md.

    * `babel`: decoding and evaluation of the release of the BABEL benchmark, off-by-one
      included; `babel_07` with the thresholds 0.1 to 0.7 of its ancestor.
    * `babel_clean`: the same rules with half-open frames throughout.
    * `argmax_clean`: runs of the most probable class, half-open IoU.
    * `pkummd`: the official evaluation of PKU-MMD; `pkummd_clean` with a complete AP.
    * `detection`: that of HiCLR and PCM3; `detection_clean` with half-open frames.
    * `activitynet`, `thumos`: interpolated mAP at tIoU 0.5 to 0.95 and 0.3 to 0.7.
    * `segmentation`: frame accuracy, edit score, F1@{10, 25, 50} of the sequence decoder;
      `segmentation_runs` of the runs of the most probable class.
    * `babel_segments`, `babel_clean_segments`, `pkummd_segments`, `detection_segments`,
      `activitynet_segments`: the named evaluator on the segments of the sequence decoder.
    * `framewise`: per-frame mAP.
    * `recognition`: top-1 and top-5 accuracy of whole recordings.

    Args:
        name: a name in `PROTOCOLS`, or that of a `Protocol` in another package, see
            `skeljax.plugins.resolve`.
        decoder: replaces the decoder: a name in `DECODERS`, optionally with other steps, see
            `skeljax.localize.decoder_spec.build_decoder`.
        sequence: a fitted sequence decoder, which replaces the one with default durations.

    Raises:
        InputError: an unknown name; the message lists the known ones.
    """
    found = _look_up(name)
    decode: Decoder = sequence or DECODERS['sequence']
    if decoder is not None:
        decoders = {**DECODERS, 'sequence': decode}
        return found._replace(decode=build_decoder(decoder, decoders))
    return found._replace(decode=decode) if reads_segments(name) else found


def reads_segments(name: str) -> bool:
    """Returns whether the decoder of a protocol is the sequence decoder."""
    return isinstance(_look_up(name).decode, SequenceDecoder)


def _look_up(name: str) -> Protocol:
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    try:
        found = plugins.resolve(name, 'skeljax.localize.protocols', 'PROTOCOL', PROTOCOLS)
    except InputError as error:
        raise InputError(f'unknown protocol {str(error).removeprefix("unknown ")}') from error
    if not isinstance(found, Protocol):
        kind = type(found).__name__
        raise InputError(f'protocol {name!r}: expected a skeljax.localize.Protocol, found {kind}')
    return found


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
    """Scores segments by a protocol.

    Args:
        predictions: proposals by recording; a recording without an entry has none.
        truth: true segments by recording, empty ones included.
        num_classes: L, without background.
        protocol: a name as for `protocol`.
        tious: thresholds; by default those of the protocol, or `TIOUS`.
        num_frames: frames of every true recording; segments must end within. Required by
            `segmentation`.
        probabilities: frame scores by recording, float[T, L + 1], for `framewise`.

    Raises:
        InputError: an unknown protocol or recording, an invalid segment, or no true segment.
    """
    found = _look_up(protocol)
    return found.evaluate(
        predictions,
        truth,
        num_classes=num_classes,
        tious=found.thresholds() if tious is None else tious,
        num_frames=num_frames,
        probabilities=probabilities,
    )
