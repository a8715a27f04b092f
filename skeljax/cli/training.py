"""What the two training verbs share."""

from collections.abc import Callable
import sys

from skeljax.cli import configured
from skeljax.train.loop import Stopped


def add_arguments(parser):
    """Adds the options of a training verb."""
    configured.add_config(parser)
    parser.add_argument('--workdir', required=True, help='folder of the run, made if absent')
    parser.add_argument('--quiet', action='store_true', help='show no progress bar')


def command(args) -> list[str]:
    """Words that start the run of these arguments again."""
    return [
        'skeljax', args.verb, '--config', args.config_file, '--workdir', args.workdir,
        *args.overrides,
    ]


def report_stop(train: Callable[[], object]) -> int:
    """Trains; returns the exit status, that of the signal where one ended it."""
    try:
        train()
    except Stopped as stopped:
        print(f'skeljax: {stopped}; the same command goes on from there', file=sys.stderr)
        return 128 + stopped.number
    return 0
