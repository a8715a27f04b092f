"""Messages: in one line, whatever a file holds."""

from hypothesis import given, strategies as st
import pytest

from skeljax.errors import FormatError, InputError, reading


@given(st.text())
def test_a_message_is_one_line_without_control_characters(text):
    message = str(InputError(f'a.csv:3: {text}'))
    assert len(message.splitlines()) == 1
    assert not [
        c for c in message if ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000
    ]
    message.encode('utf-8')
    assert str(InputError(message)) == message


def test_what_is_escaped():
    hostile = 'a\x1b[2J\x07b\nskeljax: all is well\u202ec\ud800'
    expected = r'a\x1b[2J\x07b\nskeljax: all is well\u202ec\ud800'
    assert str(FormatError(hostile)) == expected
    assert str(FormatError('größe 文 naïve')) == 'größe 文 naïve'
    assert str(InputError(3)) == '3' and str(InputError()) == ''


def test_several_messages_are_a_line_each():
    error = FormatError.of_lines(['a\x1b', 'b\nc'])
    assert str(error) == 'a\\x1b\nb\nc' and isinstance(error, FormatError)


def test_reading_lets_input_errors_through():
    with pytest.raises(FormatError, match='^mine$'), reading('a.csv'):
        raise FormatError('mine')
    with pytest.raises(FormatError, match='^a.csv: cannot be read: KeyError: 3$'), reading('a.csv'):
        raise KeyError(3)
