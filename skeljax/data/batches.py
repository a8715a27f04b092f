"""Makes batches of windows of recordings; a batch is a pure function of its number."""

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
        joints float32[length, M, V, 3], mask bool[length, M] (persons present in each frame)
        and, if labels int32[T] are given, labels int32[length], padded with `ignore`.
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

    Each epoch contains every interval of `length` frames of the chosen recordings once, shifted
    by a random number of frames. The examples of a batch depend only on the seed and the number
    of the batch (`skeljax.data.sampling`), so that a resumed run equals an uninterrupted one.

    Args:
        corpora: one split each; all with one layout.
        chosen: indices into each corpus; None for all.
        length: frames per window.
        batch: examples of the global batch.
        seed: of the order and the shifts.
        labeled: adds frame labels (one corpus only).
        process: (index, count): the rows of the batch made in this process.
        stage: stage of the config, for messages.

    Attributes:
        corpora, chosen, length, labeled: the arguments.
        subjects: number of the subject of each recording, one int32 array per corpus.
        first: index of this process' first row in the global batch.
        epoch_steps: batches per epoch.

    Raises:
        InputError: no recording; the batch is not divisible by the processes; the window is
            longer than every recording.
    """

    def __init__(
        self, corpora, *, length, batch, seed, chosen=None, labeled=False, process=(0, 1),
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
        self.corpora, self.chosen, self.length, self.labeled = corpora, chosen, length, labeled
        self._rows = batch // process[1]
        self.first = process[0] * self._rows
        # One entry per `length` frames: corpus, recording, start before the random shift.
        self._places = [
            (number, int(recording), start)
            for number, (corpus, some) in enumerate(zip(corpora, chosen, strict=True))
            for recording in some
            for start in range(0, max(corpus.lengths[recording], 1), length)
        ]
        self._order, self._batch = Order(len(self._places), seed), batch
        self.epoch_steps = max(1, len(self._places) // batch)

    def __call__(self, step: int) -> dict:
        """Returns batch number `step`."""
        examples = [self._cut(*place) for place in self.drawn(step)]
        batch = {key: np.stack([e[key] for e in examples]) for key in examples[0]}
        batch['index'] = np.arange(self.first, self.first + self._rows, dtype=np.int32)
        return batch

    def drawn(self, step: int) -> list[tuple[int, int, int]]:
        """Returns corpus, recording and first frame of this process' rows of a batch."""
        first = step * self._batch + self.first
        drawn = self._order(first, self._rows, self.length)
        return [self._shifted(self._places[place], shift) for place, shift in drawn]

    def places(self, step: int) -> list[dict]:
        """Describes this process' rows of batch number `step`.

        Returns:
            For each row corpus, split, recording (its index), name, start (first frame).
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
        """Yields batches `start`, `start + 1`, ..., prepared in advance on threads."""
        return ahead(self, start)

    def _shifted(self, place: tuple[int, int, int], shift: int) -> tuple[int, int, int]:
        """Shifts a place by at most half a window, within the recording."""
        number, index, start = place
        last = max(0, int(self.corpora[number].lengths[index]) - self.length)
        return number, index, min(max(start + shift - self.length // 2, 0), last)

    def _cut(self, number: int, index: int, start: int) -> dict:
        corpus = self.corpora[number]
        labels = corpus.labels(index) if self.labeled else None
        example = window(corpus[index], start, self.length, labels)
        return {**example, 'subject': self.subjects[number][index]}


def ahead(make: Callable[[int], dict], start: int) -> Iterator[dict]:
    """Yields `make(start)`, `make(start + 1)`, ..., prepared in advance on threads."""
    options = grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)
    return iter(grain.MapDataset.range(start, _ENDLESS).map(make).to_iter_dataset(options))


def _subjects(corpora: Sequence[Corpus]) -> list[np.ndarray]:
    """Numbers the subjects of all recordings; one without a name gets a number of its own."""
    numbers: dict[tuple, int] = {}

    def number(corpus, index):
        subject = corpus[index].subject
        # Configs of one corpus contain the same people.
        own = (corpus.name.split('/')[0], subject) if subject else (corpus.name, index)
        return numbers.setdefault(own, len(numbers))

    return [np.array([number(c, i) for i in range(len(c))], np.int32) for c in corpora]
