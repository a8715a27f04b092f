"""Finds characters in long texts, from one bit a character.

Bits are kept in words of 64, the lowest bit for the first character: a word shows
of 64 characters at once.
"""

import numpy as np

_BLOCK = 7 << 14  # characters at a time: what is compared stays in the cache
_ONE = np.uint64(1)


def where(text: np.ndarray, compare, character: int) -> np.ndarray:
    """Marks the characters that compare with one, uint64[N // 64 + 2].

    Args:
        text: uint8[N].
        compare: e.g. `np.equal`.
        character: what they are compared with.
    """
    words = np.zeros(len(text) // 64 + 2, np.uint64)
    packed = words.view(np.uint8)
    found = np.empty(_BLOCK, bool)
    for at in range(0, len(text), _BLOCK):
        block = text[at : at + _BLOCK]
        bits = np.packbits(compare(block, character, out=found[: len(block)]), bitorder='little')
        packed[at // 8 : at // 8 + len(bits)] = bits
    return words


def positions(words: np.ndarray) -> np.ndarray:
    """Returns where the marks are, ascending, int64[N]."""
    index = np.flatnonzero(words != 0)
    left = words[index]
    counts = np.bitwise_count(left)
    place = np.cumsum(counts, dtype=np.int64) - counts
    found = np.empty(counts.sum(), np.int64)
    while len(index):
        found[place] = 64 * index + _lowest(left)
        left &= left - _ONE
        more = np.flatnonzero(left != 0)
        index, left, place = index[more], left[more], place[more] + 1
    return found


def doubled(words: np.ndarray) -> int:
    """Counts the marks that are followed by another at once."""
    following = words[:-1] >> _ONE | words[1:] << np.uint64(63)
    return int(np.bitwise_count(words[:-1] & following).sum())


def words_between(separators: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Marks where a text's words begin and, behind each, where it ends.

    Args:
        separators: marks of the characters between words; the last character is one.
    """
    carried = np.concatenate([[_ONE], separators[:-1] >> np.uint64(63)])
    previous = separators << _ONE | carried
    return ~separators & previous, separators & ~previous


def before(words: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Counts the marks before each place, int64[N]."""
    counts = np.bitwise_count(words).astype(np.int64)
    until = np.cumsum(counts) - counts
    word, bit = _split(places)
    return until[word] + np.bitwise_count(words[word] & ((_ONE << bit) - _ONE))


def following(words: np.ndarray, places: np.ndarray, count: int) -> np.ndarray | None:
    """Returns the first marks from each place on, int64[count, N].

    Returns None if they are not all among the next 64 characters.
    """
    word, bit = _split(places)
    left = words[word] >> bit | words[word + 1] << (np.uint64(64) - bit)
    offsets = np.empty((count, len(places)), np.uint8)
    for row in offsets:
        below = left - _ONE
        np.bitwise_count(below & ~left, out=row)
        left &= below
    return offsets + places if offsets.max() < 64 else None


def _lowest(words):
    """Returns the place of the lowest bit that is set, 64 where none is."""
    return np.bitwise_count((words - _ONE) & ~words)


def _split(places) -> tuple[np.ndarray, np.ndarray]:
    """Returns the word and the bit in it of each place, int64[N] and uint64[N]."""
    return places >> 6, (places & 63).astype(np.uint64)
