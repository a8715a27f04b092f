"""Cells of a table that a spreadsheet would run as formulas: written with a quote before them.

A cell that begins with `=`, `+`, `-`, `@`, a tab or a return is a formula to spreadsheets, which
may fetch addresses or start programs. A quote before it makes it a text, and they do not show it.
"""

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def guarded(text: str) -> str:
    """Writes a text as a cell that no spreadsheet runs; `plain` gives it back."""
    return f"'{text}" if _FORMULA.match(text) else text


def plain(cell: str) -> str:
    """Reads what `guarded` wrote, or any other cell as it is."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
