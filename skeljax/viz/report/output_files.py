"""Writes a report: the page and a folder beside it for the viewer and the plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import os
from pathlib import Path
from typing import NamedTuple

from skeljax.errors import InputError
from skeljax.viz import figure as looks
from skeljax.viz.report import html_page, markdown
from skeljax.viz.report.elements import Element, Pictures

SUFFIXES = ('.html', '.md')
DPI = 200  # of plots that are written as files


class Target(NamedTuple):
    """Paths of a report: its page and the folder beside it."""

    page: Path
    folder: Path


def check(path: str | os.PathLike, *, force: bool = False) -> Target:
    """Checks that a report can be written to a path.

    Args:
        path: file of the page.
        force: allows existing files to be replaced.

    Raises:
        InputError: the suffix is not one of `SUFFIXES`, or page or folder exist.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise InputError(
            f'{path}: expected a name that ends in {" or ".join(SUFFIXES)}, '
            f'found {path.suffix or "no suffix"}'
        )
    if path.is_dir():
        raise InputError(f'{path}: is a folder, expected a file')
    target = Target(path, path.with_name(f'{path.stem}_files'))
    if target.folder.exists() and not target.folder.is_dir():
        raise InputError(f'{target.folder}: is a file, expected the folder of the report')
    for place in target:
        if place.exists() and not force:
            raise InputError(f'{place}: exists; choose another --out, or --force to replace it')
    return target


def write(
    target: Target, elements: Sequence[Element], *, title: str, pages: Mapping[str, str]
) -> None:
    """Writes the files of the folder, then the page; each file is written whole or not at all.

    Args:
        target: paths from `check`.
        elements: elements of the report.
        title: title of the report.
        pages: file name -> HTML text, further pages for the folder.

    Raises:
        OSError: a file cannot be written.
    """
    if target.page.suffix == '.html':
        text = html_page.render(elements, title=title)
    else:
        text = markdown.render(elements, title=title, folder=target.folder.name)
        for element in elements:
            for one in element.pictures if isinstance(element, Pictures) else ():
                looks.save(one.figure, target.folder / f'{one.name}.png', dpi=DPI)
    for name, page in pages.items():
        _write_text(target.folder / name, page)
    _write_text(target.page, text)


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        beside.write_text(text, 'utf-8')
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
