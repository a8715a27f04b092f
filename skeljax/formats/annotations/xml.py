"""Reads the XML of annotation programs."""

from pathlib import Path
from xml.etree import ElementTree

from skeljax.errors import FormatError


def root(path, tag: str) -> ElementTree.Element:
    """Reads the root of a document.

    Args:
        path: the file.
        tag: of the root that is expected.

    Raises:
        FormatError: it cannot be read, is no XML (names the line), or of another root.
    """
    path = Path(path)
    try:
        # Expat bounds what entities may grow to, and nothing outside the file is fetched.
        found = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        line = error.position[0]
        raise FormatError(f'{path}:{line}: no XML: {str(error).split(":")[0]}') from None
    except (OSError, ValueError, LookupError) as error:
        raise FormatError(f'{path}: cannot be read: {error}') from None
    if found.tag.rpartition('}')[2] != tag:
        raise FormatError(f'{path}: root is {found.tag!r:.40}, expected {tag}')
    return found
