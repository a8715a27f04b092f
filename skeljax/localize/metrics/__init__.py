"""Evaluators, one file each, and the `Result` that all of them return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Result:
    """Scores of one evaluation, as fractions of 1.

    Attributes:
        figures: reported scores by name, in the order of tables; none is nan.
        mean: the score that ranks runs: the mean of `map`; for protocols without mAP the mean of
            `figures` (for `recognition`, top-1).
        tious: the K tIoU thresholds; () for protocols without.
        map: float64[K], mAP by threshold; one number for per-frame mAP; empty for protocols
            without mAP.
        ap: float64[len(map), L], average precision; nan for classes that are not in the truth.
        num_predicted: number of scored segments (of frames where frames are scored).
        num_true: number of true segments.
    """

    figures: Mapping[str, float]
    mean: float
    num_predicted: int
    num_true: int
    tious: tuple[float, ...] = ()
    map: np.ndarray = field(default_factory=lambda: np.zeros(0))
    ap: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
