"""The options that tell what a file of bare coordinates does not."""

from skeljax.formats import vertical
from skeljax.formats.options import UNITS


def add_arguments(parser):
    """Adds `--fps`, `--layout`, `--unit`, `--up` and `--subject`."""
    group = parser.add_argument_group('of a file that does not tell it itself')
    group.add_argument('--fps', type=float, help='frames a second')
    group.add_argument('--layout', help='joint layout, e.g. ntu25, or names of joints by commas')
    group.add_argument('--unit', help=f'{", ".join(UNITS)} or a number of metres (default: m)')
    group.add_argument(
        '--up', metavar='AXIS',
        help=f'{", ".join(vertical.AXES)} (--up=-y for the last three; default: from feet to head)',
    )
    group.add_argument('--subject', help='whose points to take of a file with those of several')


def options(args) -> dict:
    """Returns what was told, as `skeljax.formats.read` takes it."""
    told = {'fps': args.fps, 'layout': args.layout, 'unit': _unit(args.unit)}
    return told | {'up': args.up, 'subject': args.subject}


def _unit(text: str | None) -> str | float | None:
    """Reads a number where it is one."""
    try:
        return text and float(text)
    except ValueError:
        return text
