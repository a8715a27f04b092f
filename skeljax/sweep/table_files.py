"""Writes the results of an ablation as Markdown, CSV and a plot."""

from collections.abc import Mapping
import csv
from pathlib import Path

import numpy as np

from skeljax.formats import formulas
from skeljax.sweep import bootstrap
from skeljax.sweep.definition import Sweep
from skeljax.sweep.gather import Metrics
from skeljax.sweep.plan import Run
from skeljax.viz import intervals, table

_COLUMNS = ('seeds', 'mean', 'difference', 'from', 'to')


def write(
    stem,
    sweep: Sweep,
    runs: Mapping[tuple[str, int], Run],
    metrics: Mapping[tuple[str, int], Metrics],
    rows: Mapping[str, bootstrap.Comparison],
    *,
    title: str,
    protocol: str,
) -> list[Path]:
    """Writes STEM.md, STEM.csv (one line per variant), STEM-runs.csv (per run) and STEM.png."""
    stem = Path(stem)
    path = lambda suffix: stem.with_name(stem.name + suffix)
    text = describe(metrics, protocol)
    path('.md').write_text(f'**{title}**: {text}\n\n{markdown(sweep, rows)}\n')
    intervals.plot_intervals(
        path('.png'),
        names=list(rows),
        points=[[100 * m.mean for (v, _), m in metrics.items() if v == name] for name in rows],
        means=[100 * row.mean for row in rows.values()],
        deviations=[100 * row.deviation for row in rows.values()],
        differences=[100 * row.difference for row in rows.values()],
        bounds=[(100 * row.low, 100 * row.high) for row in rows.values()],
        labels=('mAP (%), mean ± sample deviation', 'difference with confidence interval'),
        title=f'{title} ({protocol})',
    )
    _csv(path('.csv'), _variant_lines(sweep, rows))
    _csv(path('-runs.csv'), _run_lines(runs, metrics, protocol))
    return [path(suffix) for suffix in ('.md', '.csv', '-runs.csv', '.png')]


def markdown(sweep: Sweep, rows: Mapping[str, bootstrap.Comparison]) -> str:
    """Returns the table as Markdown, in percent; `from` and `to` bound the difference."""
    cells, options = _cells(sweep, rows)
    return table.markdown(*cells, **options)


def text(sweep: Sweep, rows: Mapping[str, bootstrap.Comparison]) -> str:
    """Returns the same table as plain text for the terminal."""
    cells, options = _cells(sweep, rows)
    return table.text(*cells, **options)


def describe(metrics: Mapping[tuple[str, int], Metrics], protocol: str) -> str:
    """Returns a paragraph that defines the metrics and the confidence intervals."""
    recordings = sorted({of_run.recordings for of_run in metrics.values()})
    first = next(iter(metrics.values()))
    tious, draws = first.tious, len(first.resampled)
    return (
        f'mAP in percent, mean over tIoU {tious[0]:g} to {tious[-1]:g}, protocol {protocol}, '
        f'test split, mean ± sample standard deviation over seeds. Differences from the named '
        f'variant are paired by seed; {bootstrap.CONFIDENCE:.0%} confidence intervals from {draws} '
        f'bootstrap samples of seeds and, independently, of the '
        f'{" or ".join(map(str, recordings))} test recordings (pigeonhole bootstrap; for its '
        f'limitations see skeljax/sweep/bootstrap.py).'
    )


def _cells(sweep, rows):
    nan = np.nan
    names = [(name, '' if sweep.against(name) == name else sweep.against(name)) for name in rows]
    values = [
        [r.seeds, 100 * r.mean, 100 * r.difference, 100 * r.low, 100 * r.high]
        for r in rows.values()
    ]
    deviations = [
        [nan, 100 * r.deviation, 100 * r.difference_deviation, nan, nan] for r in rows.values()
    ]
    return (names, _COLUMNS, values), {'deviations': deviations, 'corner': ('variant', 'against')}


def _variant_lines(sweep, rows):
    yield ['variant', 'against', *bootstrap.Comparison._fields]
    for name, row in rows.items():
        yield [name, sweep.against(name), *row]


def _run_lines(runs, metrics, protocol):
    tious = next(iter(metrics.values())).tious
    yield ['variant', 'seed', 'run', 'protocol', 'mean', *(f'mAP@{tiou:g}' for tiou in tious)]
    for (name, seed), of_run in metrics.items():
        yield [name, seed, runs[name, seed].folder.name, protocol, of_run.mean, *of_run.map]


def _csv(path: Path, lines):
    """Writes lines with full precision; nan becomes an empty cell."""
    with path.open('w', newline='') as file:
        writer = csv.writer(file)
        for line in lines:
            line = ['' if value != value else value for value in line]
            writer.writerow([formulas.guarded(v) if isinstance(v, str) else v for v in line])
