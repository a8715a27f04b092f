"""Holds what an evaluator found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Result:
    """Holds the scores of one evaluation, as fractions of 1.

    Attributes:
        figures: what the protocol reports, by name, in the order of its tables; no nan.
        mean: the one number that ranks runs: the mean of `map`, or, of a protocol that has
            no mAP, the mean of its figures (of `recognition` top-1).
        tious: the K thresholds of overlap; () where the protocol has none.
        map: float64[K], mean average precision by threshold; one number without a threshold
            for frames; empty where the protocol has no mAP.
        ap: float64[len(map), L], average precision; nan where the truth has no such class.
        num_predicted: how many segments were scored; of none at all a 0 tells nothing.
        num_true: true segments.
    """

    figures: Mapping[str, float]
    mean: float
    num_predicted: int
    num_true: int
    tious: tuple[float, ...] = ()
    map: np.ndarray = field(default_factory=lambda: np.zeros(0))
    ap: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
