"""Stops at the first bad row of a file, or leaves bad rows out and counts them."""

from __future__ import annotations

from skeljax.errors import FormatError
from skeljax.localize.exchange.parsed import Row


class Faults:
    """What became of rows that cannot be taken as they are.

    Attributes:
        skip: leaves bad rows out instead of stopping.
        noted: one line for each thing that was changed.
    """

    def __init__(self, skip: bool):
        self.skip = skip
        self.noted: list[str] = []
        self._left_out: dict[str, tuple[int, str]] = {}

    def refuse(self, row: Row, kind: str, what: str):
        """Counts a bad row of this kind.

        Raises:
            FormatError: where none is to be skipped; names the row.
        """
        if not self.skip:
            raise FormatError(f'{row.where}: {what}')
        count, first = self._left_out.get(kind, (0, f'{row.where}: {what}'))
        self._left_out[kind] = count + 1, first

    def notes(self) -> tuple[str, ...]:
        """Lists what was changed and what was left out, a line each."""
        left_out = [
            f'left out {count} segments: {kind} (first: {first})'
            for kind, (count, first) in self._left_out.items()
        ]
        return (*self.noted, *left_out)
