"""Tables of figures for the terminal."""

import numpy as np

from skeljax.bench import compare
from skeljax.viz import table

# Key of a side's figures -> heading, factor.
_COLUMNS = {
    'seconds': ('median ms', 1e3),
    'low': ('10 %', 1e3),
    'high': ('90 %', 1e3),
    'cpu_seconds': ('CPU ms', 1e3),
    'compile_seconds': ('compile s', 1),
    'first_step_seconds': ('first step s', 1),
    'flops': ('GFLOP', 1e-9),
    'bytes': ('GB moved', 1e-9),
    'of_matrix_peak': ('% of products', 100),
    'of_copy_peak': ('% of copying', 100),
    'of_roofline': ('% of roofline', 100),
    'peak_memory_mib': ('peak MiB', 1),
    'times': ('skeljax / it', 1),
}


def sides(figures: dict, title: str) -> str:
    """Writes the sides of a measurement, one a line; below peaks, rates and the ratio.

    Args:
        figures: as from `measure.run` or `measure.row`, with `measure.rates`.
        title: the corner of the table.
    """
    ours = figures['sides'][compare.OURS]['seconds']
    rows = {name: {**row, 'times': ours / row['seconds']} for name, row in figures['sides'].items()}
    del rows[compare.OURS]['times']
    keys = [key for key in _COLUMNS if any(row.get(key) for row in rows.values())]
    values = [
        [(row.get(key) or np.nan) * _COLUMNS[key][1] for key in keys] for row in rows.values()
    ]
    heads = [_COLUMNS[key][0] for key in keys]
    peaks, threads = figures['peaks'], figures.get('threads')
    lines = [
        table.text(list(rows), heads, values, corner=title, digits=2),
        '',
        f'{figures["rounds"]} rounds on {figures["platform"]}'
        + (f', {threads} threads a side' if threads else '')
        + f'; measured peaks: {peaks["matrix_gflops"]:.0f} GFLOP/s in matrix products, '
        f'{peaks["copy_gb_per_second"]:.1f} GB/s in copying',
        f'{figures["examples"]} x {figures["frames_per_example"]} frames, {compare.OURS}: '
        f'{figures["examples_per_second"]:.1f} examples/s, '
        f'{figures["frames_per_second"]:.0f} frames/s',
    ]
    lines += [f'{name} left out: {why}' for name, why in figures.get('left_out', {}).items()]
    if 'ratio' in figures:
        lines.append(f'ratio to the better other {_ratio(figures, figures["goal"])}')
    if 'beside' in figures:
        lines.append(f'ratio to the twin given our formulations {_ratio(figures["beside"])}')
    return '\n'.join(lines)


def _ratio(figures: dict, goal: float = 0.0) -> str:
    around = figures['ratio_by_round']
    told = f'round by round {around["median"]:.3f} [{around["low"]:.3f}, {around["high"]:.3f}]'
    if 'cpu_ratio' in figures:
        told += f'; of CPU seconds {figures["cpu_ratio"]:.3f}'
    if goal:
        told += f'; the goal is {goal:.2f} or less: {verdict(figures["ratio"], goal)}'
    return f'({figures["against"]}): {figures["ratio"]:.3f} ({told})'


def verdict(ratio: float, goal: float) -> str:
    """Says whether a goal is met."""
    return 'met' if ratio <= goal else 'missed'


def rows(found: dict[str, dict]) -> str:
    """Writes rows measured one after the other: ratio, its spread, the goal and whether it is met."""
    heads = ['skeljax ms', 'other ms', 'ratio', '10 %', '90 %', 'goal', 'frames/s']
    values = []
    for figures in found.values():
        times = [figures['sides'][name]['seconds'] * 1e3
                 for name in (compare.OURS, figures['against'])]
        around = figures['ratio_by_round']
        values.append([
            *times, figures['ratio'], around['low'], around['high'],
            figures['goal'] or np.nan, figures['frames_per_second'],
        ])
    goals = [
        verdict(figures['ratio'], figures['goal']) if figures['goal'] else 'no goal'
        for figures in found.values()
    ]
    names = list(zip(found, goals, strict=True))
    return table.text(names, heads, values, corner=('row', 'goal is'), digits=2)


def plain(found: dict, title: str) -> str:
    """Writes figures that are no sides, one a line, under the names that lead to them."""
    flat = _flat(found)
    lines = [f'{name:<{max(map(len, flat))}}  {_told(value)}' for name, value in flat.items()]
    return '\n'.join([title, '-' * len(title), *lines])


def lines(found: list[dict]) -> str:
    """Writes figures of the same names, a line each: words lead, numbers follow."""
    words = [name for name, value in found[0].items() if isinstance(value, str)]
    numbers = [name for name in found[0] if name not in words]
    names = [tuple(row[name] for name in words) for row in found]
    values = [[row[name] for name in numbers] for row in found]
    return table.text(names, numbers, values, corner=tuple(words), digits=1)


def collectives(figures: dict) -> str:
    """Writes what each device sends in a step and, where it was predicted, how that scales."""
    counted = figures['collectives']
    names = [(str(row['devices']), row['purpose'], row['kind']) for row in counted]
    values = [[row['calls'], row['bytes'] / 1e3, row['sent'] / 1e3] for row in counted]
    corner = 'devices', 'for', 'collective'
    told = [
        f'a step of {figures["config"]}, {figures["videos_per_device"]} videos on each device; '
        f'compiled for {figures["platform"]}, nothing was run',
        '',
        table.text(names, ['calls', 'kB of results', 'kB sent'], values, corner=corner, digits=1),
    ]
    if rows := figures.get('predicted'):
        devices = [f'{row["devices"]:,}' for row in rows]
        purposes, systems = list(rows[0]['sent']), [n for n in rows[0] if n not in ('devices', 'sent')]
        moved = [[row['sent'][purpose] / 1e3 for purpose in purposes] for row in rows]
        told += ['', 'kB that each device sends in a step', '']
        told += [table.text(devices, purposes, moved, corner='devices', digits=1)]
        kept = [[row[system]['efficiency'] * 100 for system in systems] for row in rows]
        told += ['', f'% of a step that computes, where one device takes {figures["step_ms"]:g} ms '
                 'for it; nothing sent is hidden behind it', '']
        told += [table.text(devices, systems, kept, corner='devices', digits=1)]
        lost = [[row[s]['seconds'][p] * 1e3 for s in systems for p in purposes] for row in rows[-1:]]
        cells = np.array(lost).reshape(len(systems), len(purposes)).T.tolist()
        told += ['', f'ms that each purpose takes on {devices[-1]} devices', '']
        told += [table.text(purposes, systems, cells, corner='for', digits=2)]
    return '\n'.join(told)


def _flat(found: dict, path: str = '') -> dict:
    flat = {}
    for name, value in found.items():
        inner = f'{path}{name}'
        flat |= _flat(value, f'{inner} ') if isinstance(value, dict) else {inner: value}
    return flat


def _told(value) -> str:
    if isinstance(value, list | tuple):
        return ' '.join(map(_told, value))
    return f'{value:.4g}' if isinstance(value, float) else str(value)
