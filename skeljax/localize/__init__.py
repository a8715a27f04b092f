"""Turns frame scores into segments and scores segments against the truth (numpy only)."""

from skeljax.localize.activity import activity_runs
from skeljax.localize.decode import argmax_runs, smooth, threshold_runs
from skeljax.localize.hysteresis import steady_runs
from skeljax.localize.metrics.result import Result
from skeljax.localize.non_overlapping import side_by_side
from skeljax.localize.protocols import (
    DECODERS,
    PROTOCOLS,
    TIOUS,
    Protocol,
    evaluate,
    protocol,
    reads_segments,
)
from skeljax.localize.refine import refine
from skeljax.localize.segments import (
    Segments,
    from_frame_labels,
    from_json_dict,
    to_frame_labels,
    to_json_dict,
)
from skeljax.localize.sequence import SequenceDecoder
from skeljax.localize.smoothing import smooth_gaussian
from skeljax.localize.soft_nms import soften
from skeljax.localize.suppress import suppress
from skeljax.localize.watershed import watershed

__all__ = [
    'DECODERS',
    'PROTOCOLS',
    'TIOUS',
    'Protocol',
    'Result',
    'Segments',
    'SequenceDecoder',
    'activity_runs',
    'argmax_runs',
    'evaluate',
    'from_frame_labels',
    'from_json_dict',
    'protocol',
    'reads_segments',
    'refine',
    'side_by_side',
    'smooth',
    'smooth_gaussian',
    'soften',
    'steady_runs',
    'suppress',
    'threshold_runs',
    'to_frame_labels',
    'to_json_dict',
    'watershed',
]
