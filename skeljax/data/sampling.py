"""The random order of training examples, a function of the seed and the example's number.

Random words are the raw output of NumPy's Philox generator with a fixed key. NumPy guarantees
that output for all versions (NEP 19), so that a run continues bit for bit under another version
of NumPy, Grain or TFDS.
"""

import functools

import numpy as np

# Stored in `run.json`. Runs without it used the order of Grain 0.2.
VERSION = 2

_ORDER, _DRAW = 0, 1  # second halves of Philox keys, one per stream of random words


class Order:
    """A random permutation of the examples in each epoch, and a random number for each example.

    Args:
        count: examples per epoch.
        seed: of the permutations and the numbers, in [0, 2**64).
    """

    def __init__(self, count: int, seed: int):
        self._count, self._seed = count, seed
        # Batches are made on two threads, which are in two epochs at the end of the first.
        self._permutation = functools.lru_cache(maxsize=4)(self._compute_permutation)

    def __call__(self, first: int, rows: int, below: int) -> list[tuple[int, int]]:
        """Returns examples `first` to `first + rows - 1`, numbered on through all epochs.

        Args:
            first: number of the first example.
            rows: how many examples.
            below: exclusive bound of the random numbers, at most 2**32.

        Returns:
            Of each example its index in [0, count) and its random number in [0, below). The
            numbers are uniform but for a bias of at most below / 2**32.
        """
        numbers = range(first, first + rows)
        split = [divmod(number, self._count) for number in numbers]
        indices = [int(self._permutation(epoch)[place]) for epoch, place in split]
        words = _words((self._seed, _DRAW), first, rows) >> np.uint64(32)
        drawn = (words * np.uint64(below)) >> np.uint64(32)
        return list(zip(indices, drawn.tolist(), strict=True))

    def _compute_permutation(self, epoch: int) -> np.ndarray:
        """Sorts the examples by random words, int[count]; costs O(count log count) per epoch."""
        words = _words((self._seed, _ORDER), epoch * self._count, self._count)
        return np.argsort(words, kind='stable')


def _words(key: tuple[int, int], first: int, count: int) -> np.ndarray:
    """Returns words `first` to `first + count - 1` of a stream of random words, uint64[count]."""
    block, skipped = divmod(first, 4)  # Philox makes four words per value of its counter
    stream = np.random.Philox(key=np.array(key, np.uint64), counter=block)
    return stream.random_raw(skipped + count)[skipped:]
