"""Counts of labeled frames by hand; the same rule on the device is tested elsewhere."""

from types import SimpleNamespace

import numpy as np

from skeljax.data import label_counts


class _Corpus:
    """Two recordings of classes 0, 1 and background 2; one frame of the second has no person."""

    classes, label_sets = ('a', 'b'), None
    _labels = (np.array([0, 0, 0, 1, 1, 2], np.int32), np.array([2, 2, 1, 1], np.int32))
    _valid = (np.ones((6, 2), bool), np.array([[0, 1], [1, 1], [1, 0], [0, 0]], bool))

    def labels(self, index):
        return self._labels[index]

    def __getitem__(self, index):
        valid = self._valid[index]
        return SimpleNamespace(frame_valid=np.ones(len(valid), bool), person_valid=valid)


def test_frames_of_the_chosen_recordings_that_show_a_person_are_counted():
    classes, near = label_counts.count(_Corpus(), [0, 1], 1)
    assert classes.tolist() == [3, 3, 3] and near == 4 + 2
    classes, near = label_counts.count(_Corpus(), np.array([0]), 2)
    assert classes.tolist() == [3, 2, 1] and near == 5


def test_sets_of_classes_are_counted_behind_the_classes():
    class Several(_Corpus):
        label_sets = SimpleNamespace(table=np.eye(5, 3, dtype=bool))
        _labels = (np.array([0, 0, 3, 3, 3, 2], np.int32), np.array([2, 2, 4, 4], np.int32))

    classes, near = label_counts.count(Several(), [0, 1], 1)
    assert classes.tolist() == [2, 0, 3, 3, 1] and near == 4 + 2


def test_frames_that_are_not_valid_do_not_count():
    class Absent(_Corpus):
        def __getitem__(self, index):
            found = super().__getitem__(index)
            found.frame_valid[:2] = False
            return found

    classes, near = label_counts.count(Absent(), [0, 1], 1)
    assert classes.tolist() == [1, 3, 1] and near == 4
