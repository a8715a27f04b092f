"""Draws metrics of variants with deviations, and differences with confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path

import numpy as np

from skeljax.errors import InputError
from skeljax.viz.figure import FAINT, INK, add_title, color, new_figure, save, tidy


def plot_intervals(
    path: str | os.PathLike,
    *,
    names: Sequence[str],
    points: Sequence[Sequence[float]],
    means: Sequence[float],
    deviations: Sequence[float],
    differences: Sequence[float],
    bounds: Sequence[tuple[float, float]],
    labels: tuple[str, str],
    title: str = '',
) -> Path:
    """Draws one row per variant: left its mean, right its difference from a reference.

    Args:
        path: PNG file to write.
        names: R names, the first at the top.
        points: values of the single runs of each variant, drawn small.
        means: float[R]; nan draws nothing.
        deviations: float[R], error bars of the means; nan draws none.
        differences: float[R]; nan draws nothing.
        bounds: confidence interval of each difference.
        labels: labels of the two axes.
        title: text above the plot.

    Raises:
        InputError: the arguments differ in length.
    """
    sizes = {len(part) for part in (points, means, deviations, differences, bounds)}
    if sizes != {len(names)} or not names:
        raise InputError(f'intervals of {len(names)} names: found {sorted(sizes)} values')
    figure = new_figure(9.5, 1.3 + 0.34 * len(names))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    rows = np.arange(len(names))
    for row, values in zip(rows, points, strict=True):
        left.plot(values, [row] * len(values), 'o', color=color(2), markersize=3.5, alpha=0.6)
    _bars(left, rows, np.array(means), np.nan_to_num([deviations, deviations]))
    right.axvline(0, color=FAINT, linewidth=1.2)
    low, high = np.array(bounds, np.float64).T
    middle = np.array(differences, np.float64)
    # A bootstrap interval may lie entirely to one side of the point estimate.
    _bars(right, rows, middle, np.maximum(np.nan_to_num([middle - low, high - middle]), 0))
    for axes, label in zip((left, right), labels, strict=True):
        tidy(axes, grid='x')
        axes.set_xlabel(label, color=INK, parse_math=False)
    left.set_yticks(rows, names, parse_math=False)
    left.set_ylim(len(names) - 0.5, -0.5)
    add_title(figure, title)
    return save(figure, path)


def _bars(axes, rows, middle, errors):
    """Draws points `middle` float[R] with error bars `errors` float[2, R]."""
    shown = ~np.isnan(middle)
    axes.errorbar(
        middle[shown], rows[shown], xerr=errors[:, shown], fmt='s', color=color(0), ecolor=INK,
        markersize=5, elinewidth=1.2, capsize=3,
    )
