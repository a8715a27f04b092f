"""Errors that a user can fix: bad input, described in one line."""

from collections.abc import Iterable, Iterator
import contextlib
import re

# Terminal control, line breaks, changes of writing direction, halves of surrogate pairs.
_CONTROL = re.compile(
    '[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]'
)
_WRITTEN = '\xa0\u200c\u200d'  # not visible, but parts of words in some languages


class InputError(ValueError):
    """Describes in one line what is wrong with an input, and where.

    Messages may quote files: control characters are escaped.
    """

    def __init__(self, message: object = ''):
        super().__init__(shown(message))

    @classmethod
    def of_lines(cls, messages: Iterable[str]):
        """Returns an error with several messages, one line each."""
        error = cls()
        lines = (line for message in messages for line in str(message).split('\n'))
        error.args = ('\n'.join(map(shown, lines)),)
        return error


class FormatError(InputError):
    """Describes why a raw file cannot be read: file, line or frame, found, expected."""


def shown(text: object) -> str:
    """Returns a text with control and invisible characters escaped."""
    plain = lambda c: c if c.isprintable() or c in _WRITTEN else _escape(c)
    text = str(text)
    return text if text.isprintable() else ''.join(map(plain, text))


def is_name(text: str) -> bool:
    """Returns whether a text can be a name: it has no control characters."""
    return not _CONTROL.search(text)


def _escape(character: str) -> str:
    return character.encode('unicode_escape').decode()


@contextlib.contextmanager
def writing(where) -> Iterator[None]:
    """Converts an OSError of a block that writes `where` to an InputError."""
    try:
        yield
    except OSError as error:
        raise InputError(f'{where}: cannot be written: {error.strerror or error}') from None


@contextlib.contextmanager
def reading(path) -> Iterator[None]:
    """Converts any exception of a block that reads `path` to a FormatError.

    Damaged files can cause exceptions that a reader does not expect; one file of many must not
    stop the others.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        reason = ' '.join(f'{type(error).__name__}: {error}'.split())[:200]
        raise FormatError(f'{path}: cannot be read: {reason}') from error
