"""Builds the viewer page: one HTML file with style, scripts and data."""

from __future__ import annotations

from collections.abc import Sequence
import contextlib
import os
from pathlib import Path

from markupsafe import Markup

from skeljax import __version__
from skeljax.errors import InputError
from skeljax.skeletons import anatomy
from skeljax.viz import figure, html_templates
from skeljax.viz.viewer import kinds
from skeljax.viz.viewer.entry import Entry

_PACKAGE = 'skeljax.viz.viewer'
# In this order: a script may use those before it.
SCRIPTS = (
    'decode.js', 'looks.js', 'theme.js', 'tip.js', 'camera.js', 'skeleton.js', 'stage.js',
    'player.js', 'timeline.js', 'curves.js', 'lists.js', 'app.js',
)


def check(path: str | os.PathLike, *, force: bool = False) -> Path:
    """Checks that a page can be written to a path.

    Raises:
        InputError: the path is a folder, or a file that exists and `force` is False.
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
    """Writes the page to a temporary file, then renames it.

    Args:
        path: HTML file.
        entries: recordings in any order; repeated names get a number.
        classes: class names.
        title: title of the page.
        tiou: temporal IoU with which the entries were compared, for the page's explanations.
        force: allows an existing file to be replaced.

    Raises:
        InputError: no entries, the folder is not writable, or see `check`.
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
    """Returns the HTML; its content security policy forbids network access.

    The arguments are those of `write`.
    """
    names = _unique([entry.name for entry in entries])
    data = {
        'title': title,
        'version': __version__,
        'tiou': tiou,
        'classes': list(classes),
        'colors': list(figure.COLORS),
        'parts': list(anatomy.PARTS),
        'kinds': list(kinds.KINDS),
        'recordings': [
            entry.described | {'name': name, 'arrays': list(entry.arrays)}
            for entry, name in zip(entries, names, strict=True)
        ],
    }
    return html_templates.render(
        _PACKAGE,
        'page/page.html',
        script='\n'.join(["'use strict';", *map(asset, SCRIPTS)]),
        title=title,
        style=Markup(asset('style.css')),
        data=data,
        arrays=[entry.arrays for entry in entries],
    )


def asset(name: str) -> str:
    """Returns the text of a file of the page's folder."""
    return html_templates.read(_PACKAGE, 'page', name)


def _unique(names: Sequence[str]) -> list[str]:
    """Appends a number to repeated names: a, b, a (2)."""
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
