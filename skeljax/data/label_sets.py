"""Numbers the sets of classes that occur together in frames.

The label of a frame remains one number, so that batches, crops and the device dataset are the same
with one class per frame or several: number c < L is class c alone, L is no class, and numbers from
L + 1 are the sets of two or more classes that occur in a corpus.
"""

from collections.abc import Iterable
import dataclasses
import functools

import numpy as np

from skeljax.data.records import Recording


@dataclasses.dataclass(frozen=True)
class LabelSets:
    """The sets of classes that occur in frames.

    Attributes:
        table: classes in each of the S sets, bool[S, L + 1]; the last column is true for the
            empty set.
    """

    table: np.ndarray

    @functools.cached_property
    def _number(self) -> dict[bytes, int]:
        return {row.tobytes(): number for number, row in enumerate(self.table)}

    def label(self, recording: Recording) -> np.ndarray:
        """Returns the number of each frame's set of classes, int32[T].

        Raises:
            KeyError: a set that was not in the recordings given to `collect`.
        """
        shown = _shown(recording, self.table.shape[1] - 1)
        rows, inverse = np.unique(shown, axis=0, return_inverse=True)
        numbers = np.array([self._number[row.tobytes()] for row in rows], np.int32)
        return numbers[inverse.reshape(-1)]


def collect(recordings: Iterable[Recording], num_classes: int) -> LabelSets:
    """Returns the sets of classes that occur in frames of the recordings."""
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
    """Returns the classes of each frame, bool[T, L + 1]; the last column means no class."""
    shown = np.zeros((len(recording.joints), num_classes + 1), bool)
    spans = (recording.segment_start, recording.segment_end, recording.segment_label)
    for start, end, label in zip(*spans, strict=True):
        shown[start:end, label] = True
    shown[:, -1] = ~shown[:, :-1].any(1)
    return shown
