"""Writes what an ablation found: Markdown, CSV and a picture."""

from collections.abc import Mapping
import csv
from pathlib import Path

import numpy as np

from skeljax.formats import formulas
from skeljax.sweep import bootstrap
from skeljax.sweep.definition import Sweep
from skeljax.sweep.gather import Figures
from skeljax.sweep.plan import Run
from skeljax.viz import intervals, table

_COLUMNS = ('seeds', 'mean', 'difference', 'from', 'to')


def write(
    stem,
    sweep: Sweep,
    runs: Mapping[tuple[str, int], Run],
    found: Mapping[tuple[str, int], Figures],
    rows: Mapping[str, bootstrap.Row],
    *,
    title: str,
    protocol: str,
) -> list[Path]:
    """Writes STEM.md, STEM.csv (a line a variant), STEM-runs.csv (a line a run) and STEM.png."""
    stem = Path(stem)
    named = lambda ending: stem.with_name(stem.name + ending)
    told = describe(found, protocol)
    named('.md').write_text(f'**{title}**: {told}\n\n{markdown(sweep, rows)}\n')
    measured = {name: [f.mean for (v, _), f in found.items() if v == name] for name in rows}
    intervals.plot_intervals(
        named('.png'),
        names=list(rows),
        points=[[100 * value for value in measured[name]] for name in rows],
        means=[100 * row.mean for row in rows.values()],
        deviations=[100 * row.deviation for row in rows.values()],
        differences=[100 * row.difference for row in rows.values()],
        bounds=[(100 * row.low, 100 * row.high) for row in rows.values()],
        labels=('mAP (%), mean ± sample deviation', 'difference, with its interval'),
        title=f'{title} ({protocol})',
    )
    _csv(named('.csv'), _variant_lines(sweep, rows))
    _csv(named('-runs.csv'), _run_lines(runs, found, protocol))
    return [named(ending) for ending in ('.md', '.csv', '-runs.csv', '.png')]


def markdown(sweep: Sweep, rows: Mapping[str, bootstrap.Row]) -> str:
    """Lays the table out, in percent; `from` and `to` bound the difference."""
    shown, options = _cells(sweep, rows)
    return table.markdown(*shown, **options)


def text(sweep: Sweep, rows: Mapping[str, bootstrap.Row]) -> str:
    """Lays the same table out for the terminal."""
    shown, options = _cells(sweep, rows)
    return table.text(*shown, **options)


def describe(found: Mapping[tuple[str, int], Figures], protocol: str) -> str:
    """Says what the figures are and what was drawn for the intervals."""
    recordings = sorted({figures.recordings for figures in found.values()})
    first = next(iter(found.values()))
    tious, draws = first.tious, len(first.drawn)
    return (
        f'mAP in percent, mean over tIoU {tious[0]:g} to {tious[-1]:g}, protocol {protocol}, '
        f'test split, mean ± sample deviation over seeds. Differences are paired by seed '
        f'with the variant named; {bootstrap.CONFIDENCE:.0%} intervals from {draws} draws of '
        f'seeds and, independent of them, of the {" or ".join(map(str, recordings))} test '
        f'recordings, scored anew (skeljax/sweep/bootstrap.py tells what they do not cover).'
    )


def _cells(sweep, rows):
    nan = np.nan
    names = [(name, '' if sweep.against(name) == name else sweep.against(name)) for name in rows]
    values = [
        [r.seeds, 100 * r.mean, 100 * r.difference, 100 * r.low, 100 * r.high]
        for r in rows.values()
    ]
    spread = [
        [nan, 100 * r.deviation, 100 * r.difference_deviation, nan, nan] for r in rows.values()
    ]
    return (names, _COLUMNS, values), {'deviations': spread, 'corner': ('variant', 'against')}


def _variant_lines(sweep, rows):
    yield ['variant', 'against', *bootstrap.Row._fields]
    for name, row in rows.items():
        yield [name, sweep.against(name), *row]


def _run_lines(runs, found, protocol):
    tious = next(iter(found.values())).tious
    yield ['variant', 'seed', 'run', 'protocol', 'mean', *(f'mAP@{tiou:g}' for tiou in tious)]
    for (name, seed), f in found.items():
        yield [name, seed, runs[name, seed].folder.name, protocol, f.mean, *f.map]


def _csv(path: Path, lines):
    """Writes shares of 1 with all their digits; what is no number stays empty."""
    with path.open('w', newline='') as file:
        writer = csv.writer(file)
        for line in lines:
            line = ['' if value != value else value for value in line]
            writer.writerow([formulas.guarded(v) if isinstance(v, str) else v for v in line])
