"""What a report consists of, whichever form it is written in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure


class Heading(NamedTuple):
    """A heading: of a run (level 1) or of a part of it (level 2)."""

    level: int
    text: str


class Text(NamedTuple):
    """A paragraph; `note` is something that is missing, and why."""

    text: str
    note: bool = False


class Fact(NamedTuple):
    """A figure: its name, its value as it is shown, and in one sentence what it says."""

    name: str
    value: str
    meaning: str


class Facts(NamedTuple):
    """Figures to be seen first."""

    facts: Sequence[Fact]


class Link(NamedTuple):
    """A cell that leads to a file beside the report."""

    text: str
    address: str


class Class(NamedTuple):
    """A cell with the number of a class, from 1, and its colour."""

    label: int


class Table(NamedTuple):
    """A table, its cells shown as they are written.

    Attributes:
        heads: of the columns; none are shown where all are empty.
        rows: of cells.
        numbers: columns with numbers, from the first to before the second.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str | Link | Class]]
    numbers: tuple[int, int] = (0, 0)


class Picture(NamedTuple):
    """A picture.

    Attributes:
        name: unique in the report; that of its file where it gets one.
        figure: as drawn.
        caption: below it.
    """

    name: str
    figure: Figure
    caption: str


class Pictures(NamedTuple):
    """Pictures side by side where there is room, and a table beside them."""

    pictures: Sequence[Picture]
    table: Table | None = None


class Details(NamedTuple):
    """Lines that are folded away: of a config."""

    title: str
    lines: Sequence[str]


Block = Heading | Text | Facts | Table | Pictures | Details
