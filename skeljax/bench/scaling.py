"""How a step would scale: collectives counted for a few devices, carried on to many.

Videos of each device stay the same, so that the batch grows with the devices. The results of a
collective are then the same size on any number (gradients, batch statistics) or grow with it
(what is gathered, rounds of a ring): a line goes through two counts, and the others must lie on
it. Times are what published link speeds allow, with nothing hidden behind the computation.
"""

import math
from typing import NamedTuple

from skeljax.bench import collectives
from skeljax.errors import InputError

DEVICES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class System(NamedTuple):
    """Devices, many of which share fast links; docs/scaling.md has the sources.

    Attributes:
        near: devices among which links are fast.
        fast: bytes a second that a device sends over those.
        slow: bytes a second, of each device, to others.
        fast_hop, slow_hop: seconds from one device to the next (assumed, not published).
    """

    near: int
    fast: float
    slow: float
    fast_hop: float
    slow_hop: float


SYSTEMS = {
    'TPU v5e': System(256, 200e9, 25e9 / 8, 1e-6, 25e-6),
    'TPU v5p': System(6144, 600e9, 50e9 / 8, 1e-6, 25e-6),
    'H100, InfiniBand': System(8, 450e9, 400e9 / 8, 3e-6, 6e-6),
    'H100, Ethernet': System(8, 450e9, 100e9 / 8 / 8, 3e-6, 25e-6),
}


class Growth(NamedTuple):
    """A purpose's calls and bytes of results: constant + each · devices."""

    calls: tuple[float, float]
    bytes: tuple[float, float]

    def at(self, devices: int) -> tuple[float, float]:
        """Returns calls and bytes of results in a step on so many devices, more than one."""
        return tuple(constant + each * devices for constant, each in self)


def growth(counted: dict[int, dict]) -> dict[tuple[str, str], Growth]:
    """Finds how collectives grow with the devices.

    Args:
        counted: devices, three numbers or more above 1 -> as from `collectives.totals`.

    Returns:
        (purpose, kind) -> Growth.

    Raises:
        InputError: there are fewer, or what was counted lies on no line.
    """
    numbers = sorted(number for number in counted if number > 1)
    if len(numbers) < 3:
        raise InputError('growth needs three or more numbers of devices above 1')
    names = dict.fromkeys(name for number in numbers for name in counted[number])
    none = dict(calls=0, bytes=0)
    found = {}
    for name in names:
        values = {n: counted[n].get(name, none) for n in numbers}
        found[name] = Growth(*(_line({n: values[n][what] for n in numbers}) for what in none))
        for number in numbers:
            expected, told = found[name].at(number), tuple(values[number][w] for w in none)
            if not all(map(math.isclose, expected, told)):
                raise InputError(
                    f'{" ".join(name)} on {number} devices: {told} calls and bytes, but '
                    f'{expected} lies on the line through those on {numbers[0]} and {numbers[-1]}'
                )
    return found


def sent(kind: str, size: float, devices: int) -> float:
    """Returns the bytes that each device sends for results of so many bytes."""
    return size * collectives.SENT[kind](devices) if devices > 1 else 0.0


def seconds(kind: str, calls: float, size: float, devices: int, system: System) -> float:
    """Returns how long collectives take on a system.

    Beyond the fast links each works in two levels: within every group of near devices, and
    between groups, where each device of a group carries its part. A ring waits for its slowest
    link. A call takes log2(devices) hops of each level, an all-reduce twice that, a permute one.

    Args:
        kind: of `collectives.SENT`.
        calls: in a step.
        size: bytes of their results, together.
        devices: that take part.
        system: whose links.
    """
    if devices == 1:
        return 0.0
    near = min(devices, system.near)
    groups = devices / near
    if kind == 'collective-permute':
        hops = system.fast_hop if groups == 1 else system.slow_hop
        return calls * hops + size / (system.fast if groups == 1 else system.slow)
    within = sent(kind, size, near) / system.fast
    across = sent(kind, size, groups) / near / system.slow
    hops = math.log2(near) * system.fast_hop + math.log2(groups) * system.slow_hop
    return calls * hops * (2 if kind == 'all-reduce' else 1) + within + across


def predicted(found: dict[tuple[str, str], Growth], step: float) -> list[dict]:
    """Predicts steps on each number of `DEVICES`.

    Args:
        found: as from `growth`.
        step: seconds of a step on one device.

    Returns:
        For each number: devices, sent (purpose -> bytes by each device in a step) and, for each
        of `SYSTEMS`, its seconds by purpose and its efficiency (the part of a step that computes).
    """
    rows = []
    for devices in DEVICES:
        size = {name: of.at(devices) for name, of in found.items()}
        moved = {n: sent(n[1], size[n][1], devices) for n in found}
        row = {'devices': devices, 'sent': _by_purpose(moved)}
        for title, system in SYSTEMS.items():
            taken = {n: seconds(n[1], *size[n], devices, system) for n in found}
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
    each = (values[last] - values[first]) / (last - first)
    return values[first] - each * first, each
