"""Frames that show several classes at once: the sets of classes that occur, numbered.

A frame's label stays one number, so that batches, crops and the corpus on an accelerator
need not know of several: number c below L is class c alone, L is no class, and from L + 1
on are the sets of two and more classes that occur in a corpus.
"""

from collections.abc import Iterable
import dataclasses
import functools

import numpy as np

from skeljax.data.records import Recording


@dataclasses.dataclass(frozen=True)
class LabelSets:
    """The sets of classes that frames show.

    Attributes:
        table: which classes each of the S sets holds, the last column is true of the set
            without any class, bool[S, L + 1].
    """

    table: np.ndarray

    @functools.cached_property
    def _number(self) -> dict[bytes, int]:
        return {row.tobytes(): number for number, row in enumerate(self.table)}

    def label(self, recording: Recording) -> np.ndarray:
        """Numbers the set of each frame of a recording, int32[T].

        Raises:
            KeyError: a set that `collect` did not see.
        """
        shown = _shown(recording, self.table.shape[1] - 1)
        rows, inverse = np.unique(shown, axis=0, return_inverse=True)
        numbers = np.array([self._number[row.tobytes()] for row in rows], np.int32)
        return numbers[inverse.reshape(-1)]


def collect(recordings: Iterable[Recording], num_classes: int) -> LabelSets:
    """Finds the sets of classes that frames of the recordings show."""
    alone = np.eye(num_classes + 1, dtype=bool)
    known = {row.tobytes() for row in alone}
    more = []
    for recording in recordings:
        for row in np.unique(_shown(recording, num_classes), axis=0):
            if row.tobytes() not in known:
                known.add(row.tobytes())
                more.append(row)
    return LabelSets(np.concatenate([alone, np.array(more, bool).reshape(-1, num_classes + 1)]))


def _shown(recording: Recording, num_classes: int) -> np.ndarray:
    """Finds which classes each frame shows, in the last column whether none, bool[T, L + 1]."""
    shown = np.zeros((len(recording.joints), num_classes + 1), bool)
    spans = (recording.segment_start, recording.segment_end, recording.segment_label)
    for start, end, label in zip(*spans, strict=True):
        shown[start:end, label] = True
    shown[:, -1] = ~shown[:, :-1].any(1)
    return shown
