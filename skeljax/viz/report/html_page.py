"""Formats a report as one self-contained HTML page in the style of the viewer."""

from __future__ import annotations

from collections.abc import Sequence
import re
from typing import NamedTuple

from markupsafe import Markup

from skeljax.viz import figure as looks, html_templates
from skeljax.viz.report import svg
from skeljax.viz.report.elements import Element, Heading, Picture
from skeljax.viz.viewer import page as viewer

_PACKAGE = 'skeljax.viz.report'
_ROOTS = re.compile(r':root.*?\n\}', re.S)
_SCRIPT = """'use strict';
%s
Theme.start(() => {});
document.getElementById('theme').addEventListener('click', Theme.toggle);
performance.mark('shown');
"""


class Section(NamedTuple):
    """A box of the page: its heading, '' for none, and its elements."""

    title: str
    elements: list[Element]


class Chapter(NamedTuple):
    """The sections under a heading of level 1."""

    title: str
    sections: list[Section]


def render(elements: Sequence[Element], *, title: str) -> str:
    """Returns the HTML; its content security policy forbids network access."""
    return html_templates.render(
        _PACKAGE,
        'report.html',
        script=_SCRIPT % viewer.asset('theme.js'),
        title=title,
        style=Markup(style()),
        chapters=_chapters(elements),
        num_colors=len(looks.COLORS),
        svg=_svg,
    )


def style() -> str:
    """Returns the CSS: the color themes of the viewer, then the rules of reports."""
    themes = _ROOTS.findall(viewer.asset('style.css'))[:2]
    return '\n'.join([*themes, html_templates.read(_PACKAGE, 'report.css')])


def _chapters(elements: Sequence[Element]) -> list[Chapter]:
    """Groups elements by their headings; chapters and sections without content are dropped."""
    chapters = [Chapter('', [Section('', [])])]
    for element in elements:
        if not isinstance(element, Heading):
            chapters[-1].sections[-1].elements.append(element)
        elif element.level == 1:
            chapters.append(Chapter(element.text, [Section('', [])]))
        else:
            chapters[-1].sections.append(Section(element.text, []))
    for chapter in chapters:
        chapter.sections[:] = [one for one in chapter.sections if one.title or one.elements]
    return [chapter for chapter in chapters if chapter.title or chapter.sections]


def _svg(picture: Picture) -> Markup:
    return Markup(
        svg.inline(picture.figure, name=picture.name, description=picture.caption)
    )
