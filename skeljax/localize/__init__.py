"""Decodes frame scores into segments, and evaluates segments against the truth (numpy only)."""

from skeljax.localize.decoder_spec import refine, smooth, smooth_gaussian
from skeljax.localize.decoders import argmax_runs, hysteresis_runs, threshold_runs
from skeljax.localize.grouping import activity_runs, watershed
from skeljax.localize.metrics import Result
from skeljax.localize.nms import non_overlapping, soft_nms, suppress
from skeljax.localize.protocols import (
    DECODERS,
    PROTOCOLS,
    TIOUS,
    Decoder,
    Evaluator,
    Protocol,
    evaluate,
    protocol,
    reads_segments,
)
from skeljax.localize.segments import (
    Segments,
    from_frame_labels,
    from_json_dict,
    to_frame_labels,
    to_json_dict,
)
from skeljax.localize.sequence import SequenceDecoder

__all__ = [
    'DECODERS',
    'PROTOCOLS',
    'TIOUS',
    'Decoder',
    'Evaluator',
    'Protocol',
    'Result',
    'Segments',
    'SequenceDecoder',
    'activity_runs',
    'argmax_runs',
    'evaluate',
    'from_frame_labels',
    'from_json_dict',
    'hysteresis_runs',
    'non_overlapping',
    'protocol',
    'reads_segments',
    'refine',
    'smooth',
    'smooth_gaussian',
    'soft_nms',
    'suppress',
    'threshold_runs',
    'to_frame_labels',
    'to_json_dict',
    'watershed',
]

_RENAMED = {
    'side_by_side': 'non_overlapping', 'soften': 'soft_nms', 'steady_runs': 'hysteresis_runs',
}


def __getattr__(name: str):
    if name in _RENAMED:
        raise AttributeError(f'skeljax.localize.{name} is now skeljax.localize.{_RENAMED[name]}')
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
