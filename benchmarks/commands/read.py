"""Times the readers of raw files, in comparison with a loop over lines and `float`.

    python -m benchmarks read --files FILE_OR_FOLDER ...
"""

from benchmarks import memory, readers, tables
from benchmarks.commands import options
from skeljax.errors import InputError


def add_arguments(parser):
    parser.add_argument('--files', nargs='+', default=[], help='raw files, or folders of them')
    options.add_steps(parser)


def run(args) -> tuple[dict, str]:
    """Times the readers; returns figures and a table.

    Raises:
        InputError: no files are given, or they cannot be read.
    """
    if not args.files:
        raise InputError('read needs --files: raw files, or folders of them')
    found = readers.measure(args.files, args.steps)
    figures = {'readers': found, 'peak_memory_mib': memory.peak_mib()}
    return figures, tables.nested(figures, 'read')
