"""Defines the elements of a report, independent of the output format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure


class Heading(NamedTuple):
    """A heading: of a run (level 1) or of a section of it (level 2)."""

    level: int
    text: str


class Paragraph(NamedTuple):
    """A paragraph; `note` marks a notice that something is missing, and why."""

    text: str
    note: bool = False


class KeyFigure(NamedTuple):
    """A metric of the summary: its name, its formatted value and a sentence that defines it."""

    name: str
    value: str
    meaning: str


class KeyFigures(NamedTuple):
    """The metrics shown at the top of a run's report."""

    figures: Sequence[KeyFigure]


class Link(NamedTuple):
    """A table cell that links to a file beside the report."""

    text: str
    address: str


class ClassNumber(NamedTuple):
    """A table cell with the number of a class (`label` + 1) and its color."""

    label: int


class Table(NamedTuple):
    """A table whose cells are already formatted.

    Attributes:
        heads: column headings; no heading row is shown if all are empty.
        rows: rows of cells.
        numbers: half-open range of the columns that hold numbers.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str | Link | ClassNumber]]
    numbers: tuple[int, int] = (0, 0)


class Picture(NamedTuple):
    """A plot with its caption.

    Attributes:
        name: unique in the report; the stem of its file in Markdown reports.
        figure: the Matplotlib figure.
        caption: text below it.
    """

    name: str
    figure: Figure
    caption: str


class Pictures(NamedTuple):
    """Plots side by side where the page is wide enough, followed by an optional table."""

    pictures: Sequence[Picture]
    table: Table | None = None


class Details(NamedTuple):
    """Lines of preformatted text, collapsed until the reader opens them."""

    title: str
    lines: Sequence[str]


Element = Heading | Paragraph | KeyFigures | Table | Pictures | Details
