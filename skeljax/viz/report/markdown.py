"""Writes a report as Markdown, its pictures as files."""

from __future__ import annotations

from collections.abc import Sequence
import re

from skeljax.viz.report.elements import Block, Class, Details, Facts, Heading, Link, Pictures, Table, Text


def render(blocks: Sequence[Block], *, title: str, folder: str) -> str:
    """Writes the text.

    Args:
        blocks: of the report.
        title: of it.
        folder: of its pictures, NAME.png of each, as seen from the text.
    """
    parts = [f'# {_plain(title)}', *(_block(block, folder) for block in blocks)]
    return '\n\n'.join(parts) + '\n'


def _block(block: Block, folder: str) -> str:
    match block:
        case Heading():
            return f'{"#" * (block.level + 1)} {_plain(block.text)}'
        case Text():
            return f'> {_plain(block.text)}' if block.note else _plain(block.text)
        case Facts():
            rows = [(fact.name, fact.value, fact.meaning) for fact in block.facts]
            return _block(Table(('figure', 'value', 'meaning'), rows), folder)
        case Table():
            return _table(block)
        case Pictures():
            shown = [
                f'![{_plain(one.name)}]({_address(f"{folder}/{one.name}.png")})\n\n*{_plain(one.caption)}*'
                for one in block.pictures
            ]
            return '\n\n'.join([*shown, *([_table(block.table)] if block.table else [])])
        case Details():
            held = '\n'.join(block.lines)
            fence = '`' * max(3, 1 + max(map(len, re.findall('`+', held)), default=0))
            return f'<details><summary>{_plain(block.title)}</summary>\n\n{fence}\n{held}\n{fence}\n\n</details>'


def _table(block: Table) -> str:
    rule = ['---:' if at in range(*block.numbers) else '---' for at in range(len(block.heads))]
    lines = [[_plain(head) for head in block.heads], rule]
    lines += [[_cell(cell) for cell in row] for row in block.rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def _cell(cell) -> str:
    match cell:
        case Class():
            return str(cell.label + 1)
        case Link():
            return f'[{_plain(cell.text)}]({_address(cell.address)})'
    return _plain(cell)


def _plain(text: str) -> str:
    """Takes their meaning from the signs of Markdown and HTML, in one line."""
    return re.sub(r'([\\`*_\[\]<>|#&~$])', r'\\\1', ' '.join(text.split()))


def _address(text: str) -> str:
    return text.replace(' ', '%20').replace('(', '%28').replace(')', '%29')
