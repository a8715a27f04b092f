"""Formats figures as tables for the terminal."""

import numpy as np

from benchmarks import ratios
from skeljax.viz import table

# Key of a system's figures -> heading, factor.
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
    'speedup': ('skeljax / it', 1),
}


def systems(figures: dict, title: str) -> str:
    """Formats the systems of a measurement, one per line, then peaks, rates and the ratio.

    Args:
        figures: result of `measure.run` or `measure.row`, with `measure.rates`.
        title: the corner of the table.
    """
    own = figures['systems'][ratios.SKELJAX]['seconds']
    rows = {
        name: {**row, 'speedup': own / row['seconds']} for name, row in figures['systems'].items()
    }
    del rows[ratios.SKELJAX]['speedup']
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
        + (f', {threads} threads per system' if threads else '')
        + f'; measured peaks: {peaks["matrix_gflops"]:.0f} GFLOP/s in matrix products, '
        f'{peaks["copy_gb_per_second"]:.1f} GB/s in copying',
        f'{figures["examples"]} x {figures["frames_per_example"]} frames, {ratios.SKELJAX}: '
        f'{figures["examples_per_second"]:.1f} examples/s, '
        f'{figures["frames_per_second"]:.0f} frames/s',
    ]
    lines += [f'{name} left out: {why}' for name, why in figures.get('left_out', {}).items()]
    if 'ratio' in figures:
        lines.append(f'ratio to the fastest other {_ratio(figures, figures["goal"])}')
    if 'reformulated' in figures:
        lines.append(
            f"ratio to the baseline with skeljax's formulations {_ratio(figures['reformulated'])}"
        )
    return '\n'.join(lines)


def _ratio(figures: dict, goal: float = 0.0) -> str:
    spread = figures['ratio_by_round']
    text = f'round by round {spread["median"]:.3f} [{spread["low"]:.3f}, {spread["high"]:.3f}]'
    if 'cpu_ratio' in figures:
        text += f'; of CPU seconds {figures["cpu_ratio"]:.3f}'
    if goal:
        text += f'; the goal is {goal:.2f} or less: {verdict(figures["ratio"], goal)}'
    return f'({figures["against"]}): {figures["ratio"]:.3f} ({text})'


def verdict(ratio: float, goal: float) -> str:
    """Returns 'reached' or 'missed'."""
    return 'reached' if ratio <= goal else 'missed'


def rows(found: dict[str, dict]) -> str:
    """Formats rows that were measured in succession: ratio, spread, goal and verdict."""
    heads = ['skeljax ms', 'other ms', 'ratio', '10 %', '90 %', 'goal', 'frames/s']
    values, verdicts = [], []
    for figures in found.values():
        names = ratios.SKELJAX, figures['against']
        spread, goal = figures['ratio_by_round'], figures['goal']
        values.append([
            *(figures['systems'][name]['seconds'] * 1e3 for name in names), figures['ratio'],
            spread['low'], spread['high'], goal or np.nan, figures['frames_per_second'],
        ])
        verdicts.append(verdict(figures['ratio'], goal) if goal else 'no goal')
    titles = list(zip(found, verdicts, strict=True))
    return table.text(titles, heads, values, corner=('row', 'goal is'), digits=2)


def nested(found: dict, title: str) -> str:
    """Formats nested figures, one number per line after its path of keys."""
    flat = _flat(found)
    lines = [f'{name:<{max(map(len, flat))}}  {_number(value)}' for name, value in flat.items()]
    return '\n'.join([title, '-' * len(title), *lines])


def lines(found: list[dict]) -> str:
    """Formats figures with equal keys, a line each: first the strings, then the numbers."""
    words = [name for name, value in found[0].items() if isinstance(value, str)]
    numbers = [name for name in found[0] if name not in words]
    names = [tuple(row[name] for name in words) for row in found]
    values = [[row[name] for name in numbers] for row in found]
    return table.text(names, numbers, values, corner=tuple(words), digits=1)


def collectives(figures: dict) -> str:
    """Formats the bytes that each device sends in a step and, if predicted, the scaling."""
    counted = figures['collectives']
    names = [(str(row['devices']), row['purpose'], row['kind']) for row in counted]
    values = [[row['calls'], row['bytes'] / 1e3, row['sent'] / 1e3] for row in counted]
    corner = 'devices', 'for', 'collective'
    heads = ['calls', 'kB of results', 'kB sent']
    parts = [
        f'a step of {figures["config"]}, {figures["videos_per_device"]} videos per device; '
        f'compiled for {figures["platform"]}, not run',
        table.text(names, heads, values, corner=corner, digits=1),
    ]
    if 'predicted' in figures:
        parts += _predicted(figures['predicted'], figures['step_ms'])
    return '\n\n'.join(parts)


def _predicted(rows: list[dict], step_ms: float) -> list[str]:
    devices = [f'{row["devices"]:,}' for row in rows]
    purposes = list(rows[0]['sent'])
    links = [name for name in rows[0] if name not in ('devices', 'sent')]
    sent = [[row['sent'][purpose] / 1e3 for purpose in purposes] for row in rows]
    efficiency = [[row[name]['efficiency'] * 100 for name in links] for row in rows]
    lost = [[rows[-1][name]['seconds'][p] * 1e3 for name in links] for p in purposes]
    return [
        'kB that each device sends in a step',
        table.text(devices, purposes, sent, corner='devices', digits=1),
        f'% of a step that is computation, if one device takes {step_ms:g} ms per step; '
        'communication does not overlap with it',
        table.text(devices, links, efficiency, corner='devices', digits=1),
        f'ms of each purpose on {devices[-1]} devices',
        table.text(purposes, links, lost, corner='for', digits=2),
    ]


def _flat(found: dict, path: str = '') -> dict:
    flat = {}
    for name, value in found.items():
        inner = f'{path}{name}'
        flat |= _flat(value, f'{inner} ') if isinstance(value, dict) else {inner: value}
    return flat


def _number(value) -> str:
    if isinstance(value, list | tuple):
        return ' '.join(map(_number, value))
    return f'{value:.4g}' if isinstance(value, float) else str(value)
