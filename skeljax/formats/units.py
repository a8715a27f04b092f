"""Units of length as files spell them."""

from skeljax.errors import FormatError

SPELLED = {
    'm': 1.0, 'meter': 1.0, 'meters': 1.0, 'metre': 1.0, 'metres': 1.0,
    'cm': 0.01, 'centimeter': 0.01, 'centimeters': 0.01, 'centimetre': 0.01, 'centimetres': 0.01,
    'mm': 0.001, 'millimeter': 0.001, 'millimeters': 0.001, 'millimetre': 0.001,
    'millimetres': 0.001,
    'in': 0.0254, 'inch': 0.0254, 'inches': 0.0254, 'ft': 0.3048, 'feet': 0.3048, 'foot': 0.3048,
}


def meters(path, where: str, stated: str, given: float | None, default: float = 1.0) -> float:
    """Returns how many meters a unit is that a file spells.

    Args:
        path: of the file, for messages.
        where: place of the unit in the file, e.g. 'POINT:UNITS'.
        stated: the text of the file; '' for none.
        given: by the user, if the file holds no known unit.
        default: where neither holds one.

    Raises:
        FormatError: it is no known unit, and the user set none.
    """
    known = SPELLED.get(stated.strip().lower())
    if known is not None:
        return known
    if given is not None:
        return given
    if not stated.strip():
        return default
    raise FormatError(f'{path}: {where} {stated!r:.24}, expected mm, cm or m, or the option unit')
