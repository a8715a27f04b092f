"""The errors that a user can mend: bad input, told in one line."""

from collections.abc import Iterator
import contextlib


class InputError(ValueError):
    """Says in one line what was wrong with an input, and where."""


class FormatError(InputError):
    """Says which raw file could not be read: file, line or frame, found, expected."""


@contextlib.contextmanager
def writing(where) -> Iterator[None]:
    """Runs a block that writes `where`: a full or closed disk is told as an InputError."""
    try:
        yield
    except OSError as error:
        raise InputError(f'{where}: cannot be written: {error.strerror or error}') from None
