"""Draws the pictures of a report, each so small that a telephone shows it at its size.

In SVG they take the colours of the page, see `svg`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import functools

from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
import numpy as np

from skeljax.localize.segments import Segments
from skeljax.viz import charts, figure as looks
from skeljax.viz.figure import INK, colour, tidy

WIDTH = 3.6  # inches; 346 pixels of a page
RIGHT, WRONG = '#2f7fd6', '#d9534a'
MARKERS = ('o', '^', 's', 'D', 'v', 'P')
BINS = 25  # odd: one lies about 0
_STRIP = 0.2  # inches, of a strip of segments
_DARK = '#111418'  # on a class' colour, whatever the ink of the page is
# Matplotlib tells the size of type in points, of which a page has 0.75 in a pixel.
_SMALL, _TINY = 8.5, 7.5


def tags(classes: Sequence[str]) -> list[str]:
    """Names the classes in pictures: by their names where these are short, else by number from 1."""
    if len(classes) <= 10 and max(map(len, classes), default=0) <= 14:
        return list(classes)
    return [str(number) for number in range(1, len(classes) + 1)]


def curves(metric: str, points: tuple[np.ndarray, np.ndarray]) -> Figure:
    """Draws one metric over steps: int64[N] and float64[N]."""
    made, axes = _plain(2.0)
    charts.draw_line(axes, *points, colour(0))
    axes.set_title(metric, color=INK, fontsize=_SMALL + 1, loc='left', parse_math=False)
    axes.set_xlabel('step', color=INK, fontsize=_SMALL)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=(1, 2, 2.5, 5, 10)))
    return made


def overlaps(runs: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Figure:
    """Draws mAP by tIoU, one line a run.

    Args:
        runs: name -> thresholds and mAP as shares of 1; several names become a legend.
    """
    made, axes = _plain(2.5 + 0.17 * len(runs) * (len(runs) > 1))
    for index, (tious, values) in enumerate(runs.values()):
        marker = MARKERS[index // len(looks.COLOURS) % len(MARKERS)]
        heights = 100 * np.asarray(values)
        axes.plot(tious, heights, color=colour(index), linewidth=1.6, marker=marker, markersize=5)
        if len(runs) == 1:
            for x, y in zip(tious, heights, strict=True):
                axes.annotate(f'{y:.1f}', (x, y), (0, 6), textcoords='offset points', ha='center',
                              fontsize=_TINY, color=INK)
    known = sorted({tiou for tious, _ in runs.values() for tiou in tious})
    if len(known) <= 8:
        axes.set_xticks(known, [f'{tiou:g}' for tiou in known])
    axes.margins(x=0.08)
    if len(runs) == 1:
        axes.set_ylim(0, 108)
        axes.set_yticks(range(0, 101, 25))
    else:  # they would lie on each other
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=(1, 2, 5, 10)))
    axes.set_xlabel('tIoU from which a segment counts', color=INK, fontsize=_SMALL)
    axes.set_ylabel('mAP, %', color=INK, fontsize=_SMALL)
    if len(runs) > 1:
        lines = [
            Line2D([], [], color=colour(index), marker=MARKERS[index // len(looks.COLOURS) % len(MARKERS)],
                   markersize=5)
            for index in range(len(runs))
        ]
        looks.add_legend(made, lines, [_short(name) for name in runs], 1, fontsize=_TINY, handlelength=1.6)
    return made


def confusion(frames: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draws what the frames of each class were taken for, as shares of its frames.

    Args:
        frames: by true class (row) and found class (column), background last, int64[L + 1, L + 1].
        classes: the L names.
    """
    made, axes = _plain(3.7, grid='')
    share = frames / np.maximum(frames.sum(1, keepdims=True), 1)
    paint = np.where(np.eye(len(frames), dtype=bool)[..., None], to_rgb(RIGHT), to_rgb(WRONG))
    axes.imshow(np.concatenate([paint, share[..., None]], 2), interpolation='none', aspect='auto')
    named = [*tags(classes), 'none']
    every = 1 if len(named) <= 26 else 5
    room = len(classes) - every // 2  # for what stands at the end
    place = [at for at in range(room) if (at + 1) % every == 0] + [len(classes)]
    shown = [named[at] for at in place]
    numbers = named[0] == '1'
    turn = {'rotation': 90} if not numbers or len(place) > 12 else {}
    axes.set_xticks(place, shown, fontsize=_TINY, parse_math=False, **turn)
    axes.set_yticks(place, shown, fontsize=_TINY, parse_math=False)
    # Lines between the cells, so that an empty matrix is seen to be one.
    if len(named) <= 26:
        between = np.arange(len(named) + 1) - 0.5
        axes.set_xticks(between, minor=True)
        axes.set_yticks(between, minor=True)
        axes.grid(which='minor', color=looks.FAINT, linewidth=0.5)
        axes.tick_params(which='minor', length=0)
    axes.set_xlabel('found', color=INK, fontsize=_SMALL)
    axes.set_ylabel('true', color=INK, fontsize=_SMALL)
    return made


def offsets(seconds: np.ndarray) -> Figure:
    """Draws how far starts and ends are off, as histograms on one axis.

    What is farther off than 95 % of them, or half a second, is counted at the edge.

    Args:
        seconds: of starts and of ends, float64[N, 2]; below 0 is early.
    """
    made = looks.new_figure(WIDTH, 3.2)
    panels = made.subplots(2, 1, sharex=True, sharey=True)
    edges = offset_edges(seconds)
    for axes, values, name in zip(panels, seconds.T, ('start', 'end'), strict=True):
        tidy(axes, grid='y')
        axes.tick_params(labelsize=_SMALL)
        counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        axes.bar(edges[:-1], counts, np.diff(edges), align='edge', color=colour(2), linewidth=0)
        axes.axvline(0, color=INK, linewidth=0.9)
        if len(values):
            axes.axvline(np.median(values), color=WRONG, linewidth=1.2, linestyle='--')
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.set_ylabel(f'segments, {name}', color=INK, fontsize=_SMALL)
    panels[1].set_xlabel('early  –  seconds  –  late', color=INK, fontsize=_SMALL)
    return made


def offset_edges(seconds: np.ndarray) -> np.ndarray:
    """Chooses the edges of the bins, evenly to either side of 0, seconds, float64[BINS + 1]."""
    far = np.quantile(np.abs(seconds), 0.95) if seconds.size else 0
    return np.linspace(-1, 1, BINS + 1) * max(far, 0.5)


def scatter(points: np.ndarray, labels: np.ndarray, shares, classes: Sequence[str]) -> Figure:
    """Draws snippets as points, coloured by class; those of no class are small and grey.

    Args:
        points: float[N, 2].
        labels: int[N], background last.
        shares: of the variance that the axes hold.
        classes: the L names.
    """
    named = tags(classes)
    shown = [label for label in range(len(classes)) if (labels == label).any()]
    columns = max(1, min(8, int((WIDTH - 0.2) / (0.26 + 0.065 * max([4, *map(len, named)])))))
    lines = -(-(len(shown) + 1) // columns)
    made, axes = _plain(3.1 + 0.2 * lines, grid='')
    mark = functools.partial(axes.plot, linestyle='none', markeredgewidth=0)
    none = points[labels == len(classes)]
    mark(none[:, 0], none[:, 1], marker='o', color=looks.FAINT, markersize=2.5)
    handles = []
    for label in shown:
        look = {'color': colour(label), 'marker': _marker(label), 'markersize': 3.6}
        mine = points[labels == label]
        mark(mine[:, 0], mine[:, 1], alpha=0.85, **look)
        handles.append(Line2D([], [], linestyle='none', markeredgewidth=0, **look | {'markersize': 6}))
    handles.append(Line2D([], [], linestyle='none', color=looks.FAINT, marker='o', markersize=5))
    axes.set_xticks([])
    axes.set_yticks([])
    for name, share, put in zip(('first', 'second'), shares, (axes.set_xlabel, axes.set_ylabel), strict=True):
        put(f'{name} axis, {100 * share:.0f} % of the variance', color=INK, fontsize=_SMALL)
    looks.add_legend(
        made, handles, [*(named[label] for label in shown), 'none'], columns, fontsize=_TINY + 0.5,
        columnspacing=1.0, handlelength=0.8, handletextpad=0.4,
    )
    return made


def similarity(
    cosines: np.ndarray, seconds: np.ndarray, truth: Segments, fps: float, classes: Sequence[str]
) -> Figure:
    """Draws how alike the snippets of a recording are, true segments along its edges.

    Args:
        cosines: float[S, S].
        seconds: of each snippet, float[S].
        truth: true segments, in frames.
        fps: frames a second.
        classes: the L names.
    """
    made = looks.new_figure(WIDTH, WIDTH + 0.25)
    grid = made.subplots(
        2, 2, width_ratios=(1, 14), height_ratios=(1, 14), squeeze=False
    )
    made.set_layout_engine('constrained', w_pad=0.015, h_pad=0.015, wspace=0, hspace=0)
    grid[0, 0].set_visible(False)
    half = (seconds[-1] - seconds[0]) / max(2 * (len(seconds) - 1), 1) or 0.5
    low, high = seconds[0] - half, seconds[-1] + half
    axes = grid[1, 1]
    image = axes.imshow(
        cosines, extent=(low, high, high, low), interpolation='none', aspect='auto', cmap='viridis',
        vmin=-1, vmax=1,
    )
    named = tags(classes)
    for strip, level in ((grid[0, 1], True), (grid[1, 0], False)):
        strip.set_axis_off()
        (strip.set_xlim if level else strip.set_ylim)(*((low, high) if level else (high, low)))
        for start, end, label in zip(truth.start, truth.end, truth.label, strict=True):
            _stretch(strip, start / fps, end / fps, int(label), named[label], level, high - low)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, colors=INK, labelsize=_SMALL)
    axes.yaxis.tick_right()
    for side in (axes.xaxis, axes.yaxis):
        side.set_major_locator(MaxNLocator(6))
    axes.set_xlabel('seconds', color=INK, fontsize=_SMALL)
    bar = made.colorbar(image, ax=grid[:, 1], location='bottom', aspect=40, pad=0.02, ticks=(-1, 0, 1))
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, colors=INK, labelsize=_SMALL)
    for text, side in zip(bar.ax.set_xticklabels(['opposite', 'cosine 0', 'alike']), ('left', 'center', 'right')):
        text.set_horizontalalignment(side)
    return made


def _stretch(strip, start: float, end: float, label: int, name: str, level: bool, whole: float):
    """Paints one segment along an edge; its name where there is room for it."""
    (strip.axvspan if level else strip.axhspan)(start, end, color=colour(label), linewidth=0)
    room, wide = (end - start) / whole * (WIDTH - 0.6) - 0.02, 0.07 * len(name)
    along = room >= wide
    if not along and (room < 0.1 or wide > _STRIP):
        return
    middle = (start + end) / 2
    place = (middle, 0.5) if level else (0.5, middle)
    strip.text(
        *place, name, ha='center', va='center', fontsize=_TINY,
        rotation=0 if along == level else 90,
        color='white' if looks.ink_on(colour(label)) == 'white' else _DARK, parse_math=False,
        transform=strip.get_xaxis_transform() if level else strip.get_yaxis_transform(),
    )


def _short(name: str, most: int = 44) -> str:
    """Cuts a name in its middle: ends are what runs differ in."""
    return name if len(name) <= most else f'{name[:most // 3]}…{name[-(most - most // 3 - 1):]}'


def _marker(label: int) -> str:
    return MARKERS[label // len(looks.COLOURS) % len(MARKERS)]


def _plain(height: float, grid: str = 'y'):
    made = looks.new_figure(WIDTH, height)
    axes = made.subplots()
    tidy(axes, grid=grid)
    axes.tick_params(labelsize=_SMALL)
    return made, axes
