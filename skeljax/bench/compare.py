"""Several sides in turn: medians, spread, ratios, shares of the measured peak."""

import statistics

import numpy as np

OURS = 'skeljax'


def interleave(sides: dict, rounds: int) -> dict[str, list[float]]:
    """Runs every side once a round, after one round that does not count.

    Args:
        sides: name -> what has `time()`.
        rounds: that count.

    Returns:
        name -> seconds of each round.
    """
    for side in sides.values():
        side.time()
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            seconds[name].append(side.time())
    return seconds


def spread(values) -> dict[str, float]:
    """Tells the median, and where the lowest and the highest tenth end."""
    low, high = np.percentile(values, [10, 90])
    return {'median': statistics.median(values), 'low': float(low), 'high': float(high)}


def ratio(seconds: dict[str, list[float]]) -> dict:
    """Compares ours with the better of the others: the one of the lower median.

    Args:
        seconds: name -> of each round, `OURS` among the names.

    Returns:
        against (the other's name), ratio (of the medians; below 1 ours is faster) and
        ratio_by_round (`spread`).
    """
    others = {name: statistics.median(taken) for name, taken in seconds.items() if name != OURS}
    best = min(others, key=others.get)
    by_round = [ours / theirs for ours, theirs in zip(seconds[OURS], seconds[best], strict=True)]
    return {
        'against': best,
        'ratio': statistics.median(seconds[OURS]) / others[best],
        'ratio_by_round': spread(by_round),
    }


def shares(seconds: float, figures: dict, peaks: dict[str, float]) -> dict[str, float]:
    """Tells what part of the measured peaks a side reaches.

    Args:
        seconds: that it takes.
        figures: of it; `flops` and `bytes` may be missing or None.
        peaks: of `peaks.measure`.
    """
    found = {}
    if figures.get('flops'):
        found['of_matrix_peak'] = figures['flops'] / seconds / 1e9 / peaks['matrix_gflops']
    if figures.get('bytes'):
        found['of_copy_peak'] = figures['bytes'] / seconds / 1e9 / peaks['copy_gb_per_second']
    if len(found) == 2:  # what is the tighter bound
        found['of_roofline'] = max(found.values())
    return found
