"""Collects the segments of all recordings in two tables, and checks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skeljax.errors import InputError
from skeljax.localize.segments import Segments, check


@dataclass(frozen=True, eq=False)
class Table:
    """Segments of many recordings, one per row.

    Attributes:
        video: int64[N], index of the recording among the sorted names.
        start, end, label, score: as in `Segments`.
    """

    video: np.ndarray
    start: np.ndarray
    end: np.ndarray
    label: np.ndarray
    score: np.ndarray

    def __len__(self) -> int:
        return len(self.video)

    def __getitem__(self, index) -> Table:
        """Selects rows by a slice, a mask or an array of indices."""
        return Table(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    def lengthened(self, frames: int) -> Table:
        """Returns a table with `frames` added to every end."""
        return Table(self.video, self.start, self.end + frames, self.label, self.score)


@dataclass(frozen=True, eq=False)
class Tables:
    """Proposals and true segments of a test set.

    Attributes:
        names: of the recordings, sorted.
        proposals: sorted by score, best first; ties by recording name, start, end, label, so
            that no result depends on the order of the input.
        truth: by recording, start, end, label.
        num_classes: L.
    """

    names: tuple[str, ...]
    proposals: Table
    truth: Table
    num_classes: int


def make_tables(
    predictions: Mapping[str, Segments],
    truth: Mapping[str, Segments],
    *,
    num_classes: int,
    num_frames: Mapping[str, int] | None = None,
) -> Tables:
    """Builds the tables of predictions and truth.

    Args:
        predictions: proposals by recording; a recording without an entry has none.
        truth: true segments by recording, empty ones included; scores are not read.
        num_classes: L, without background.
        num_frames: of every true recording; if given, segments must end within.

    Raises:
        InputError: an unknown recording, one without a number of frames, an invalid segment,
            or no true segment at all.
    """
    unknown = sorted(set(predictions) - set(truth))
    if unknown:
        raise InputError(f'{unknown[0]}: predicted, but not among the {len(truth)} true recordings')
    names = tuple(sorted(truth))
    if num_frames is not None:
        without = [name for name in names if name not in num_frames]
        if without:
            raise InputError(f'{without[0]}: its number of frames is missing')
    proposed = _table(predictions, names, num_classes, num_frames)
    actual = _table(truth, names, num_classes, num_frames)
    if not len(actual):
        raise InputError(f'no true segment in any of the {len(truth)} recordings')
    keys = (proposed.label, proposed.end, proposed.start, proposed.video, -proposed.score)
    proposed = proposed[np.lexsort(keys)]
    actual = actual[np.lexsort((actual.label, actual.end, actual.start, actual.video))]
    return Tables(names, proposed, actual, num_classes)


def by_group(group: np.ndarray, num_groups: int) -> list[np.ndarray]:
    """Returns the row indices of each group 0 to num_groups - 1, in their order."""
    order = np.argsort(group, kind='stable')
    bounds = np.searchsorted(group[order], np.arange(num_groups + 1))
    return [order[low:high] for low, high in zip(bounds[:-1], bounds[1:], strict=True)]


def _table(
    by_name: Mapping[str, Segments],
    names: Sequence[str],
    num_classes: int,
    num_frames: Mapping[str, int] | None,
) -> Table:
    present = [index for index, name in enumerate(names) if name in by_name]
    parts = [by_name[names[index]] for index in present]
    for index, part in zip(present, parts, strict=True):
        frames = None if num_frames is None else num_frames[names[index]]
        check(part, names[index], num_classes=num_classes, num_frames=frames)
    sizes = np.asarray([len(part) for part in parts], np.int64)

    def joined(field: str, dtype) -> np.ndarray:
        return np.concatenate([np.zeros(0, dtype), *(getattr(part, field) for part in parts)])

    return Table(
        np.repeat(np.asarray(present, np.int64), sizes),
        joined('start', np.int64),
        joined('end', np.int64),
        joined('label', np.int64),
        joined('score', np.float64),
    )
