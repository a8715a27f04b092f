"""Draws the plots of a report, narrow enough for a phone screen without scaling.

As SVG they use the colors of the page, see `svg`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
import numpy as np

from skeljax.localize.segments import Segments
from skeljax.viz import charts, figure as looks
from skeljax.viz.figure import INK, color, tidy

WIDTH = 3.6  # inches; 346 pixels of a page
CORRECT, WRONG = '#2f7fd6', '#d9534a'
MARKERS = ('o', '^', 's', 'D', 'v', 'P')
BINS = 25  # odd, so that one bin is centered at 0
_STRIP = 0.2  # inches, height of the strips of segments
_DARK = '#111418'  # text on a light class color, in both themes
_SMALL, _TINY = 8.5, 7.5  # font sizes in points; a CSS pixel is 0.75 points


def short_names(classes: Sequence[str]) -> list[str]:
    """Returns the class names if all are short and few, otherwise numbers from 1."""
    if len(classes) <= 10 and max(map(len, classes), default=0) <= 14:
        return list(classes)
    return [str(number) for number in range(1, len(classes) + 1)]


def curve(metric: str, points: tuple[np.ndarray, np.ndarray]) -> Figure:
    """Draws one metric over training steps; `points` are int64[N] and float64[N]."""
    figure, axes = _new_axes(2.0)
    charts.draw_line(axes, *points, color(0))
    axes.set_title(metric, color=INK, fontsize=_SMALL + 1, loc='left', parse_math=False)
    axes.set_xlabel('step', color=INK, fontsize=_SMALL)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=(1, 2, 2.5, 5, 10)))
    return figure


def map_by_tiou(runs: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Figure:
    """Draws mAP over tIoU thresholds, one line per run.

    Args:
        runs: name -> thresholds and mAP as fractions of 1; several runs get a legend.
    """
    figure, axes = _new_axes(2.5 + 0.17 * len(runs) * (len(runs) > 1))
    for index, (tious, values) in enumerate(runs.values()):
        heights = 100 * np.asarray(values)
        axes.plot(tious, heights, color=color(index), linewidth=1.6, marker=_marker(index),
                  markersize=5)
        if len(runs) == 1:
            for x, y in zip(tious, heights, strict=True):
                axes.annotate(f'{y:.1f}', (x, y), (0, 6), textcoords='offset points', ha='center',
                              fontsize=_TINY, color=INK)
    thresholds = sorted({tiou for tious, _ in runs.values() for tiou in tious})
    if len(thresholds) <= 8:
        axes.set_xticks(thresholds, [f'{tiou:g}' for tiou in thresholds])
    axes.margins(x=0.08)
    if len(runs) == 1:
        axes.set_ylim(0, 108)
        axes.set_yticks(range(0, 101, 25))
    else:  # zoom in: the lines of similar runs lie close together
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=(1, 2, 5, 10)))
    axes.set_xlabel('tIoU threshold', color=INK, fontsize=_SMALL)
    axes.set_ylabel('mAP, %', color=INK, fontsize=_SMALL)
    if len(runs) > 1:
        lines = [
            Line2D([], [], color=color(index), marker=_marker(index), markersize=5)
            for index in range(len(runs))
        ]
        looks.add_legend(
            figure, lines, [_shorten(name) for name in runs], 1, fontsize=_TINY, handlelength=1.6
        )
    return figure


def confusion(frames: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draws the confusion matrix of frames, each row normalized to its sum.

    Args:
        frames: by true class (row) and predicted class (column), background last,
            int64[L + 1, L + 1].
        classes: names of the L classes.
    """
    figure, axes = _new_axes(3.7, grid='')
    share = frames / np.maximum(frames.sum(1, keepdims=True), 1)
    paint = np.where(np.eye(len(frames), dtype=bool)[..., None], to_rgb(CORRECT), to_rgb(WRONG))
    axes.imshow(np.concatenate([paint, share[..., None]], 2), interpolation='none', aspect='auto')
    names = [*short_names(classes), 'none']
    interval = 1 if len(names) <= 26 else 5
    end = len(classes) - interval // 2  # leaves space for the label of the background
    ticks = [at for at in range(end) if (at + 1) % interval == 0] + [len(classes)]
    labels = [names[at] for at in ticks]
    rotation = {'rotation': 90} if names[0] != '1' or len(ticks) > 12 else {}
    axes.set_xticks(ticks, labels, fontsize=_TINY, parse_math=False, **rotation)
    axes.set_yticks(ticks, labels, fontsize=_TINY, parse_math=False)
    # Grid lines make an empty matrix recognizable.
    if len(names) <= 26:
        edges = np.arange(len(names) + 1) - 0.5
        axes.set_xticks(edges, minor=True)
        axes.set_yticks(edges, minor=True)
        axes.grid(which='minor', color=looks.FAINT, linewidth=0.5)
        axes.tick_params(which='minor', length=0)
    axes.set_xlabel('predicted', color=INK, fontsize=_SMALL)
    axes.set_ylabel('true', color=INK, fontsize=_SMALL)
    return figure


def boundary_errors(seconds: np.ndarray) -> Figure:
    """Draws histograms of the errors of starts and ends on one axis.

    Larger errors than the range of `error_bins` are counted in the outermost bins.

    Args:
        seconds: errors of starts and of ends, float64[N, 2]; negative is early.
    """
    figure = looks.new_figure(WIDTH, 3.2)
    panels = figure.subplots(2, 1, sharex=True, sharey=True)
    edges = error_bins(seconds)
    for axes, values, name in zip(panels, seconds.T, ('start', 'end'), strict=True):
        tidy(axes, grid='y')
        axes.tick_params(labelsize=_SMALL)
        counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        axes.bar(edges[:-1], counts, np.diff(edges), align='edge', color=color(2), linewidth=0)
        axes.axvline(0, color=INK, linewidth=0.9)
        if len(values):
            axes.axvline(np.median(values), color=WRONG, linewidth=1.2, linestyle='--')
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.set_ylabel(f'segments, {name}', color=INK, fontsize=_SMALL)
    panels[1].set_xlabel('early  –  seconds  –  late', color=INK, fontsize=_SMALL)
    return figure


def error_bins(seconds: np.ndarray) -> np.ndarray:
    """Returns bin edges, symmetric about 0, in seconds, float64[BINS + 1].

    The range covers 95 % of the errors, and at least half a second to either side.
    """
    limit = np.quantile(np.abs(seconds), 0.95) if seconds.size else 0
    return np.linspace(-1, 1, BINS + 1) * max(limit, 0.5)


def scatter(points: np.ndarray, labels: np.ndarray, shares, classes: Sequence[str]) -> Figure:
    """Draws snippets as points, colored by class; background is small and gray.

    Args:
        points: float[N, 2].
        labels: int[N], background last.
        shares: share of the variance along each axis.
        classes: names of the L classes.
    """
    names = short_names(classes)
    present = [label for label in range(len(classes)) if (labels == label).any()]
    columns = max(1, min(8, int((WIDTH - 0.2) / (0.26 + 0.065 * max([4, *map(len, names)])))))
    lines = -(-(len(present) + 1) // columns)
    figure, axes = _new_axes(3.1 + 0.2 * lines, grid='')
    no_line = {'linestyle': 'none', 'markeredgewidth': 0}
    none = points[labels == len(classes)]
    axes.plot(*none.T, marker='o', color=looks.FAINT, markersize=2.5, **no_line)
    handles = []
    for label in present:
        style = {'color': color(label), 'marker': _marker(label), **no_line}
        axes.plot(*points[labels == label].T, alpha=0.85, markersize=3.6, **style)
        handles.append(Line2D([], [], markersize=6, **style))
    handles.append(Line2D([], [], linestyle='none', color=looks.FAINT, marker='o', markersize=5))
    axes.set_xticks([])
    axes.set_yticks([])
    set_labels = (axes.set_xlabel, axes.set_ylabel)
    for name, share, set_label in zip(('first', 'second'), shares, set_labels, strict=True):
        set_label(f'{name} axis, {100 * share:.0f} % of the variance', color=INK, fontsize=_SMALL)
    looks.add_legend(
        figure, handles, [*(names[label] for label in present), 'none'], columns,
        fontsize=_TINY + 0.5, columnspacing=1.0, handlelength=0.8, handletextpad=0.4,
    )
    return figure


def similarity(
    cosines: np.ndarray, seconds: np.ndarray, truth: Segments, fps: float, classes: Sequence[str]
) -> Figure:
    """Draws the similarity matrix of a recording's snippets, true segments along its edges.

    Args:
        cosines: float[S, S].
        seconds: time of each snippet, float[S].
        truth: true segments, in frames.
        fps: frames per second.
        classes: names of the L classes.
    """
    figure = looks.new_figure(WIDTH, WIDTH + 0.25)
    grid = figure.subplots(2, 2, width_ratios=(1, 14), height_ratios=(1, 14), squeeze=False)
    figure.set_layout_engine('constrained', w_pad=0.015, h_pad=0.015, wspace=0, hspace=0)
    grid[0, 0].set_visible(False)
    half = (seconds[-1] - seconds[0]) / max(2 * (len(seconds) - 1), 1) or 0.5
    low, high = seconds[0] - half, seconds[-1] + half
    axes = grid[1, 1]
    image = axes.imshow(
        cosines, extent=(low, high, high, low), interpolation='none', aspect='auto', cmap='viridis',
        vmin=-1, vmax=1,
    )
    names = short_names(classes)
    grid[0, 1].set_xlim(low, high)
    grid[1, 0].set_ylim(high, low)
    for strip, horizontal in ((grid[0, 1], True), (grid[1, 0], False)):
        strip.set_axis_off()
        for start, end, label in zip(truth.start / fps, truth.end / fps, truth.label, strict=True):
            _draw_segment(strip, start, end, int(label), names[label], horizontal, high - low)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, colors=INK, labelsize=_SMALL)
    axes.yaxis.tick_right()
    for side in (axes.xaxis, axes.yaxis):
        side.set_major_locator(MaxNLocator(6))
    axes.set_xlabel('seconds', color=INK, fontsize=_SMALL)
    bar = figure.colorbar(
        image, ax=grid[:, 1], location='bottom', aspect=40, pad=0.02, ticks=(-1, 0, 1)
    )
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, colors=INK, labelsize=_SMALL)
    labels = bar.ax.set_xticklabels(['−1', 'cosine 0', '1'])
    for text, side in zip(labels, ('left', 'center', 'right'), strict=True):
        text.set_horizontalalignment(side)
    return figure


def _draw_segment(
    strip, start: float, end: float, label: int, name: str, horizontal: bool, span: float
):
    """Draws one segment of an edge strip, with its name if it fits."""
    draw = strip.axvspan if horizontal else strip.axhspan
    draw(start, end, color=color(label), linewidth=0)
    length, text_length = (end - start) / span * (WIDTH - 0.6) - 0.02, 0.07 * len(name)
    along = length >= text_length
    if not along and (length < 0.1 or text_length > _STRIP):
        return
    middle = (start + end) / 2
    strip.text(
        *((middle, 0.5) if horizontal else (0.5, middle)), name, ha='center', va='center',
        fontsize=_TINY, rotation=0 if along == horizontal else 90, parse_math=False,
        color='white' if looks.ink_on(color(label)) == 'white' else _DARK,
        transform=strip.get_xaxis_transform() if horizontal else strip.get_yaxis_transform(),
    )


def _shorten(name: str, length: int = 44) -> str:
    """Cuts a long name in its middle: names of runs differ mostly at the ends."""
    if len(name) <= length:
        return name
    head = length // 3
    return f'{name[:head]}…{name[-(length - head - 1):]}'


def _marker(label: int) -> str:
    return MARKERS[label // len(looks.COLORS) % len(MARKERS)]


def _new_axes(height: float, grid: str = 'y'):
    figure = looks.new_figure(WIDTH, height)
    axes = figure.subplots()
    tidy(axes, grid=grid)
    axes.tick_params(labelsize=_SMALL)
    return figure, axes
