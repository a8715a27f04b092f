"""Draws one recording: true segments, predicted segments and class scores over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import functools
import os
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch, Rectangle
import numpy as np

from skeljax.errors import InputError
from skeljax.localize.nms import choose_non_overlapping
from skeljax.localize.segments import Segments, check
from skeljax.viz.figure import (
    FAINT,
    INK,
    add_legend,
    add_title,
    color,
    fit_name,
    hatch,
    ink_on,
    new_figure,
    save,
    tidy,
)

MAX_CURVES = 24
MAX_LANES = 4
BAR_INCHES = 0.66
LEGEND_COLUMNS = 6

Row = tuple[float, Callable[[Axes], None]]  # height in inches, drawing function


def draw(
    path: str | os.PathLike,
    *,
    predicted: Segments,
    classes: Sequence[str],
    fps: float,
    truth: Segments | None = None,
    probabilities: np.ndarray | None = None,
    title: str = '',
) -> Path:
    """Draws a recording's timeline as a PNG.

    Rows from the top: the truth, the prediction, one score curve per class. If predictions
    overlap, the row of the prediction shows a non-overlapping selection of the best
    (`localize.non_overlapping`), and a few lanes below it show the others. The opacity of a bar
    grows with its score, on the same scale in all plots. Curves are drawn for classes that are
    true, predicted or have a score above 0.1 at some time, at most 24.

    Args:
        path: PNG file to write.
        predicted: proposals, possibly overlapping.
        classes: names of the L classes, without background.
        fps: frames per second; the axis is in seconds.
        truth: true segments, if known.
        probabilities: float[T, L + 1] or float[T, L], if known.
        title: text above the plot.

    Returns:
        The path.

    Raises:
        InputError: an invalid segment, probabilities of a different number of classes, or fps
            that is not positive.
    """
    _check(predicted, truth, probabilities, classes, fps)
    ends = [part.end.max(initial=0) for part in (predicted, truth) if part is not None]
    seconds = max([1, *ends, 0 if probabilities is None else len(probabilities)]) / fps
    width = float(np.clip(seconds * 0.22, 12, 40))
    rows, shown = _plan(
        predicted, truth, probabilities, classes, fps, inch_a_second=(width - 1.6) / seconds
    )
    return _compose(path, rows, width, seconds, title, {c: classes[c] for c in shown})


def _plan(
    predicted: Segments,
    truth: Segments | None,
    probabilities: np.ndarray | None,
    classes: Sequence[str],
    fps: float,
    *,
    inch_a_second: float,
) -> tuple[list[Row], list[int]]:
    """Returns the rows, and the classes that need a legend because no curve names them."""
    bars = functools.partial(_bars, classes=classes, fps=fps, inch_a_second=inch_a_second)
    selected, main = choose_non_overlapping(predicted)
    rest = np.setdiff1d(np.arange(len(predicted)), selected)
    alpha, others = _opacity(predicted.score), predicted[rest]
    shown = _classes_to_show(main, truth, probabilities, len(classes))

    rows = []
    if truth is not None:
        opaque = np.ones(len(truth))
        rows.append((BAR_INCHES, functools.partial(bars, truth, opaque, name='truth')))
    rows.append((BAR_INCHES, functools.partial(bars, main, alpha[selected], name='predicted')))
    if len(others):
        lanes = _lanes(others)
        thin = functools.partial(_thin_bars, others, alpha[rest], lanes, fps=fps)
        rows.append((0.14 * (2 + lanes.max()), thin))
    if probabilities is None or not shown:
        return rows, shown
    curves = functools.partial(_curves, probabilities, truth, shown, classes=classes, fps=fps)
    return [*rows, (0.34 * len(shown) + 0.1, curves)], []


def _compose(
    path: str | os.PathLike,
    rows: list[Row],
    width: float,
    seconds: float,
    title: str,
    legend: dict[int, str],
) -> Path:
    """Draws the rows above one another with a common time axis in seconds."""
    heights = [height for height, _ in rows]
    # 0.6 inches for a swatch, 0.085 per letter.
    entry_width = 0.6 + 0.085 * max(map(len, legend.values()), default=0)
    columns = max(1, min(LEGEND_COLUMNS, int(width / entry_width)))
    legend_lines = -(-len(legend) // columns)
    figure = new_figure(width, sum(heights) + 1.1 + 0.22 * legend_lines)
    panels = figure.subplots(len(rows), 1, sharex=True, height_ratios=heights, squeeze=False)
    for axes, (_, draw_row) in zip(panels[:, 0], rows, strict=True):
        draw_row(axes)
    bottom = panels[-1, 0]
    bottom.set_xlim(0, seconds)
    bottom.set_xlabel('seconds', color=INK)
    bottom.tick_params(axis='x', labelbottom=True)
    if legend:
        swatches = [
            Patch(facecolor=color(label), hatch=hatch(label), edgecolor='white')
            for label in legend
        ]
        add_legend(figure, swatches, list(legend.values()), columns)
    add_title(figure, title)
    return save(figure, path)


def _check(predicted, truth, probabilities, classes, fps) -> None:
    if not (np.isfinite(fps) and fps > 0):
        raise InputError(f'fps: expected a positive number, found {fps!r}')
    for name, part in (('predicted segments', predicted), ('true segments', truth)):
        if part is not None:
            check(part, name, num_classes=len(classes))
    if probabilities is not None:
        shape = np.shape(probabilities)
        if len(shape) != 2 or shape[1] - len(classes) not in (0, 1):
            raise InputError(
                f'probabilities: expected [frames, {len(classes)} classes + background], '
                f'found {shape}'
            )


def _opacity(score: np.ndarray) -> np.ndarray:
    """Maps scores from 0 to 1 to opacities from 0.35 to 1."""
    return 0.35 + 0.65 * np.clip(score, 0, 1)


def _lanes(rest: Segments) -> np.ndarray:
    """Assigns each segment, the best first, to the first free lane, int64[N]; -1 for none."""
    lanes = np.full(len(rest), -1)
    for index in np.argsort(-rest.score, kind='stable'):
        overlaps = (rest.start < rest.end[index]) & (rest.end > rest.start[index])
        free = np.setdiff1d(np.arange(MAX_LANES), lanes[overlaps & (lanes >= 0)])
        if len(free):
            lanes[index] = free[0]
    return lanes


def _classes_to_show(
    predicted: Segments, truth: Segments | None, probabilities: np.ndarray | None, num_classes: int
) -> list[int]:
    """Returns the labels of the classes to show; true ones take precedence, then high scores."""
    rank = np.zeros(num_classes)
    if probabilities is not None and len(probabilities):
        peak = np.asarray(probabilities)[:, :num_classes].max(axis=0)
        rank = np.where(peak > 0.1, peak, 0.0)
    rank[predicted.label] += 1
    if truth is not None:
        rank[truth.label] += 2
    best = np.argsort(-rank, kind='stable')[:MAX_CURVES]
    return sorted(best[rank[best] > 0].tolist())


def _row(axes: Axes, name: str) -> None:
    tidy(axes)
    axes.spines['bottom'].set_visible(False)
    axes.tick_params(axis='x', labelbottom=False)
    axes.set_yticks([0.5], [name], fontweight='bold')
    axes.set_ylim(0, 1)


def _bars(
    segments: Segments,
    opacity: np.ndarray,
    axes: Axes,
    *,
    name: str,
    classes: Sequence[str],
    fps: float,
    inch_a_second: float,
) -> None:
    """Draws bars with the class name inside where it fits."""
    _row(axes, name)
    axes.axhline(0.5, color=FAINT, linewidth=0.8, zorder=0)
    for start, end, label, alpha in zip(
        segments.start / fps, segments.end / fps, segments.label, opacity, strict=True
    ):
        axes.add_artist(_bar(start, 0.03, end - start, 0.94, label, alpha))
        text, vertical = fit_name(classes[label], (end - start) * inch_a_second, BAR_INCHES)
        if not text:
            continue
        name_inside = axes.text(
            (start + end) / 2, 0.5, text, ha='center', va='center', fontsize=7 if vertical else 8.5,
            rotation=90 if vertical else 0, color=ink_on(color(label), alpha), parse_math=False,
            bbox=_backing(label, alpha), linespacing=1.05,
        )
        # Excluded from the layout, which would spend most of its time measuring them.
        name_inside.set_in_layout(False)


def _thin_bars(
    rest: Segments, opacity: np.ndarray, lanes: np.ndarray, axes: Axes, *, fps: float
) -> None:
    """Draws proposals in lanes; the label counts those without a lane."""
    count = int(lanes.max()) + 1
    hidden = int((lanes < 0).sum())
    _row(axes, f'other (+{hidden})' if hidden else 'other')
    for index in np.flatnonzero(lanes >= 0):
        start, length = rest.start[index] / fps, (rest.end[index] - rest.start[index]) / fps
        low = 1 - (lanes[index] + 0.9) / count
        axes.add_artist(_bar(start, low, length, 0.8 / count, rest.label[index], opacity[index]))


def _curves(
    probabilities: np.ndarray,
    truth: Segments | None,
    shown: list[int],
    axes: Axes,
    *,
    classes: Sequence[str],
    fps: float,
) -> None:
    """Draws one filled curve from 0 to 1 per class, with its true segments shaded behind."""
    tidy(axes, grid='x')
    edges = np.arange(len(probabilities) + 1) / fps
    for place, label in enumerate(shown):
        base = float(len(shown) - 1 - place)
        axes.axhline(base, color=FAINT, linewidth=0.6)
        for index in np.flatnonzero(truth.label == label) if truth is not None else ():
            start, end = truth.start[index] / fps, truth.end[index] / fps
            axes.add_artist(
                Rectangle((start, base), end - start, 0.9, facecolor=color(label), alpha=0.18,
                          linewidth=0)
            )
        heights = 0.9 * np.clip(probabilities[:, label], 0, 1)
        # `stairs` would draw the same, but takes ten times as long for ten minutes of frames.
        axes.fill_between(
            edges, base + np.append(heights, heights[-1:]), base, step='post', linewidth=0,
            facecolor=color(label), edgecolor='white', hatch=hatch(label) or None,
        )
    names = [classes[label] for label in shown]
    axes.set_yticks(len(shown) - 1 - np.arange(len(shown)) + 0.45, names, parse_math=False)
    axes.set_ylim(-0.1, len(shown))


def _bar(
    start: float, low: float, width: float, height: float, label: int, alpha: float
) -> Rectangle:
    bar = Rectangle(
        (start, low), width, height, facecolor=color(label), edgecolor='white', linewidth=0.8,
        hatch=hatch(label), alpha=float(alpha),
    )
    bar.set_in_layout(False)
    return bar


def _backing(label: int, alpha: float) -> dict | None:
    """Returns a text box in the color of the bar that hides its hatch behind a name."""
    if not hatch(label):
        return None
    pale = alpha * np.array(to_rgb(color(label))) + 1 - alpha
    return {'facecolor': pale, 'linewidth': 0, 'pad': 1}
