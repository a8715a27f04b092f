"""Numbers read all at once are those that `float` reads, bit for bit; so are marks and words."""

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from skeljax.formats import decimals, marks

PLAIN = st.from_regex(r'-?[0-9]?\.?[0-9]{0,18}', fullmatch=True)
ANY = st.one_of(
    PLAIN,
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-10, 10, width=32).map(lambda value: f'{value:.7g}'),
    st.floats(-10, 10).map(lambda value: f'{value:.6f}'),
    st.sampled_from(['0', '-0', '7', '-7', '+1.5', '.5', '5.', '-', '.', '-.', '1e-5', '1E5', 'nan',
                     '-inf', '1_0', '0.1_2', '0x1', '12.5', '0.99999999999999999', '--1', '1.2.3',
                     '0.9007199254740993', '9.99999999', '0.12345678901', '9.123456789', '/.5']),
)


def _parsed(tokens: list[str]) -> np.ndarray:
    text = ' '.join(tokens).encode() + b'\n'.ljust(decimals.PAD + 1, b'\0')
    ends = np.cumsum([len(token.encode()) + 1 for token in tokens]) - 1
    starts = ends - [len(token.encode()) for token in tokens]
    return decimals.parse(np.frombuffer(text, np.uint8), starts, ends)


def _is_number(token: str) -> bool:
    try:
        return np.isfinite(float(token)) and '_' not in token
    except ValueError:
        return False


@settings(max_examples=300)
@given(st.lists(ANY.filter(_is_number), min_size=1, max_size=12))
def test_numbers_are_those_of_float(tokens):
    expected = np.array([float(token) for token in tokens])
    np.testing.assert_array_equal(_parsed(tokens).view(np.uint64), expected.view(np.uint64))


@given(st.lists(ANY.filter(_is_number), max_size=5), ANY.filter(lambda t: not _is_number(t)))
def test_what_is_no_finite_number_is_told_with_its_place(tokens, bad):
    with pytest.raises(ValueError) as caught:
        _parsed([*tokens, bad])
    assert caught.value.args == (len(tokens), bad.encode())


def test_more_tokens_than_a_block_come_in_their_order():
    values = np.round(np.random.default_rng(0).normal(0, 2, 20_000), 6)
    np.testing.assert_array_equal(_parsed([f'{value:.6f}' for value in values]), values)


TEXT = st.lists(st.sampled_from(list(b' \n\t\r.-0ab')), max_size=300).map(bytes)


@given(TEXT, st.integers(1, 4), st.data())
def test_marks_are_found_counted_and_followed(text, count, data):
    words = marks.where(np.frombuffer(text, np.uint8), np.equal, ord(' '))
    expected = [place for place, character in enumerate(text) if character == ord(' ')]
    assert marks.positions(words).tolist() == expected
    assert marks.doubled(words) == sum(place + 1 in expected for place in expected)
    places = data.draw(st.lists(st.integers(0, len(text)), min_size=1))
    assert marks.before(words, np.array(places)).tolist() == [text[:p].count(b' ') for p in places]
    found = marks.following(words, np.array(places), count)
    near = [[e for e in expected if p <= e < p + 64][:count] for p in places]
    if all(len(next_) == count for next_ in near):
        assert found.T.tolist() == near
    else:
        assert found is None


@given(TEXT.map(lambda text: text + b'\n'))
def test_words_are_those_of_split(text):
    separators = marks.where(np.frombuffer(text, np.uint8), np.less_equal, ord(' '))
    begins, ends = (marks.positions(bits) for bits in marks.words_between(separators))
    begins = begins[: len(ends)]
    assert [text[a:b] for a, b in zip(begins, ends, strict=True)] == text.split()


def test_marks_of_a_long_text_do_not_depend_on_blocks():
    text = np.random.default_rng(0).integers(30, 36, 300_001).astype(np.uint8)
    words = marks.where(text, np.equal, 32)
    np.testing.assert_array_equal(marks.positions(words), np.flatnonzero(text == 32))
