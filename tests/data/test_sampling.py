"""The order of examples: what Grain's datasets give, which runs begun with them go on with."""

import grain
import numpy as np
import pytest

from skeljax.data.sampling import Order


@pytest.mark.parametrize(('count', 'seed', 'below'), [
    (1, 0, 5), (7, 3, 1), (300, 11, 300), (1000, 2**31, 64),
])
def test_order_and_draws_are_those_of_grain(count, seed, below):
    shuffled = grain.MapDataset.source(range(count)).seed(seed).shuffle().repeat()
    drawn = shuffled.random_map(lambda place, rng: (place, int(rng.integers(below))))
    order = Order(count, seed)
    for first in (0, 5, 3 * count - 2, 10**6):  # also across the end of an epoch
        assert order(first, 12, below) == [drawn[first + row] for row in range(12)]


def test_an_epoch_holds_every_place_once_in_an_order_of_its_own():
    order, places = Order(40, 5), []
    for epoch in range(2):
        places.append([place for place, _ in order(40 * epoch, 40, 10)])
        assert sorted(places[-1]) == list(range(40))
    assert places[0] != places[1]
    assert len(np.unique([number for _, number in order(0, 40, 10)])) > 5
