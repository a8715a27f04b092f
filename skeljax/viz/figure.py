"""Creates, styles and saves figures; all plots of the library share this style."""

from __future__ import annotations

from collections.abc import Sequence
import os
from pathlib import Path
import textwrap

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.legend import Legend

# Paul Tol's `muted` scheme and the orange of his `vibrant` one: distinguishable with any color
# vision. The order makes adjacent classes differ in lightness.
COLORS = (
    '#332288', '#ddaa33', '#44aa99', '#cc6677', '#117733',
    '#88ccee', '#882255', '#999933', '#ee7733', '#aa4499',
)
HATCHES = ('', '///', '...', 'xxx', '\\\\\\')
INK = '#2b2b2b'
FAINT = '#d9d9d9'


def new_figure(width: float, height: float) -> Figure:
    """Returns a white figure of this size in inches, without pyplot's global state."""
    figure = Figure(figsize=(width, height), dpi=110, layout='constrained', facecolor='white')
    FigureCanvasAgg(figure)
    return figure


def color(index: int) -> str:
    """Returns the color of class `index`; colors repeat after ten classes, see `hatch`."""
    return COLORS[index % len(COLORS)]


def hatch(index: int) -> str:
    """Returns the hatch of class `index`, which differs between classes of the same color."""
    return HATCHES[index // len(COLORS) % len(HATCHES)]


def ink_on(background: str, strength: float = 1.0) -> str:
    """Returns a readable text color for a background of opacity `strength` over white."""
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(background))
    return 'white' if 0.299 * red + 0.587 * green + 0.114 * blue < 0.45 else INK


def fit_name(text: str, wide: float, high: float) -> tuple[str, bool]:
    """Wraps a name to fit into a box.

    The text is horizontal if every word fits, otherwise vertical, otherwise vertical and
    truncated, otherwise empty.

    Args:
        text: the name.
        wide, high: size of the box in inches, for a font size of 7 to 8.5 points.

    Returns:
        The wrapped text, and whether it is vertical.
    """
    for vertical, along, across, letter, line in (
        (False, wide, high, 0.078, 0.14),
        (True, high, wide, 0.066, 0.12),
    ):
        letters = int((along - 0.05) / letter)
        lines = textwrap.wrap(text, letters, break_long_words=False) if letters > 0 else []
        if lines and max(map(len, lines)) <= letters and len(lines) * line + 0.03 <= across:
            return '\n'.join(lines), vertical
    return (text[:letters - 1].rstrip() + '…' if wide >= 0.15 and letters > 2 else ''), True


def tidy(axes, *, grid: str = '') -> None:
    """Removes frame and tick marks; draws a faint grid along 'x' or 'y'."""
    axes.spines[['top', 'right', 'left']].set_visible(False)
    axes.spines['bottom'].set_color(FAINT)
    axes.tick_params(length=0, colors=INK, labelsize=9)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis=grid, color=FAINT, linewidth=0.6)


def add_legend(
    figure: Figure, handles: Sequence, names: Sequence[str], columns: int, **options
) -> Legend:
    """Adds a legend below the plot; names are shown literally.

    Args:
        figure: the figure.
        handles: artists, one per name.
        names: names of the entries.
        columns: number of columns.
        options: further options of Matplotlib's `legend`.
    """
    box = figure.legend(
        handles, ['-'] * len(names), loc='outside lower center', ncols=columns, frameon=False,
        labelcolor=INK, **{'fontsize': 9, **options},
    )
    # Set afterwards: Matplotlib parses `$` as math and skips names with a leading `_`.
    for entry, name in zip(box.get_texts(), names, strict=True):
        entry.set_parse_math(False)
        entry.set_text(name)
    return box


def add_title(figure: Figure, title: str) -> None:
    """Adds a title above the plot, unless it is empty."""
    if title:
        figure.suptitle(title, x=0.01, ha='left', color=INK, fontsize=12, parse_math=False)


def save(figure: Figure, path: str | os.PathLike, *, dpi: float | str = 'figure') -> Path:
    """Writes a PNG to a temporary file, then renames it: other processes never read half of it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        figure.savefig(beside, format='png', dpi=dpi)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path
