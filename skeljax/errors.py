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
