"""The errors that a user can mend: bad input, told in one line."""

from collections.abc import Iterable, Iterator
import contextlib
import re

# What terminals heed, what breaks a line or turns the direction of writing, halves of characters.
_CONTROL = re.compile(
    '[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]'
)
_WRITTEN = '\xa0\u200c\u200d'  # not visible, but parts of words in some languages



class InputError(ValueError):
    """Says in one line what was wrong with an input, and where.

    What a file holds may stand in the message: control characters in it are written as escapes.
    """

    def __init__(self, message: object = ''):
        super().__init__(shown(message))

    @classmethod
    def of_lines(cls, messages: Iterable[str]):
        """Makes one of several messages, a line each."""
        error = cls()
        lines = (line for message in messages for line in str(message).split('\n'))
        error.args = ('\n'.join(map(shown, lines)),)
        return error


class FormatError(InputError):
    """Says which raw file could not be read: file, line or frame, found, expected."""


def shown(text: object) -> str:
    """Writes a text so that it stays in its line, does nothing to a terminal, and hides nothing."""
    plain = lambda c: c if c.isprintable() or c in _WRITTEN else _escape(c)
    text = str(text)
    return text if text.isprintable() else ''.join(map(plain, text))


def is_name(text: str) -> bool:
    """Says whether a text can name something: no control characters are in it."""
    return not _CONTROL.search(text)


def _escape(character: str) -> str:
    return character.encode('unicode_escape').decode()


@contextlib.contextmanager
def writing(where) -> Iterator[None]:
    """Runs a block that writes `where`: a full or closed disk is told as an InputError."""
    try:
        yield
    except OSError as error:
        raise InputError(f'{where}: cannot be written: {error.strerror or error}') from None


@contextlib.contextmanager
def reading(path) -> Iterator[None]:
    """Runs a block that reads `path`: an exception of another kind becomes a FormatError.

    A damaged file may fail in a way that its reader did not expect; no file of many may stop the
    others.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        reason = ' '.join(f'{type(error).__name__}: {error}'.split())[:200]
        raise FormatError(f'{path}: cannot be read: {reason}') from error
