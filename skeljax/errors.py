"""The errors that a user can mend: bad input, told in one line."""


class InputError(ValueError):
    """Says in one line what was wrong with an input, and where."""


class FormatError(InputError):
    """Says which raw file could not be read: file, line or frame, found, expected."""
