"""The interface of a reader, and the readers that other packages provide."""

from typing import Any, Protocol

from skeljax import plugins
from skeljax.errors import InputError
from skeljax.formats.motion import Motion


class Reader(Protocol):
    """Reads the files of one format; a module with the function `read` is one.

    `read(path, *, fps=None, layout=None, unit=None, up=None, subject=None) -> Motion` takes the
    path of a file and those options of `skeljax.read` that its files need not state; the others
    are left out of its signature. It returns meters, the y axis pointing up, and raises
    `skeljax.errors.FormatError` for a damaged file. An option that is not given is not passed.
    """

    def read(self, *args: Any, **kwargs: Any) -> Motion: ...


def endings() -> tuple[str, ...]:
    """Returns the endings of file names that other packages read, lower case.

    Raises:
        InputError: the name of an entry point is no ending.
    """
    names = tuple(plugins.found(plugins.READERS))
    for name in names:
        if name[:1] not in ('.', '_') or name != name.lower():
            raise InputError(
                f'entry point {name!r} of {plugins.READERS}: expected the ending of file names in '
                f'lower case, such as .gait'
            )
    return names


def load(ending: str) -> Reader:
    """Returns the reader that another package provides for an ending.

    Raises:
        InputError: it cannot be imported, or has no function `read`.
    """
    reader = plugins.load(plugins.READERS, ending)
    if not callable(getattr(reader, 'read', None)):
        raise InputError(
            f'entry point {ending!r} of {plugins.READERS}: {reader!r:.80} has no function read'
        )
    return reader
