"""Makes, colors and saves figures; every picture of the library looks alike through it."""

from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path
import textwrap

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.legend import Legend

# Paul Tol's `muted` scheme and the orange of his `vibrant` one, ordered so that neighbors
# differ in lightness too: told apart with any color vision.
COLORS = (
    '#332288', '#ddaa33', '#44aa99', '#cc6677', '#117733',
    '#88ccee', '#882255', '#999933', '#ee7733', '#aa4499',
)
HATCHES = ('', '///', '...', 'xxx', '\\\\\\')
INK = '#2b2b2b'
FAINT = '#d9d9d9'


def new_figure(width: float, height: float) -> Figure:
    """Makes a figure of that size in inches which belongs to no global state."""
    figure = Figure(figsize=(width, height), dpi=110, layout='constrained', facecolor='white')
    FigureCanvasAgg(figure)
    return figure


def color(index: int) -> str:
    """Gives class `index` its color; from the eleventh class on they repeat, see `hatch`."""
    return COLORS[index % len(COLORS)]


def hatch(index: int) -> str:
    """Gives class `index` the pattern that tells it from others of its color."""
    return HATCHES[index // len(COLORS) % len(HATCHES)]


def ink_on(background: str, strength: float = 1.0) -> str:
    """Picks the text color that is readable on a color laid over white with an opacity."""
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(background))
    return 'white' if 0.299 * red + 0.587 * green + 0.114 * blue < 0.45 else INK


def fit_name(text: str, wide: float, high: float) -> tuple[str, bool]:
    """Breaks a name into lines for a box of that size in inches, for type of 7 to 8.5 points.

    Level where every word fits, else upright, else upright and cut short, else nothing.

    Returns:
        The lines, and whether they stand upright.
    """
    for upright, along, across, letter, line in (
        (False, wide, high, 0.078, 0.14),
        (True, high, wide, 0.066, 0.12),
    ):
        letters = int((along - 0.05) / letter)
        lines = textwrap.wrap(text, letters, break_long_words=False) if letters > 0 else []
        if lines and max(map(len, lines)) <= letters and len(lines) * line + 0.03 <= across:
            return '\n'.join(lines), upright
    return (text[:letters - 1].rstrip() + '…' if wide >= 0.15 and letters > 2 else ''), True


def tidy(axes, *, grid: str = '') -> None:
    """Removes the frame, grays the ticks and draws a faint grid along 'x' or 'y'."""
    axes.spines[['top', 'right', 'left']].set_visible(False)
    axes.spines['bottom'].set_color(FAINT)
    axes.tick_params(length=0, colors=INK, labelsize=9)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis=grid, color=FAINT, linewidth=0.6)


def add_legend(figure: Figure, handles: Sequence, names: Sequence[str], columns: int, **looks) -> Legend:
    """Puts a legend below the picture and returns it; names are shown as they are written.

    `looks` are those of Matplotlib's legend.
    """
    box = figure.legend(
        handles, ['-'] * len(names), loc='outside lower center', ncols=columns, frameon=False,
        labelcolor=INK, **{'fontsize': 9, **looks},
    )
    # Set afterwards: matplotlib reads `$` as mathematics and leaves out names with a leading `_`.
    for entry, name in zip(box.get_texts(), names, strict=True):
        entry.set_parse_math(False)
        entry.set_text(name)
    return box


def add_title(figure: Figure, title: str) -> None:
    """Puts a line above the picture, where there is one."""
    if title:
        figure.suptitle(title, x=0.01, ha='left', color=INK, fontsize=12, parse_math=False)


def save(figure: Figure, path: str | os.PathLike, *, dpi: float | str = 'figure') -> Path:
    """Writes a PNG beside its final name, then renames it: no reader sees half a picture."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        figure.savefig(beside, format='png', dpi=dpi)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path
