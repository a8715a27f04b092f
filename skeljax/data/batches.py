"""Windows of recordings as batches; a batch is a pure function of its number."""

from collections.abc import Callable, Iterator, Sequence

import grain
import numpy as np

from skeljax.data.corpus import Corpus
from skeljax.data.records import Recording
from skeljax.data.sampling import Order
from skeljax.errors import InputError

_ENDLESS = 2**31


def window(recording: Recording, start: int, length: int, labels=None, ignore: int = 0) -> dict:
    """Cuts frames [start, start + length), padded with masked zeros at the end.

    Returns:
        joints float32[length, M, V, 3], mask bool[length, M] (who is there in which
        frame) and, where labels int32[T] are given, labels int32[length], padded with
        `ignore`.
    """
    cut = slice(start, start + length)
    joints = recording.joints[cut]
    missing = [(0, length - len(joints))]
    mask = recording.frame_valid[cut, None] & recording.person_valid[cut]
    example = {
        'joints': np.pad(joints, missing + [(0, 0)] * 3),
        'mask': np.pad(mask, missing + [(0, 0)]),
    }
    if labels is not None:
        example['labels'] = np.pad(labels[cut], missing, constant_values=ignore)
    return example


class Batches:
    """Training batches in a fixed random order.

    Each epoch visits every stretch of `length` frames of the chosen recordings
    once, at a place shifted at random. Which examples a batch holds depends
    only on the seed and the number of the batch, so that a resumed run sees
    what an uninterrupted one would have seen.

    Args:
        corpora: recordings of one split each; all of one layout.
        chosen: indices into each corpus; None for all.
        length: frames of a window.
        batch: examples of the global batch.
        seed: of order and places.
        labelled: adds frame labels (one corpus only).
        process: (index, count): this host's share of the batch's rows.
        stage: of the config whose window this is, for messages.

    Attributes:
        corpora, chosen, length, labelled: as given.
        subjects: who moves in each recording of each corpus, int32 each.
        first: place of this host's first row in the global batch.
        epoch_steps: batches of an epoch.

    Raises:
        InputError: no recording, no whole share of the batch, or the window is
            longer than every recording.
    """

    def __init__(
        self, corpora, *, length, batch, seed, chosen=None, labelled=False, process=(0, 1),
        stage='',
    ):
        chosen = [np.arange(len(c)) for c in corpora] if chosen is None else chosen
        pairs = zip(corpora, chosen, strict=True)
        longest = max((int(c.lengths[i]) for c, some in pairs for i in some), default=0)
        names = ' + '.join(f'{c.name} {c.split}' for c in corpora)
        if not longest:
            raise InputError(f'{names}: no recording')
        if length > longest:
            field = f'config.{stage}.window and config.{stage}.crop.length'
            mend = f': set {field} to at most {longest}' if stage else ''
            raise InputError(
                f'{names}: a window of {length} frames is longer than every recording '
                f'(the longest has {longest}){mend}'
            )
        if batch % process[1]:
            raise InputError(f'batch of {batch} is not divisible by {process[1]} processes')
        self.subjects = _subjects(corpora)
        self.corpora, self.chosen, self.length, self.labelled = corpora, chosen, length, labelled
        self._rows = batch // process[1]
        self.first = process[0] * self._rows
        # Every `length` frames of the recordings: corpus, recording, nominal start.
        self._places = [
            (number, int(recording), start)
            for number, (corpus, some) in enumerate(zip(corpora, chosen, strict=True))
            for recording in some
            for start in range(0, max(corpus.lengths[recording], 1), length)
        ]
        self._order, self._batch = Order(len(self._places), seed), batch
        self.epoch_steps = max(1, len(self._places) // batch)

    def __call__(self, step: int) -> dict:
        """Makes batch number `step`."""
        examples = [self._cut(*place) for place in self.drawn(step)]
        batch = {key: np.stack([e[key] for e in examples]) for key in examples[0]}
        batch['index'] = np.arange(self.first, self.first + self._rows, dtype=np.int32)
        return batch

    def drawn(self, step: int) -> list[tuple[int, int, int]]:
        """Lists corpus, recording and first frame of this process' rows of a batch."""
        first = step * self._batch + self.first
        drawn = self._order(first, self._rows, self.length)
        return [self._shifted(self._places[place], shift) for place, shift in drawn]

    def places(self, step: int) -> list[dict]:
        """Tells what each row of batch number `step` was cut from, those of this process.

        Returns:
            corpus, split, recording (its number there), name, start (the first frame).
        """
        return [
            {
                'corpus': self.corpora[number].name,
                'split': self.corpora[number].split,
                'recording': index,
                'name': self.corpora[number][index].name,
                'start': start,
            }
            for number, index, start in self.drawn(step)
        ]

    def iterate(self, start: int = 0) -> Iterator[dict]:
        """Makes batches `start`, `start + 1`, ... ahead of need, on threads."""
        return ahead(self, start)

    def _shifted(self, place: tuple[int, int, int], shift: int) -> tuple[int, int, int]:
        """Moves a place, by half a window at most, within the recording."""
        number, index, start = place
        last = max(0, int(self.corpora[number].lengths[index]) - self.length)
        return number, index, min(max(start + shift - self.length // 2, 0), last)

    def _cut(self, number: int, index: int, start: int) -> dict:
        corpus = self.corpora[number]
        labels = corpus.labels(index) if self.labelled else None
        example = window(corpus[index], start, self.length, labels)
        return {**example, 'subject': self.subjects[number][index]}


def ahead(make: Callable[[int], dict], start: int) -> Iterator[dict]:
    """Makes batches `start`, `start + 1`, ... ahead of need, on threads."""
    options = grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)
    return iter(grain.MapDataset.range(start, _ENDLESS).map(make).to_iter_dataset(options))


def _subjects(corpora: Sequence[Corpus]) -> list[np.ndarray]:
    """Numbers who moves in each recording, int32 each; without a name it is a person of its own."""
    numbers: dict[tuple, int] = {}

    def number(corpus, index):
        subject = corpus[index].subject
        # The configs of one corpus show the same people.
        own = (corpus.name.split('/')[0], subject) if subject else (corpus.name, index)
        return numbers.setdefault(own, len(numbers))

    return [np.array([number(c, i) for i in range(len(c))], np.int32) for c in corpora]
