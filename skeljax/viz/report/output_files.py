"""The files of a report: a page, and beside it a folder of what does not go into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import os
from pathlib import Path
from typing import NamedTuple

from skeljax.errors import InputError
from skeljax.viz import figure as looks
from skeljax.viz.report import html_page, markdown
from skeljax.viz.report.elements import Block, Pictures

SUFFIXES = ('.html', '.md')
DENSITY = 200  # dots an inch, of pictures that are files


class Target(NamedTuple):
    """Where a report goes: its page, and the folder beside it."""

    page: Path
    folder: Path


def check(path: str | os.PathLike, *, force: bool = False) -> Target:
    """Sees that a report may be written.

    Raises:
        InputError: another suffix than those of `SUFFIXES`, or something is there already.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise InputError(f'{path}: a report is {" or ".join(SUFFIXES)}, not {path.suffix or "without suffix"!r}')
    if path.is_dir():
        raise InputError(f'{path}: is a folder; name a file')
    target = Target(path, path.with_name(f'{path.stem}_files'))
    if target.folder.exists() and not target.folder.is_dir():
        raise InputError(f'{target.folder}: is no folder, but what belongs to the report would go there')
    for place in target:
        if place.exists() and not force:
            raise InputError(f'{place}: exists; choose another --out, or --force to replace it')
    return target


def write(
    target: Target, blocks: Sequence[Block], *, title: str, pages: Mapping[str, str]
) -> None:
    """Writes what lies beside the page, then the page, each file under another name first.

    Args:
        target: as from `check`.
        blocks: of the report.
        title: of it.
        pages: name -> HTML, for the folder.

    Raises:
        OSError: it cannot be written.
    """
    html = target.page.suffix == '.html'
    drawn = [one for block in blocks if isinstance(block, Pictures) for one in block.pictures]
    if html:
        text = html_page.render(blocks, title=title)
    else:
        text = markdown.render(blocks, title=title, folder=target.folder.name)
        for one in drawn:
            looks.save(one.figure, target.folder / f'{one.name}.png', dpi=DENSITY)
    for name, held in pages.items():
        _put(target.folder / name, held)
    _put(target.page, text)


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        beside.write_text(text, 'utf-8')
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
