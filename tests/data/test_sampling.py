"""The order of examples: permutations, random numbers, and that both never change."""

from hypothesis import given, strategies as st
import numpy as np
import pytest

from skeljax.data import sampling
from skeljax.data.sampling import Order


@pytest.mark.parametrize('count', [1, 2, 7, 40, 1000])
def test_an_epoch_holds_every_example_once(count):
    order = Order(count, 5)
    for epoch in (0, 1, 10**6):
        found = [index for index, _ in order(epoch * count, count, 10)]
        assert sorted(found) == list(range(count))


@given(st.integers(1, 50), st.integers(0, 2**64 - 1), st.integers(0, 10**9), st.integers(1, 60))
def test_an_example_depends_on_its_number_alone(count, seed, first, rows):
    whole = Order(count, seed)(first, rows, 300)
    single = Order(count, seed)
    assert [single(first + row, 1, 300)[0] for row in reversed(range(rows))] == whole[::-1]
    assert all(0 <= index < count and 0 <= number < 300 for index, number in whole)


def test_the_order_is_that_of_version_2():
    """Runs that were stopped continue with these; other values need another `VERSION`."""
    assert sampling.VERSION == 2
    assert Order(7, 3)(0, 14, 100) == [
        (6, 74), (1, 84), (5, 81), (2, 14), (4, 35), (3, 18), (0, 33),
        (6, 7), (4, 13), (1, 2), (0, 79), (3, 86), (2, 40), (5, 77),
    ]
    assert Order(1000, 2**31)(995, 10, 64) == [
        (951, 31), (259, 27), (206, 53), (34, 52), (244, 48),
        (754, 8), (608, 18), (734, 47), (789, 46), (177, 57),
    ]


def test_the_order_is_defined_by_the_words_of_philox():
    """By NumPy's own generator: the permutation sorts words, the numbers are words' high halves."""
    words = np.random.Philox(key=np.array([11, 0], np.uint64)).random_raw(10)
    drawn = np.random.Philox(key=np.array([11, 1], np.uint64)).random_raw(10)
    places = [*np.argsort(words[:5]), *np.argsort(words[5:])]
    numbers = [(int(word) >> 32) * 300 >> 32 for word in drawn]
    assert Order(5, 11)(0, 10, 300) == list(zip(places, numbers, strict=True))


def test_permutations_and_numbers_are_uniform_and_independent():
    count, epochs = 4, 24_000
    found = np.array(Order(count, 1)(0, count * epochs, 8)).reshape(epochs, count, 2)
    _, times = np.unique(found[..., 0] @ [64, 16, 4, 1], return_counts=True)
    assert len(times) == 24  # all permutations, 1000 times each: chi-square with 23 degrees
    assert ((times - 1000) ** 2 / 1000).sum() < 50
    pairs = np.histogram2d(found[..., 0].ravel(), found[..., 1].ravel(), bins=(4, 8))[0]
    expected = count * epochs / 32
    assert ((pairs - expected) ** 2 / expected).sum() < 62  # 31 degrees, 0.1 %


def test_other_seeds_and_epochs_give_other_orders():
    orders = {tuple(Order(40, seed)(40 * epoch, 40, 10)) for seed in (0, 1) for epoch in (0, 1)}
    assert len(orders) == 4
