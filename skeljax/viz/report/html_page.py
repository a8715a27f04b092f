"""Writes a report as one HTML page that needs nothing else and looks like the viewer."""

from __future__ import annotations

import base64
from collections.abc import Sequence
import hashlib
import html
import importlib.resources
import re

from skeljax import __version__
from skeljax.viz import figure as looks
from skeljax.viz.report import svg
from skeljax.viz.report.elements import Block, Class, Details, Facts, Heading, Link, Picture, Pictures, Table, Text
from skeljax.viz.viewer import page as viewer

_ROOTS = re.compile(r':root.*?\n\}', re.S)
_START = """'use strict';
%s
Theme.start(() => {});
document.getElementById('theme').addEventListener('click', Theme.toggle);
performance.mark('shown');
"""


def render(blocks: Sequence[Block], *, title: str) -> str:
    """Writes the page; it allows itself no script but its own, and no network at all."""
    script = _START % viewer.asset('theme.js')
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    runs = [block.text for block in blocks if isinstance(block, Heading) and block.level == 1]
    texts = {
        'title': html.escape(title),
        'digest': digest,
        # The colours are the viewer's.
        'style': '\n'.join([*_ROOTS.findall(viewer.asset('style.css'))[:2], _asset('report.css')]),
        'version': __version__,
        'contents': _contents(runs) if len(runs) > 1 else '',
        'body': _body(blocks),
        'script': script,
    }
    return re.sub(r'\{\{(\w+)\}\}', lambda mark: texts[mark[1]], _asset('report.html'))


def _asset(name: str) -> str:
    return (importlib.resources.files('skeljax.viz.report') / name).read_text('utf-8')


def _contents(runs: Sequence[str]) -> str:
    links = [f'<a href="#part-{n}">{html.escape(name)}</a>' for n, name in enumerate(runs)]
    return f'<nav aria-label="Runs">{"".join(links)}</nav>'


def _body(blocks: Sequence[Block]) -> str:
    """Writes a section for each run, in it a card for each part."""
    parts, chapter, card = [], 0, False
    for block in blocks:
        if isinstance(block, Heading):
            parts.append('</section>' * card)
            if block.level == 1:
                parts.append(f'<h2 class="run" id="part-{chapter}">{html.escape(block.text)}</h2>')
                chapter += 1
                parts.append('<section class="card">')
            else:
                parts.append(f'<section class="card"><h3>{html.escape(block.text)}</h3>')
            card = True
        else:
            parts.append(_block(block))
    parts.append('</section>' * card)
    # A run with nothing to tell first has no first card.
    return re.sub(r'<section class="card">\s*</section>', '', '\n'.join(filter(None, parts)))


def _block(block: Block) -> str:
    match block:
        case Text():
            return f'<p class="{"note" if block.note else "quiet"}">{html.escape(block.text)}</p>'
        case Facts():
            shown = [
                f'<div><dt>{html.escape(fact.name)}</dt><dd class="value">{html.escape(fact.value)}</dd>'
                f'<dd class="quiet">{html.escape(fact.meaning)}</dd></div>'
                for fact in block.facts
            ]
            return f'<dl class="facts">{"".join(shown)}</dl>'
        case Table():
            return _table(block)
        case Pictures():
            shown = [*map(_picture, block.pictures), *([_table(block.table)] if block.table else [])]
            return f'<div class="pictures">{"".join(shown)}</div>'
        case Details():
            lines = html.escape('\n'.join(block.lines))
            return f'<details><summary>{html.escape(block.title)}</summary><pre>{lines}</pre></details>'
    raise TypeError(block)


def _table(block: Table) -> str:
    sides = [' class="number"' if at in range(*block.numbers) else '' for at in range(len(block.heads))]
    heads = [f'<th{s}>{html.escape(h)}</th>' for h, s in zip(block.heads, sides, strict=True)]
    rows = [
        ''.join(f'<td{side}>{_cell(cell)}</td>' for cell, side in zip(row, sides, strict=True))
        for row in block.rows
    ]
    head = f'<thead><tr>{"".join(heads)}</tr></thead>' if any(block.heads) else ''
    lines = ''.join(f'<tr>{row}</tr>' for row in rows)
    kind = '' if head else ' class="pairs"'
    return f'<div class="wide" tabindex="0"><table{kind}>{head}<tbody>{lines}</tbody></table></div>'


def _cell(cell) -> str:
    match cell:
        case Class():
            place = cell.label % len(looks.COLOURS)
            mark = f'<span class="class" style="background: var(--class-{place})"></span>'
            return f'<span class="key">{mark}{cell.label + 1}</span>'
        case Link():
            return f'<a href="{html.escape(cell.address)}">{html.escape(cell.text)}</a>'
    # An option of a command is not to break after its dashes.
    return re.sub(r'(?<!\S)--\S+', r'<span class="whole">\g<0></span>', html.escape(cell))


def _picture(picture: Picture) -> str:
    drawn = svg.inline(picture.figure, name=picture.name, told=picture.caption)
    return f'<figure>{drawn}<figcaption>{html.escape(picture.caption)}</figcaption></figure>'
