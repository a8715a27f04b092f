"""Makes SVG of a figure that stands in a page: its type, its ink, dark or light."""

from __future__ import annotations

import html
import io
import re

import matplotlib
from matplotlib.figure import Figure

from skeljax.viz import figure as looks

# Colour of a picture -> the variable of the page that takes its place.
VARIABLES = {looks.INK: '--ink', looks.FAINT: '--line'} | {
    colour: f'--class-{number}' for number, colour in enumerate(looks.COLOURS)
}
PIXELS = 96  # an inch, in CSS


def inline(figure: Figure, *, name: str, told: str) -> str:
    """Writes a figure as an element of a page.

    Args:
        figure: with no colour behind it but white.
        name: unique in the page, for what the picture refers to in itself.
        told: what is to be seen, for those who do not see it.
    """
    held = io.StringIO()
    figure.patch.set_visible(False)
    for axes in figure.axes:
        axes.patch.set_visible(False)
    with matplotlib.rc_context({'svg.fonttype': 'none', 'svg.hashsalt': name}):
        figure.savefig(held, format='svg', metadata={'Date': None})
    text = held.getvalue()
    text = text[text.index('<svg'):]
    text = re.sub(r'<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->', '', text, flags=re.S)
    # Ids that only number the parts: those of two pictures would be the same.
    text = re.sub(r' id="[A-Za-z][\w.]*?_\d+"', '', text)
    text = re.sub(r'#[0-9a-f]{6}\b', lambda found: _themed(found[0]), text)
    text = re.sub(r'font-family: [^;"]*', 'font-family: system-ui, sans-serif', text)
    width, height = (round(side * PIXELS) for side in figure.get_size_inches())
    head = (
        f'<svg viewBox="\\1" role="img" aria-label="{html.escape(told)}" '
        f'width="{width}" height="{height}"'
    )
    text = re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*', head, text, count=1)
    return re.sub(r'\n\s*', '\n', text).strip()


def _themed(colour: str) -> str:
    return f'var({VARIABLES[colour]})' if colour in VARIABLES else colour
