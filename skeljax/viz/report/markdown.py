"""Formats a report as Markdown; its plots are separate files."""

from __future__ import annotations

from collections.abc import Sequence
import re

from skeljax.viz.report.elements import (
    ClassNumber,
    Details,
    Element,
    Heading,
    KeyFigures,
    Link,
    Paragraph,
    Picture,
    Pictures,
    Table,
)


def render(elements: Sequence[Element], *, title: str, folder: str) -> str:
    """Returns the Markdown text.

    Args:
        elements: elements of the report.
        title: title of the report.
        folder: folder of the plots, relative to the text; each is `folder/NAME.png`.
    """
    parts = [f'# {_escape(title)}', *(_element(element, folder) for element in elements)]
    return '\n\n'.join(parts) + '\n'


def _element(element: Element, folder: str) -> str:
    match element:
        case Heading():
            return f'{"#" * (element.level + 1)} {_escape(element.text)}'
        case Paragraph():
            return f'> {_escape(element.text)}' if element.note else _escape(element.text)
        case KeyFigures():
            return _table(Table(('metric', 'value', 'meaning'), element.figures))
        case Table():
            return _table(element)
        case Pictures():
            parts = [_picture(picture, folder) for picture in element.pictures]
            return '\n\n'.join([*parts, *([_table(element.table)] if element.table else [])])
        case Details():
            return _details(element)


def _picture(picture: Picture, folder: str) -> str:
    address = _address(f'{folder}/{picture.name}.png')
    return f'![{_escape(picture.name)}]({address})\n\n*{_escape(picture.caption)}*'


def _details(element: Details) -> str:
    text = '\n'.join(element.lines)
    # A code fence must be longer than any run of backticks inside it.
    fence = '`' * max(3, 1 + max(map(len, re.findall('`+', text)), default=0))
    summary = f'<summary>{_escape(element.title)}</summary>'
    return f'<details>{summary}\n\n{fence}\n{text}\n{fence}\n\n</details>'


def _table(table: Table) -> str:
    numbers = range(*table.numbers)
    rule = ['---:' if column in numbers else '---' for column in range(len(table.heads))]
    lines = [[_escape(head) for head in table.heads], rule]
    lines += [[_cell(cell) for cell in row] for row in table.rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def _cell(cell) -> str:
    match cell:
        case ClassNumber():
            return str(cell.label + 1)
        case Link():
            return f'[{_escape(cell.text)}]({_address(cell.address)})'
    return _escape(cell)


def _escape(text: str) -> str:
    """Escapes the special characters of Markdown and HTML and joins lines."""
    return re.sub(r'([\\`*_\[\]<>|#&~$])', r'\\\1', ' '.join(text.split()))


def _address(text: str) -> str:
    return text.replace(' ', '%20').replace('(', '%28').replace(')', '%29')
