"""Predicts how a step scales: collectives counted for a few devices, extrapolated to many.

The number of videos per device is constant, so the batch grows with the devices. Then the results
of a collective have a constant size (gradients, batch statistics) or grow linearly (gathered
keys, iterations of a ring). A line is drawn through two counts; the other counts must lie on it.
Times follow from published link speeds; no communication overlaps with computation.
"""

import math
from typing import NamedTuple

from benchmarks import hlo_collectives
from skeljax.errors import InputError

DEVICES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Interconnect(NamedTuple):
    """Links of a two-level system; sources are in docs/scaling.md.

    Attributes:
        near: number of devices connected by fast links.
        fast: bytes per second that a device sends over them.
        slow: bytes per second and device between such groups.
        fast_hop, slow_hop: latency of one hop in seconds (assumed, not published).
    """

    near: int
    fast: float
    slow: float
    fast_hop: float
    slow_hop: float


INTERCONNECTS = {
    'TPU v5e': Interconnect(256, 200e9, 25e9 / 8, 1e-6, 25e-6),
    'TPU v5p': Interconnect(6144, 600e9, 50e9 / 8, 1e-6, 25e-6),
    'H100, InfiniBand': Interconnect(8, 450e9, 400e9 / 8, 3e-6, 6e-6),
    'H100, Ethernet': Interconnect(8, 450e9, 100e9 / 8 / 8, 3e-6, 25e-6),
}


class Growth(NamedTuple):
    """Calls and bytes of results as functions of the devices: constant + slope * devices.

    Attributes:
        calls: constant and slope.
        bytes: constant and slope.
    """

    calls: tuple[float, float]
    bytes: tuple[float, float]

    def at(self, devices: int) -> tuple[float, float]:
        """Returns calls and bytes of results in a step on a number of devices above 1."""
        return tuple(constant + slope * devices for constant, slope in self)


def growth(counted: dict[int, dict]) -> dict[tuple[str, str], Growth]:
    """Fits the linear growth of collectives with the number of devices.

    Args:
        counted: number of devices -> result of `hlo_collectives.totals`; three or more numbers
            above 1.

    Returns:
        (purpose, kind) -> Growth.

    Raises:
        InputError: there are fewer numbers, or the counts do not lie on a line.
    """
    numbers = sorted(number for number in counted if number > 1)
    if len(numbers) < 3:
        raise InputError('growth needs three or more numbers of devices above 1')
    names = dict.fromkeys(name for number in numbers for name in counted[number])
    none = dict(calls=0, bytes=0)
    found = {}
    for name in names:
        values = {n: counted[n].get(name, none) for n in numbers}
        found[name] = Growth(*(_line({n: values[n][key] for n in numbers}) for key in none))
        for number in numbers:
            expected, actual = found[name].at(number), tuple(values[number][key] for key in none)
            if not all(map(math.isclose, expected, actual)):
                raise InputError(
                    f'{" ".join(name)} on {number} devices: {actual} calls and bytes, but '
                    f'{expected} lies on the line through those on {numbers[0]} and {numbers[-1]}'
                )
    return found


def sent(kind: str, size: float, devices: int) -> float:
    """Returns the bytes that each device sends for results of `size` bytes."""
    return size * hlo_collectives.SENT_RATIO[kind](devices) if devices > 1 else 0.0


def seconds(kind: str, calls: float, size: float, devices: int, links: Interconnect) -> float:
    """Predicts the duration of collectives.

    With more devices than the fast links connect, a collective has two levels: within each group
    of near devices, and between groups, where each device of a group sends its share. The slowest
    link determines the speed of a ring. A call takes log2(devices) hops of each level, an
    all-reduce twice as many, a permute one.

    Args:
        kind: key of `hlo_collectives.SENT_RATIO`.
        calls: number of calls in a step.
        size: bytes of their results, together.
        devices: number of devices that take part.
        links: of the system.

    Returns:
        Seconds per step.
    """
    if devices == 1:
        return 0.0
    near = min(devices, links.near)
    groups = devices / near
    if kind == 'collective-permute':
        hops = links.fast_hop if groups == 1 else links.slow_hop
        return calls * hops + size / (links.fast if groups == 1 else links.slow)
    within = sent(kind, size, near) / links.fast
    across = sent(kind, size, groups) / near / links.slow
    hops = math.log2(near) * links.fast_hop + math.log2(groups) * links.slow_hop
    return calls * hops * (2 if kind == 'all-reduce' else 1) + within + across


def predicted(found: dict[tuple[str, str], Growth], step: float) -> list[dict]:
    """Predicts communication for each number of devices in `DEVICES`.

    Args:
        found: result of `growth`.
        step: seconds of a step on one device.

    Returns:
        One row per number: devices, sent (purpose -> bytes by each device in a step) and, for
        each of `INTERCONNECTS`, seconds by purpose and efficiency (the fraction of a step that
        is computation).
    """
    rows = []
    for devices in DEVICES:
        size = {name: of.at(devices) for name, of in found.items()}
        moved = {n: sent(n[1], size[n][1], devices) for n in found}
        row = {'devices': devices, 'sent': _by_purpose(moved)}
        for title, links in INTERCONNECTS.items():
            taken = {n: seconds(n[1], *size[n], devices, links) for n in found}
            efficiency = step / (step + sum(taken.values()))
            row[title] = {'seconds': _by_purpose(taken), 'efficiency': efficiency}
        rows.append(row)
    return rows


def _by_purpose(values: dict[tuple[str, str], float]) -> dict[str, float]:
    total = dict.fromkeys((purpose for purpose, _ in values), 0.0)
    for (purpose, _), value in values.items():
        total[purpose] += value
    return total


def _line(values: dict[int, float]) -> tuple[float, float]:
    first, last = min(values), max(values)
    slope = (values[last] - values[first]) / (last - first)
    return values[first] - slope * first, slope
