"""Computes means over seeds and paired differences with bootstrap confidence intervals.

All seeds are evaluated on the same recordings, so results form a table of seeds x recordings. A
bootstrap sample draws seeds with replacement and, independently, recordings with replacement, the
same for both variants and all seeds: the pigeonhole bootstrap (Owen, arXiv 0712.1111). mAP is not a
mean over recordings, so it is recomputed for each sample of recordings. The interval is given by
quantiles of the differences. scipy.stats.bootstrap is not used: it resamples along one axis only.

Limitations: recordings of one person are treated as independent, so the interval applies to
further recordings of the same persons. The standard deviation of S resampled seeds is too small by
a factor of sqrt((S - 1) / S), 0.82 for three seeds. A single seed is not resampled at all.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

DRAWS = 1000
CONFIDENCE = 0.95


class Comparison(NamedTuple):
    """Statistics of a variant; nan where they are undefined.

    Attributes:
        seeds: number of evaluated seeds.
        mean: mean over the seeds.
        deviation: sample standard deviation; nan with one seed.
        pairs: number of seeds that were evaluated for the reference too.
        difference: mean over the pairs of the metric minus the reference's; nan for a reference.
        difference_deviation: sample standard deviation of the differences.
        low, high: confidence interval of the difference.
    """

    seeds: int
    mean: float
    deviation: float
    pairs: int = 0
    difference: float = np.nan
    difference_deviation: float = np.nan
    low: float = np.nan
    high: float = np.nan


def resample_recordings(number: int, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Draws bootstrap samples of recordings.

    Returns:
        Multiplicity of each recording in each sample, int64[draws, number]; deterministic for a
        seed.
    """
    rng = np.random.default_rng((seed, number))
    return rng.multinomial(number, np.full(number, 1 / number), size=draws)


def summarize(metrics: Mapping[int, float]) -> Comparison:
    """Computes mean and deviation of a metric, given as seed -> value."""
    values = np.array([*metrics.values()], np.float64)
    if not len(values):
        return Comparison(0, np.nan, np.nan)
    return Comparison(len(values), float(values.mean()), _deviation(values))


def compare(
    metrics: Mapping[int, float],
    reference: Mapping[int, float],
    resampled: Mapping[int, np.ndarray],
    reference_resampled: Mapping[int, np.ndarray],
    seed: int = 0,
) -> Comparison:
    """Compares a variant with its reference, seed by seed.

    Args:
        metrics: seed -> metric of the variant.
        reference: seed -> metric of the reference.
        resampled: seed -> metric of the variant on each sample of recordings, float64[draws].
        reference_resampled: the same of the reference, on the same samples.
        seed: seed for resampling the seeds.
    """
    result = summarize(metrics)
    common = sorted(metrics.keys() & reference.keys())
    if not common:
        return result
    differences = np.array([metrics[s] - reference[s] for s in common])
    table = np.stack([resampled[s] - reference_resampled[s] for s in common])
    number, draws = table.shape
    rng = np.random.default_rng((seed, number))
    sample = rng.integers(number, size=(number, draws))
    means = np.take_along_axis(table, sample, axis=0).mean(0)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(means, [tail, 1 - tail])
    return result._replace(
        pairs=number,
        difference=float(differences.mean()),
        difference_deviation=_deviation(differences),
        low=float(low),
        high=float(high),
    )


def _deviation(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else np.nan
