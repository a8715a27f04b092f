"""The order of training examples: any of them is found without those before it."""

import grain
import numpy as np


class Order:
    """Shuffles the examples of each epoch, and draws a number with each.

    The order and the draws are those of `grain.MapDataset.source(...).seed(seed).shuffle()
    .repeat().random_map(...)`, at a quarter of its time: what Grain notes of every example on
    the way is left out.

    Args:
        count: examples of an epoch.
        seed: of order and draws.
    """

    def __init__(self, count: int, seed: int):
        self._count = count
        # A dataset's seed is made of the one given and how many datasets lie in between.
        derive = lambda depth: int(np.random.SeedSequence((seed, depth)).generate_state(1)[0])
        self._shuffle, self._draw = derive(1), derive(3)

    def __call__(self, first: int, rows: int, below: int) -> list[tuple[int, int]]:
        """Finds examples `first`, `first + 1`, ..., counted on through the epochs.

        Args:
            first: the first one's number.
            rows: how many.
            below: bound of the numbers drawn.

        Returns:
            Of each, its place in [0, count) and the number in [0, below).
        """
        rng = np.random.Generator(np.random.Philox(self._draw))
        fresh, found = rng.bit_generator.state, []
        for number in range(first, first + rows):
            epoch, place = divmod(number, self._count)
            place = grain.experimental.index_shuffle(
                place, max_index=self._count - 1, seed=(self._shuffle + epoch) % 2**32, rounds=4
            )
            # A stream of random words for each number.
            fresh['state']['counter'] = np.array([0, 0, 0, number], np.uint64)
            rng.bit_generator.state = fresh
            found.append((place, int(rng.integers(below))))
        return found
