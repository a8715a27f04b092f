"""Puts the page together: template, style, scripts and data in one HTML file."""

from __future__ import annotations

import base64
from collections.abc import Sequence
import contextlib
import hashlib
import html
import importlib.resources
import json
import os
from pathlib import Path
import re

from skeljax import __version__
from skeljax.errors import InputError
from skeljax.skeletons import anatomy
from skeljax.viz import figure
from skeljax.viz.viewer import kinds
from skeljax.viz.viewer.entry import Entry

# In this order: each may use those before it.
SCRIPTS = (
    'decode.js', 'looks.js', 'theme.js', 'tip.js', 'camera.js', 'skeleton.js', 'stage.js',
    'player.js', 'timeline.js', 'curves.js', 'lists.js', 'app.js',
)


def check(path: str | os.PathLike, *, force: bool = False) -> Path:
    """Sees that a page may be written.

    Raises:
        InputError: it exists, or its folder cannot be one.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f'{path}: is a folder; name the HTML file, e.g. {path}/page.html')
    if path.exists() and not force:
        raise InputError(f'{path}: exists; choose another --out, or --force to replace it')
    return path


def write(
    path: str | os.PathLike,
    entries: Sequence[Entry],
    *,
    classes: Sequence[str],
    title: str,
    tiou: float = kinds.TIOU,
    force: bool = False,
) -> Path:
    """Writes the page beside its final name, then renames it.

    Args:
        path: HTML file.
        entries: recordings, in any order; those of one name get a number.
        classes: names of the classes.
        title: of the page.
        tiou: that `entries` were compared with, to be told.
        force: replaces a file.

    Raises:
        InputError: no entry, a folder that cannot be written, or see `check`.
    """
    path = check(path, force=force)
    if not entries:
        raise InputError(f'{path}: no recording to show')
    beside = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(render(entries, classes=classes, title=title, tiou=tiou), 'utf-8')
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise InputError(f'{path}: cannot be written: {error.strerror}') from None
    return path


def render(
    entries: Sequence[Entry], *, classes: Sequence[str], title: str, tiou: float = kinds.TIOU
) -> str:
    """Renders the page; it allows itself no script but its own, and no network at all."""
    names = _unique([entry.name for entry in entries])
    told = {
        'title': title,
        'version': __version__,
        'tiou': tiou,
        'classes': list(classes),
        'colours': list(figure.COLOURS),
        'parts': list(anatomy.PARTS),
        'kinds': list(kinds.KINDS),
        'recordings': [
            entry.described | {'name': name, 'arrays': list(entry.arrays)}
            for entry, name in zip(entries, names, strict=True)
        ],
    }
    arrays = [
        f'<script type="text/plain" id="{name}-{number}">{text}</script>'
        for number, entry in enumerate(entries)
        for name, text in entry.arrays.items()
    ]
    script = '\n'.join(["'use strict';", *map(asset, SCRIPTS)])
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    texts = {
        'title': html.escape(title),
        'digest': digest,
        'style': asset('style.css'),
        # Inside a script, `<` could end it.
        'data': json.dumps(told, separators=(',', ':')).replace('<', '\\u003c'),
        'arrays': '\n'.join(arrays),
        'script': script,
    }
    # In one pass: a text that looks like a mark stays as it is.
    return re.sub(r'\{\{(\w+)\}\}', lambda mark: texts[mark[1]], asset('page.html'))


def asset(name: str) -> str:
    """Reads a file of the page's folder."""
    return (importlib.resources.files('skeljax.viz.viewer') / 'page' / name).read_text('utf-8')


def _unique(names: Sequence[str]) -> list[str]:
    """Numbers names that come again: a, b, a (2)."""
    taken: set[str] = set()
    unique = []
    for name in names:
        number, new = 1, name
        while new in taken:
            number += 1
            new = f'{name} ({number})'
        taken.add(new)
        unique.append(new)
    return unique
