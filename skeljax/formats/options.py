"""Checks the options for values that a file does not state: frame rate, layout, unit."""

import math
import numbers

from skeljax.errors import FormatError, InputError
from skeljax.formats import wanted
from skeljax.formats.wanted import Wanted

UNITS = {'m': 1.0, 'cm': 0.01, 'mm': 0.001, 'inch': 0.0254, 'foot': 0.3048}
_RATES = (0.1, 10_000.0)


def rate(path, *rates) -> float:
    """Returns the first frame rate that is not None.

    Raises:
        FormatError: there is none, or it is none that a camera has.
    """
    fps = next((fps for fps in rates if fps is not None), None)
    if fps is None:
        raise FormatError(f'{path}: no frame rate, expected the option fps')
    if not _is_number(fps) or not _RATES[0] <= fps <= _RATES[1]:
        low, high = _RATES
        raise FormatError(
            f'{path}: frame rate is {_short(fps)}, expected {low:g} to {high:g} frames per second'
        )
    return float(fps)


def layout(path, stated) -> Wanted:
    """Reads the layout given by a user or a file; see `skeljax.formats.wanted`.

    Raises:
        FormatError: there is no such layout.
    """
    try:
        return wanted.parse(stated)
    except InputError as error:
        raise FormatError(f'{path}: {error}') from None


def scale(unit) -> float:
    """Returns the meters of a unit: None for meters, one of `UNITS`, or a number of meters.

    Raises:
        InputError: it is none of these.
    """
    if unit is None:
        return 1.0
    if isinstance(unit, str) and unit in UNITS:
        return UNITS[unit]
    if _is_number(unit) and 1e-9 < unit < 1e9:
        return float(unit)
    known = ', '.join(UNITS)
    raise InputError(f'unit is {_short(unit)}, expected one of {known} or a number of meters')


def _is_number(value) -> bool:
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return real and math.isfinite(value)


def _short(value) -> str:
    return repr(value)[:40]
