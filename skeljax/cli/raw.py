"""The options that tell what a file of bare coordinates does not."""

from skeljax.formats.options import UNITS


def add_arguments(parser):
    """Adds `--fps`, `--layout`, `--unit` and `--subject`."""
    group = parser.add_argument_group('of a file that does not tell it itself')
    group.add_argument('--fps', type=float, help='frames a second')
    group.add_argument('--layout', help='joint layout, e.g. ntu25')
    group.add_argument('--unit', help=f'{", ".join(UNITS)} or a number of metres (default: m)')
    group.add_argument('--subject', help='whose points to take of a file with those of several')


def options(args) -> dict:
    """Returns what was told, as `skeljax.formats.read` takes it."""
    told = {'fps': args.fps, 'layout': args.layout, 'unit': _unit(args.unit)}
    return {**told, 'subject': args.subject}


def _unit(text: str | None) -> str | float | None:
    """Reads a number where it is one."""
    try:
        return text and float(text)
    except ValueError:
        return text
