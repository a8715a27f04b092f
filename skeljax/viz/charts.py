"""Draws bar charts of result tables and curves of training metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math
import os
from pathlib import Path

from matplotlib.lines import Line2D
from matplotlib.patches import Patch
import numpy as np

from skeljax import documents
from skeljax.errors import InputError
from skeljax.viz.figure import INK, add_legend, add_title, color, hatch, new_figure, save, tidy


def plot_table(
    path: str | os.PathLike,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    metrics: Sequence[str],
    values,
    deviations=None,
    scale: float = 100.0,
    ylabel: str = 'mAP (%)',
    title: str = '',
) -> Path:
    """Draws a bar chart of runs: one panel per column, one group per metric, one bar per row.

    Args:
        path: PNG file to write.
        rows: R names, for instance scratch and pretrained.
        columns: C names, for instance plain head and U-shaped fuser.
        metrics: K names, for instance mAP@0.1 to mAP@0.5 and mean.
        values: float[R, C, K]; nan draws no bar.
        deviations: float[R, C, K], drawn as error bars.
        scale: 100 shows fractions as percent.
        ylabel: label of the y axis.
        title: text above the plot.

    Raises:
        InputError: the shape of values or deviations is not [R, C, K].
    """
    values = scale * _check(values, rows, columns, metrics, 'values')
    errors = np.zeros(values.shape)
    if deviations is not None:
        errors = np.nan_to_num(scale * _check(deviations, rows, columns, metrics, 'deviations'))
    width = max(4.5, 0.55 * len(rows) * len(metrics) + 0.8)
    figure = new_figure(width * len(columns), 4.2)
    panels = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
    for column, axes in enumerate(panels):
        _bars(axes, values[:, column], errors[:, column])
        axes.set_xticks(np.arange(len(metrics)), metrics, parse_math=False)
        axes.set_title(columns[column], color=INK, fontsize=11, loc='left', parse_math=False)
    panels[0].set_ylabel(ylabel, color=INK, parse_math=False)
    panels[0].set_ylim(0, max(1e-9, 1.08 * np.nanmax(values + errors, initial=0)))
    swatches = [
        Patch(facecolor=color(row), hatch=hatch(row), edgecolor='white')
        for row in range(len(rows))
    ]
    add_legend(figure, swatches, rows, 6)
    add_title(figure, title)
    return save(figure, path)


def plot_metrics(
    path: str | os.PathLike,
    files: Mapping[str, str | os.PathLike],
    *,
    metrics: Sequence[str] | None = None,
    title: str = '',
) -> Path:
    """Draws metrics over training steps: one panel per metric, one line per file.

    Lines with many points are drawn pale, with a moving average on top.

    Args:
        path: PNG file to write.
        files: run name -> JSON-lines file, see `read_metrics`.
        metrics: names of the metrics to draw, in this order; all by default.
        title: text above the plot.

    Returns:
        The path.

    Raises:
        InputError: a file cannot be read, or no file has one of the metrics.
    """
    runs = {name: read_metrics(file) for name, file in files.items()}
    known = list(dict.fromkeys(metric for run in runs.values() for metric in run))
    wanted = known if metrics is None else list(metrics)
    missing = [metric for metric in wanted if metric not in known]
    if missing or not wanted:
        where = ', '.join(map(str, files.values()))
        what = f'no metric {missing[0]!r}, known: {", ".join(known)}' if missing else 'no metrics'
        raise InputError(f'{where}: {what}')
    columns = min(3, len(wanted))
    rows = -(-len(wanted) // columns)
    figure = new_figure(4.6 * columns, 2.8 * rows + 0.6)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, metric in zip(panels, wanted, strict=False):
        tidy(axes, grid='y')
        axes.set_title(metric, color=INK, fontsize=10, loc='left', parse_math=False)
        for index, run in enumerate(runs.values()):
            if metric in run:
                draw_line(axes, *run[metric], color(index))
    for axes in panels[len(wanted):]:
        axes.set_visible(False)
    for axes in panels[max(0, len(wanted) - columns):len(wanted)]:
        axes.set_xlabel('step', color=INK)
    if len(runs) > 1:
        lines = [Line2D([], [], color=color(index)) for index in range(len(runs))]
        add_legend(figure, lines, list(runs), 4)
    add_title(figure, title)
    return save(figure, path)


def read_metrics(path: str | os.PathLike) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Reads a JSON-lines file of metrics, each line {"step": int, name: number, ...}.

    An incomplete last line is skipped, so that the file of a running training can be read. If a
    step occurs twice (in a resumed run), the last value is used. Values that are not numbers
    are skipped.

    Returns:
        metric -> ascending steps int64[N] and values float64[N].

    Raises:
        InputError: the file cannot be read, or a line is not a JSON object with a step.
    """
    path = Path(path)
    try:
        content = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f'{path}: metrics cannot be read: {error}') from None
    metrics: dict[str, dict[int, float]] = {}
    lines = content.split('\n')
    for number, line in enumerate(lines, start=1):
        try:
            item = documents.parse(line) if line.strip() else {'step': 0}
            step = item['step']
            if not isinstance(step, int) or isinstance(step, bool):
                raise TypeError
        except (ValueError, KeyError, TypeError):
            if number == len(lines):
                break
            raise InputError(
                f'{path}: line {number}: expected a JSON object with an integer "step", '
                f'found {line[:60]!r}'
            ) from None
        for name, value in item.items():
            if name != 'step' and isinstance(value, int | float) and not isinstance(value, bool):
                metrics.setdefault(name, {})[step] = float(value)
    return {
        name: (np.array(sorted(points), np.int64), np.array([points[s] for s in sorted(points)]))
        for name, points in metrics.items()
    }


def _check(values, rows, columns, metrics, what: str) -> np.ndarray:
    values = np.asarray(values, np.float64)
    expected = (len(rows), len(columns), len(metrics))
    if values.shape != expected or 0 in expected:
        raise InputError(
            f'table {what}: expected [rows, columns, metrics] {expected}, found {values.shape}'
        )
    return values


def _bars(axes, values: np.ndarray, errors: np.ndarray) -> None:
    """Draws float[R, K] as K groups of R bars with their values above them."""
    tidy(axes, grid='y')
    num_rows, num_groups = values.shape
    bar = 0.8 / num_rows
    for row, (heights, error) in enumerate(zip(values, errors, strict=True)):
        at = np.arange(num_groups) + (row - (num_rows - 1) / 2) * bar
        axes.bar(
            at, np.nan_to_num(heights), bar * 0.94, color=color(row), hatch=hatch(row),
            edgecolor='white', linewidth=0, yerr=error if error.any() else None,
            error_kw={'ecolor': INK, 'elinewidth': 1, 'capsize': 2},
        )
        for x, y, margin in zip(at, heights, error, strict=True):
            axes.annotate(
                '–' if math.isnan(y) else f'{y:.1f}', (x, np.nan_to_num(y) + margin), (0, 2),
                textcoords='offset points', ha='center', fontsize=7.5, color=INK,
            )


def draw_line(axes, steps: np.ndarray, values: np.ndarray, color: str) -> None:
    """Draws a metric over steps; many points are drawn pale, with a moving average on top."""
    window = len(values) // 40
    if window < 2:
        marker = 'o' if len(values) < 30 else None
        axes.plot(steps, values, color=color, linewidth=1.6, marker=marker, markersize=3)
        return
    axes.plot(steps, values, color=color, linewidth=0.7, alpha=0.3)
    steps, values = steps[np.isfinite(values)], values[np.isfinite(values)]
    total = np.cumsum(np.concatenate([[0.0], values]))
    width = 2 * window + 1
    # Full windows only: shorter ones at the ends are noisier.
    axes.plot(
        steps[window:len(steps) - window], (total[width:] - total[:-width]) / width, color=color,
        linewidth=1.8,
    )
