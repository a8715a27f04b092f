"""Turns many decimal numbers at once from text into float64.

Sensors write millions of numbers like `-0.2181153`: at most one digit, a point,
a few digits. Eight digits are one machine word, and three multiplications turn
it into the number they spell, in all words of an array at once. Whatever looks
otherwise (`12.5`, `1e-05`) goes through `float`, one by one; the results are the
same bit for bit.
"""

import math

import numpy as np

PAD = 16  # bytes that must follow the last token
_BLOCK = 1 << 13  # tokens at a time: what is computed stays in the cache
_MINUS, _POINT, _ZERO = b'-.0'
_ZEROS, _OVER_NINE, _HIGH_BITS = (np.uint64(0x0101010101010101 * n) for n in (0x30, 0x76, 0x80))
_ONE = np.uint64(1)
_PAIRS = np.uint64(0x000000FF000000FF)
_EXACT = 2**53  # all integers up to it are float64


def padded(data: bytes) -> np.ndarray:
    """Returns text as uint8[N + PAD], without white space at its end but for one line feed."""
    return np.frombuffer(data.rstrip() + b'\n'.ljust(PAD + 1, b'\0'), np.uint8)


def parse(text: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Reads the numbers that stand at text[start:end].

    Args:
        text: uint8, with at least `PAD` bytes behind the last token.
        starts: first byte of each, int[...].
        ends: byte behind each, int[...].

    Returns:
        float64[...].

    Raises:
        ValueError: one of them is no finite number. Its index is the exception's
            first argument, its text the second.
    """
    shape, starts, ends = starts.shape, starts.ravel(), ends.ravel()
    words = np.ndarray(len(text) - 7, '<u8', text, strides=(1,))  # one from every byte on
    values = np.empty(len(starts))
    for at in range(0, len(starts), _BLOCK):
        block = slice(at, at + _BLOCK)
        values[block], regular = _regular(text, words, starts[block], ends[block])
        for index in at + np.flatnonzero(~regular):
            token = text[starts[index] : ends[index]].tobytes()
            value = number(token)
            if value is None:
                raise ValueError(int(index), token)
            values[index] = value
    return values.reshape(shape)


def _regular(text, words, starts, ends) -> tuple[np.ndarray, np.ndarray]:
    """Reads tokens of the form -D.DDD or D; returns the numbers and which were of it."""
    negative = text[starts] == _MINUS
    first = starts + negative
    whole = text[first] ^ _ZERO
    first += 2
    count = ends - first
    fraction, regular = _digits(words[first], count)
    regular &= whole <= 9
    regular &= text[first - 1] == _POINT
    values = whole * 1e8
    values += fraction
    values /= 1e8
    long = np.flatnonzero(count > 8)
    if len(long):
        more, good = _digits(words[first[long] + 8], count[long] - 8)
        exact = fraction[long] * 10**8 + more
        regular[long] &= good & (count[long] <= 16) & (whole[long] == 0) & (exact <= _EXACT)
        values[long] = exact / 1e16
    if not regular.all():
        single = np.flatnonzero((count == -1) & (whole <= 9))
        values[single], regular[single] = whole[single], True
    values *= 1 - 2 * negative.view(np.int8)
    return values, regular


def _digits(words, count) -> tuple[np.ndarray, np.ndarray]:
    """Reads the first `count` characters of each word as DDD00000; returns where all are digits."""
    # In place: fresh memory for every step would cost more than the steps.
    digits = words ^ _ZEROS
    other = _ONE << (count << 3).view(np.uint64)  # 0 from eight characters on: all are kept
    other -= _ONE
    digits &= other
    np.add(digits, _OVER_NINE, out=other)
    other |= digits
    other &= _HIGH_BITS
    good = other == 0
    # The first character is the lowest byte: pairs of digits, then fours, then all eight.
    np.right_shift(digits, np.uint64(8), out=other)
    digits *= np.uint64(10)
    digits += other
    np.right_shift(digits, np.uint64(16), out=other)
    digits &= _PAIRS
    other &= _PAIRS
    digits *= np.uint64(100 + (10**6 << 32))
    other *= np.uint64(1 + (10**4 << 32))
    digits += other
    digits >>= np.uint64(32)
    return digits.view(np.int64), good


def number(token: bytes) -> float | None:
    """Reads one number; None if it is none or not finite."""
    try:
        value = float(token.replace(b'_', b'?'))  # Python would take 1_0 for 10
    except ValueError:
        return None
    return value if math.isfinite(value) else None
