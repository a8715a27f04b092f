"""Mean, deviation and paired difference over seeds, and how sure the difference is.

Every seed is measured on the same recordings, so runs are a table of seeds x recordings.
A draw takes seeds with replacement and, independent of them, recordings with replacement,
the same for both variants and for every seed: the pigeonhole bootstrap (Owen, arXiv
0712.1111). mAP is no mean over recordings, so it is computed anew for the recordings drawn.
The interval is that between the quantiles of the differences.

What it does not cover: recordings of one person are taken for independent, so it speaks of
more recordings of these persons; and the spread of S seeds drawn from S comes out smaller
than it is, by a factor of sqrt((S - 1) / S), 0.82 for three. One seed is not drawn at all.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

DRAWS = 1000
CONFIDENCE = 0.95


class Row(NamedTuple):
    """A variant's figures; nan where there is nothing to compute them from.

    Attributes:
        seeds: that it was measured with.
        mean: over the seeds.
        deviation: that of a sample; nan with one seed.
        pairs: seeds that its reference has too.
        difference: mean over the pairs of its figure less the reference's; nan for a reference.
        difference_deviation: that of a sample.
        low, high: bounds of the difference.
    """

    seeds: int
    mean: float
    deviation: float
    pairs: int = 0
    difference: float = np.nan
    difference_deviation: float = np.nan
    low: float = np.nan
    high: float = np.nan


def draw_recordings(number: int, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    """Draws as many recordings as there are, with replacement, many times.

    Returns:
        How often each came, int64[draws, number]; of one seed always the same.
    """
    rng = np.random.default_rng((seed, number))
    return rng.multinomial(number, np.full(number, 1 / number), size=draws)


def summarise(figures: Mapping[int, float]) -> Row:
    """Takes mean and deviation of seed -> figure."""
    values = np.array([*figures.values()], np.float64)
    if not len(values):
        return Row(0, np.nan, np.nan)
    return Row(len(values), float(values.mean()), _deviation(values))


def compare(
    figures: Mapping[int, float],
    reference: Mapping[int, float],
    drawn: Mapping[int, np.ndarray],
    reference_drawn: Mapping[int, np.ndarray],
    seed: int = 0,
) -> Row:
    """Compares a variant with its reference, seed by seed.

    Args:
        figures: seed -> figure of the variant.
        reference: of the reference.
        drawn: seed -> figures of the variant on each draw of recordings, float64[B].
        reference_drawn: of the reference on the same draws.
        seed: of the draws of seeds.
    """
    row = summarise(figures)
    common = sorted(figures.keys() & reference.keys())
    if not common:
        return row
    differences = np.array([figures[s] - reference[s] for s in common])
    table = np.stack([drawn[s] - reference_drawn[s] for s in common])
    number, draws = table.shape
    rng = np.random.default_rng((seed, number))
    taken = rng.integers(number, size=(number, draws))
    means = np.take_along_axis(table, taken, axis=0).mean(0)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(means, [tail, 1 - tail])
    return row._replace(
        pairs=number,
        difference=float(differences.mean()),
        difference_deviation=_deviation(differences),
        low=float(low),
        high=float(high),
    )


def _deviation(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else np.nan
