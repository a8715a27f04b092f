"""Dealing recordings into splits: reproducible, in shares, with every class in training."""

import hashlib

from hypothesis import given, strategies as st
import pytest

from skeljax.data import splits

NAMES = ('train', 'validation', 'test')


def _sizes(dealt) -> list[int]:
    return [list(dealt.values()).count(name) for name in NAMES]


@pytest.mark.parametrize(
    ('groups', 'sizes'),
    [
        (0, [0, 0, 0]), (1, [1, 0, 0]), (2, [1, 1, 0]), (3, [1, 1, 1]), (5, [3, 1, 1]),
        (20, [14, 3, 3]), (100, [70, 15, 15]),
    ],
)
def test_the_shares(groups, sizes):
    assert _sizes(splits.deal({f'g{n}': set() for n in range(groups)}, 0)) == sizes


def test_the_order_is_that_of_the_hash():
    def place(name):
        digest = hashlib.sha256(f'3/split/{name}'.encode()).digest()
        return int.from_bytes(digest[:8], 'big')

    names = [f'g{n}' for n in range(20)]
    dealt = splits.deal(dict.fromkeys(names, frozenset()), 3)
    order = sorted(names, key=place)
    expected = dict(zip(order, ['train'] * 14 + ['validation'] * 3 + ['test'] * 3, strict=True))
    assert dealt == expected


def test_another_seed_deals_otherwise():
    names = dict.fromkeys((f'g{n}' for n in range(20)), frozenset())
    assert splits.deal(names, 0) == splits.deal(names, 0) != splits.deal(names, 1)


def test_training_takes_what_it_needs_to_show_every_class():
    groups = {'a': {'1'}, 'b': {'1'}, 'c': {'2'}, 'd': {'2', '3', '4'}, 'e': {'5'}}
    dealt = splits.deal(groups, 0)
    assert dealt['d'] == dealt['e'] == 'train'
    assert _sizes(dealt) == [3, 1, 1] and 'train' in (dealt['a'], dealt['b'])
    groups = {name: {name} for name in 'abcd'} | {'e': set()}
    dealt = splits.deal(groups, 0)
    assert _sizes(dealt) == [4, 1, 0] and dealt['e'] == 'validation'
    assert _sizes(splits.deal({name: {name} for name in 'abc'}, 0)) == [3, 0, 0]


@given(st.lists(st.sets(st.sampled_from('abcdefg')), min_size=1, max_size=30), st.integers(0, 9))
def test_training_shows_every_class_and_every_group_has_one_split(classes, seed):
    groups = {f'g{n}': some for n, some in enumerate(classes)}
    dealt = splits.deal(groups, seed)
    shown = set().union(*(groups[name] for name, split in dealt.items() if split == 'train'))
    assert shown == set().union(*classes)
    assert dealt.keys() == groups.keys() and set(dealt.values()) <= set(NAMES)
    sizes = _sizes(dealt)
    assert sizes[0] > 0 and sizes[1] in (sizes[2], sizes[2] + 1)
