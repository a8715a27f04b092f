"""Draws figures of variants with their deviation, and differences with their interval."""

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
    """Draws one line a variant: left its mean, right its difference from a reference.

    Args:
        path: PNG file to write.
        names: R names, the first on top.
        points: the figures that each mean is of, drawn small.
        means: float[R]; nan draws nothing.
        deviations: float[R], to either side of the mean; nan draws none.
        differences: float[R]; nan draws nothing.
        bounds: of each difference.
        labels: what the two axes are.
        title: a line above the picture.

    Raises:
        InputError: not as many of each as there are names.
    """
    sizes = {len(part) for part in (points, means, deviations, differences, bounds)}
    if sizes != {len(names)} or not names:
        raise InputError(f'intervals of {len(names)} names: found {sorted(sizes)} figures')
    figure = new_figure(9.5, 1.3 + 0.34 * len(names))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    rows = np.arange(len(names))
    for row, some in zip(rows, points, strict=True):
        left.plot(some, [row] * len(some), 'o', color=color(2), markersize=3.5, alpha=0.6)
    _bars(left, rows, np.array(means), np.nan_to_num([deviations, deviations]))
    right.axvline(0, color=FAINT, linewidth=1.2)
    low, high = np.array(bounds, np.float64).T
    middle = np.array(differences, np.float64)
    # Quantiles of draws may lie to one side of the figure itself.
    _bars(right, rows, middle, np.maximum(np.nan_to_num([middle - low, high - middle]), 0))
    for axes, label in zip((left, right), labels, strict=True):
        tidy(axes, grid='x')
        axes.set_xlabel(label, color=INK, parse_math=False)
    left.set_yticks(rows, names, parse_math=False)
    left.set_ylim(len(names) - 0.5, -0.5)
    add_title(figure, title)
    return save(figure, path)


def _bars(axes, rows, middle, around):
    shown = ~np.isnan(middle)
    axes.errorbar(
        middle[shown], rows[shown], xerr=around[:, shown], fmt='s', color=color(0), ecolor=INK,
        markersize=5, elinewidth=1.2, capsize=3,
    )
