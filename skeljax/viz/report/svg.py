"""Converts a figure to an SVG element that uses the fonts and theme colors of the page."""

from __future__ import annotations

import html
import io
import re

import matplotlib
from matplotlib.figure import Figure

from skeljax.viz import figure as looks

# Color of a plot -> CSS variable of the page that replaces it.
VARIABLES = {looks.INK: '--ink', looks.FAINT: '--line'} | {
    color: f'--class-{number}' for number, color in enumerate(looks.COLORS)
}
PIXELS = 96  # CSS pixels per inch


def inline(figure: Figure, *, name: str, description: str) -> str:
    """Returns a figure as an SVG element.

    Args:
        figure: the figure, on a white background.
        name: unique in the page; makes the ids within the SVG unique.
        description: text for screen readers.
    """
    buffer = io.StringIO()
    figure.patch.set_visible(False)
    for axes in figure.axes:
        axes.patch.set_visible(False)
    with matplotlib.rc_context({'svg.fonttype': 'none', 'svg.hashsalt': name}):
        figure.savefig(buffer, format='svg', metadata={'Date': None})
    text = buffer.getvalue()
    text = text[text.index('<svg'):]
    text = re.sub(r'<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->', '', text, flags=re.S)
    # Matplotlib numbers groups from 1 in every figure; these ids would not be unique in the page.
    text = re.sub(r' id="[A-Za-z][\w.]*?_\d+"', '', text)
    text = re.sub(r'#[0-9a-f]{6}\b', lambda match: _theme_color(match[0]), text)
    text = re.sub(r'font-family: [^;"]*', 'font-family: system-ui, sans-serif', text)
    width, height = (round(side * PIXELS) for side in figure.get_size_inches())
    head = (
        f'<svg viewBox="\\1" role="img" aria-label="{html.escape(description)}" '
        f'width="{width}" height="{height}"'
    )
    text = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*', head, text, count=1)
    return re.sub(r'\n\s*', '\n', text).strip()


def _theme_color(color: str) -> str:
    return f'var({VARIABLES[color]})' if color in VARIABLES else color
