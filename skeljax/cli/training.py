"""Options and exit status of training, and of other verbs that several processes run together."""

from collections.abc import Callable
import os
import sys

from skeljax.cli import config_args
from skeljax.errors import InputError


def add_arguments(parser):
    """Adds the options of a training verb."""
    config_args.add_config(parser)
    parser.add_argument('--workdir', required=True, help='folder of the run, made if absent')
    parser.add_argument('--quiet', action='store_true', help='show no progress bar')
    add_processes(parser)


def add_processes(parser):
    """Adds the options of a verb that several processes can run together."""
    group = parser.add_argument_group('several processes that work as one')
    group.add_argument(
        '--distributed', action='store_true', help='be one of them; the cluster says which'
    )
    group.add_argument(
        '--coordinator',
        metavar='HOST:PORT',
        help='address of process 0, if the cluster does not provide it '
        '(default: $JAX_COORDINATOR_ADDRESS)',
    )
    group.add_argument(
        '--num-processes', metavar='N', help='how many there are (default: $JAX_NUM_PROCESSES)'
    )
    group.add_argument(
        '--process', metavar='I', help='which this one is, from 0 (default: $JAX_PROCESS_ID)'
    )
    group.add_argument(
        '--join-timeout',
        type=float,
        default=300,
        metavar='SECONDS',
        help='give up when they have not all joined by then (default: 300)',
    )


def run(args, train: Callable[..., object]) -> int:
    """Trains by a function of `skeljax.train.run`, with other processes if there are any.

    Returns:
        The exit status.
    """
    config = config_args.load(args.config_file, args.overrides)
    words = _command(args)
    join(args)
    return report_stop(lambda: train(config, args.workdir, quiet=args.quiet, command=words))


def join(args):
    """Joins the other processes if `--distributed` is given.

    Raises:
        InputError: they cannot be joined, or an option of theirs is given without it.
    """
    from skeljax.train import cluster

    named = {
        '--coordinator': args.coordinator,
        '--num-processes': args.num_processes,
        '--process': args.process,
    }
    if args.distributed:
        cluster.join(**_place(named), timeout=args.join_timeout)
    elif given := [name for name, value in named.items() if value is not None]:
        raise InputError(f'{given[0]} goes with --distributed')


def _place(named: dict[str, str | None]) -> dict:
    """Returns the place of this process: from options, else from environment variables."""
    variables = ('JAX_COORDINATOR_ADDRESS', 'JAX_NUM_PROCESSES', 'JAX_PROCESS_ID')
    known = dict(zip(named, variables, strict=True))
    found = {
        option: os.environ.get(known[option], '') if value is None else value
        for option, value in named.items()
    }
    for option in ('--num-processes', '--process'):
        if found[option] and not found[option].isdigit():
            raise InputError(f'{option} (or ${known[option]}) is {found[option]!r}, no number')
    return {
        'coordinator': found['--coordinator'],
        'count': int(found['--num-processes'] or 0),
        'index': int(found['--process'] or -1),
    }


def _command(args) -> list[str]:
    """Returns the words that start the run of these arguments again."""
    return [
        'skeljax', args.verb, '--config', args.config_file, '--workdir', args.workdir,
        *args.overrides,
    ]


def report_stop(train: Callable[[], object]) -> int:
    """Trains; returns the exit status, that of the signal if one ended it."""
    from skeljax.train import cluster, loop

    try:
        with cluster.deaths():
            train()
    except loop.Preempted as stopped:
        if cluster.is_first():
            print(f'skeljax: {stopped}; the same command goes on from there', file=sys.stderr)
        return 128 + stopped.number
    except cluster.Died as died:
        again = 'the same command goes on from the last checkpoint'
        print(f'skeljax: {died}; {again}', file=sys.stderr)
        sys.stderr.flush()
        os._exit(cluster.DIED)  # at the usual exit JAX waits for the other processes
    except cluster.ToldByFirst:
        return 2
    return 0
