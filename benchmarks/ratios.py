"""Runs several systems alternately: medians, spread, ratios, shares of measured peaks."""

import statistics

import numpy as np

SKELJAX = 'skeljax'


def interleave(systems: dict, rounds: int) -> dict[str, list[float]]:
    """Runs every system once per round, after one uncounted round.

    Args:
        systems: name -> object with `time()`.
        rounds: number of counted rounds.

    Returns:
        name -> seconds of each round.
    """
    for system in systems.values():
        system.time()
    seconds: dict[str, list[float]] = {name: [] for name in systems}
    for _ in range(rounds):
        for name, system in systems.items():
            seconds[name].append(system.time())
    return seconds


def spread(values) -> dict[str, float]:
    """Returns the median, and as low and high the 10 % and 90 % quantiles."""
    low, high = np.percentile(values, [10, 90])
    return {'median': statistics.median(values), 'low': float(low), 'high': float(high)}


def ratio(seconds: dict[str, list[float]]) -> dict:
    """Compares skeljax with the fastest of the other systems, the one of the lowest median.

    Args:
        seconds: name -> seconds of each round; `SKELJAX` is among the names.

    Returns:
        against (name of the other system), ratio (of the medians; below 1 skeljax is faster)
        and ratio_by_round (`spread`).
    """
    others = {name: statistics.median(taken) for name, taken in seconds.items() if name != SKELJAX}
    best = min(others, key=others.get)
    by_round = [own / other for own, other in zip(seconds[SKELJAX], seconds[best], strict=True)]
    return {
        'against': best,
        'ratio': statistics.median(seconds[SKELJAX]) / others[best],
        'ratio_by_round': spread(by_round),
    }


def shares(seconds: float, figures: dict, peaks: dict[str, float]) -> dict[str, float]:
    """Computes the share of the measured peak rates that a system reaches.

    Args:
        seconds: of one run.
        figures: of the system; `flops` and `bytes` may be missing or None.
        peaks: result of `machine_peaks.measure`.
    """
    found = {}
    if figures.get('flops'):
        found['of_matrix_peak'] = figures['flops'] / seconds / 1e9 / peaks['matrix_gflops']
    if figures.get('bytes'):
        found['of_copy_peak'] = figures['bytes'] / seconds / 1e9 / peaks['copy_gb_per_second']
    if len(found) == 2:  # the tighter bound
        found['of_roofline'] = max(found.values())
    return found
