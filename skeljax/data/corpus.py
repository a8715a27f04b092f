"""Reads a prepared corpus as a random-access sequence of recordings."""

from collections.abc import Iterator
import functools
from pathlib import Path

import numpy as np

from skeljax.data import label_sets, normalize, prepared, records
from skeljax.errors import InputError
from skeljax.skeletons import remap, skeleton


class Corpus:
    """The normalized recordings of one split.

    Each recording is decoded once and kept in memory unless `keep` is false.

    Attributes:
        name: as given to `skeljax prepare`, e.g. 'ui_prmd/composed10'.
        split: 'train', 'validation' or 'test'.
        classes: names of the classes without background.
        layout: joint layout, a name or a description (`skeljax.skeletons.skeleton.get`).
        fps: frames per second.
    """

    def __init__(
        self,
        data_dir,
        name: str,
        split: str,
        *,
        normalization: tuple[str, ...] = (),
        layout: str = '',
        fps: float = 0.0,
        keep: bool = True,
    ):
        """Opens a split.

        Args:
            data_dir: folder of prepared corpora.
            name: of the corpus.
            split: name of the split.
            normalization: names of steps (`skeljax.data.normalize`).
            layout: recordings are first mapped to this layout; '' keeps their own.
            fps: then they are resampled to this rate; 0 keeps their own.
            keep: keeps decoded recordings in memory.

        Raises:
            InputError: no such corpus, split, layout or step; the corpus cannot be mapped to
                the layout; a file is missing or damaged.
        """
        builder = prepared.open_folder(prepared.folder(Path(data_dir), name))
        if split not in builder.info.splits:
            known = ', '.join(sorted(builder.info.splits))
            raise InputError(f'{name}: no split {split!r}, only {known}')
        prepared.check_files(builder.info.splits[split])
        self.name, self.split = name, split
        self.classes = tuple(builder.info.metadata['classes'])
        own = builder.info.metadata['layout']
        try:
            # A layout of another package becomes a description, so that models do not need it.
            self.layout = skeleton.describe(skeleton.get(layout)) if layout else own
            remap.plan(own, self.layout)
        except InputError as error:
            raise InputError(f'{name}: {error}') from None
        self.fps = float(fps or builder.info.metadata['fps'])
        with prepared.damage(f'{name} {split}'):
            self._source = builder.as_data_source(split=split)
        resampling = (f'resample:{self.fps}',) if fps else ()
        self._normalize = normalize.compose((*resampling, *normalization))
        self._kept: dict[int, records.Recording] | None = {} if keep else None
        self.label_sets: label_sets.LabelSets | None = None

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """Returns the number of frames of each recording, int[N]."""
        return np.array([len(recording.joints) for recording in self])

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> records.Recording:
        if self._kept is not None and index in self._kept:
            return self._kept[index]
        if not 0 <= index < len(self):
            raise IndexError(index)
        with prepared.damage(f'{self.name} {self.split}: record {index}'):
            recording = records.decode(self._source[index])
            records.check(recording, len(self.classes))
        if recording.layout != self.layout:
            recording = normalize.in_layout(recording, self.layout)
        recording = self._normalize(recording)
        if self._kept is not None:
            self._kept[index] = recording
        return recording

    def __iter__(self) -> Iterator[records.Recording]:
        return (self[index] for index in range(len(self)))

    @property
    def num_joints(self) -> int:
        return self[0].joints.shape[2]

    def labels(self, index: int) -> np.ndarray:
        """Returns a label for each frame, int32[T]; background is the number of classes.

        If segments overlap, the later one counts. With `label_sets`, labels are numbers of sets
        of classes.
        """
        recording = self[index]
        if self.label_sets is not None:
            return self.label_sets.label(recording)
        labels = np.full(len(recording.joints), len(self.classes), np.int32)
        spans = (recording.segment_start, recording.segment_end, recording.segment_label)
        for start, end, label in zip(*spans, strict=True):
            labels[start:end] = label
        return labels


def splits(data_dir, name: str) -> list[str]:
    """Returns the names of the splits of a prepared corpus, training first.

    Raises:
        InputError: the corpus is not prepared there, or damaged.
    """
    info = prepared.open_folder(prepared.folder(Path(data_dir), name)).info
    order = ('train', 'validation', 'test')
    return sorted(info.splits, key=lambda s: (order.index(s) if s in order else len(order), s))


def fraction(size: int, share: float, seed: int) -> np.ndarray:
    """Returns a random `share` of `size` recordings, at least one, as sorted indices.

    The shares of one seed are nested: 10 % is a subset of 20 %. Not stratified, as in the release.

    Raises:
        InputError: the share is not in (0, 1].
    """
    return np.sort(np.random.default_rng(seed).permutation(size)[: _count(size, share)])


def stratified(shown: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Returns a random `share` of recordings, at least one, with evenly represented classes.

    Greedy: the next recording is the first in random order that contains the class of which the
    smallest fraction is covered so far; ties go to the rarer class, then to the lower number. The
    shares of one seed are nested.

    Args:
        shown: classes that each recording contains, bool[N, L].
        share: of the recordings, in (0, 1].
        seed: of the random order.

    Returns:
        Sorted indices.

    Raises:
        InputError: the share is not in (0, 1].
    """
    size = len(shown)
    left = list(np.random.default_rng(seed).permutation(size))
    totals, taken = shown.sum(0), []
    while len(taken) < _count(size, share):
        wanted = np.flatnonzero(shown[left].any(0))
        if not len(wanted):  # the remaining recordings have no labels
            taken.append(left.pop(0))
            continue
        covered = shown[taken].sum(0)[wanted] / totals[wanted]
        label = wanted[np.lexsort((wanted, totals[wanted], covered))[0]]
        place = int(np.flatnonzero(shown[left, label])[0])
        taken.append(left.pop(place))
    return np.sort(np.array(taken))


def classes_shown(corpus: Corpus) -> np.ndarray:
    """Returns the classes that each recording contains, bool[N, L]."""
    shown = np.zeros((len(corpus), len(corpus.classes)), bool)
    for row, recording in zip(shown, corpus, strict=True):
        row[recording.segment_label] = True
    return shown


def _count(size: int, share: float) -> int:
    if not 0 < share <= 1:
        raise InputError(f'label fraction {share} is not in (0, 1]')
    return max(1, round(size * share))
