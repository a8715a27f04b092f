"""Counts of labeled frames, by class and near label changes."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from skeljax.data.corpus import Corpus  # TFDS is slow to load


class Counts(NamedTuple):
    """Numbers of labeled frames with a person.

    Attributes:
        classes: frames of each class, background last, int64[L + 1]; with `Corpus.label_sets`,
            frames of each set of classes.
        near: frames near a label change.
    """

    classes: np.ndarray
    near: int


def count(corpus: 'Corpus', chosen: Iterable[int], radius: int) -> Counts:
    """Counts the frames with a person in the chosen recordings.

    Args:
        corpus: of labeled recordings.
        chosen: their indices.
        radius: frames on either side of a label change that count as near.
    """
    sets = corpus.label_sets
    labels_known = len(corpus.classes) + 1 if sets is None else len(sets.table)
    classes, near = np.zeros(labels_known, np.int64), 0
    for index in map(int, chosen):
        labels, recording = corpus.labels(index), corpus[index]
        valid = recording.frame_valid & recording.person_valid.any(-1)
        classes += np.bincount(labels[valid], minlength=len(classes))
        near += int(near_changes(labels, valid, radius).sum())
    return Counts(classes, near)


def near_changes(labels: np.ndarray, valid: np.ndarray, radius: int) -> np.ndarray:
    """Returns which frames are near label changes, as `frame_targets.near_changes` on the device.

    A change is between two consecutive valid frames; frames beyond an invalid frame are not near.

    Args:
        labels: int[T].
        valid: bool[T].
        radius: frames before and after a change.

    Returns:
        bool[T].
    """
    near, gaps = np.zeros(len(labels), bool), np.cumsum(~valid)
    changed = valid[1:] & valid[:-1] & (labels[1:] != labels[:-1])
    for change in np.flatnonzero(changed) + 1:
        around = slice(max(change - radius, 0), change + radius)
        near[around] |= gaps[around] == gaps[change]
    return near & valid
