"""JSON of other programs: what is refused; all else equals the result of Python's reader."""

import json

from hypothesis import given, strategies as st
import pytest

from skeljax import documents
from skeljax.errors import FormatError

_LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text()
_VALUES = st.recursive(_LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(_VALUES)
def test_what_is_written_is_read(value):
    text = json.dumps(value, ensure_ascii=False)
    assert json.dumps(documents.parse(text)) == json.dumps(value)
    assert json.dumps(documents.parse(json.dumps(value).encode())) == json.dumps(value)


@pytest.mark.parametrize('text, message', [
    (f'[{2**63}]', 'a whole number of 19 digits'),
    (f'{{"a": {-(2**63) - 1}}}', 'a whole number of 19 digits'),
    ('9' * 400, 'a whole number of 400 digits'),
    ('-' + '9' * 10_000, 'a whole number of 10000 digits'),
    ('[' * 100_000, 'nested too deep'),
    ('{"a":' * 100_000, 'nested too deep'),
    (r'"\ud800"', 'half of a surrogate pair'),
    (r'{"\uDFFF": 1}', 'half of a surrogate pair'),
    ('', 'Expecting value'),
])
def test_what_is_refused(text, message):
    for given_text in (text, text.encode()):
        with pytest.raises(ValueError, match=message):
            documents.parse(given_text)


def test_a_pair_of_surrogates_is_a_character():
    assert documents.parse(r'"\ud83d\ude00"') == '\U0001f600'


def test_a_file_is_an_object(tmp_path):
    path = tmp_path / 'a.json'
    for content, message in (
        (b'[]', 'a JSON list, expected an object'), (b'\xff', 'no JSON'), (b'{', 'no JSON'),
    ):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=f'{path}: {message}'):
            documents.read(path)
    path.write_text('{"a": 1}')
    assert documents.read(path) == {'a': 1}
    with pytest.raises(FormatError, match='none.json: cannot be read: No such file'):
        documents.read(tmp_path / 'none.json')
