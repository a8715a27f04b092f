"""Options for recordings whose files lack frame rate, layout, unit or axis."""

from skeljax.formats import vertical
from skeljax.formats.options import UNITS


def add_arguments(parser):
    """Adds `--fps`, `--layout`, `--unit`, `--up` and `--subject`."""
    group = parser.add_argument_group('properties of a recording that its file does not state')
    group.add_argument('--fps', type=float, help='frames a second')
    group.add_argument('--layout', help='joint layout, e.g. ntu25, or names of joints by commas')
    group.add_argument('--unit', help=f'{", ".join(UNITS)} or a number of meters (default: m)')
    group.add_argument(
        '--up', metavar='AXIS',
        help=f'{", ".join(vertical.AXES)} (--up=-y for the last three; default: from feet to head)',
    )
    group.add_argument('--subject', help='whose points are read from a file with several subjects')


def options(args) -> dict:
    """Returns the options as `skeljax.formats.read` takes them."""
    given = {'fps': args.fps, 'layout': args.layout, 'unit': _unit(args.unit)}
    return given | {'up': args.up, 'subject': args.subject}


def _unit(text: str | None) -> str | float | None:
    """Returns a number if the text is one."""
    try:
        return text and float(text)
    except ValueError:
        return text
