"""What the two training verbs share, and other verbs of several processes."""

from collections.abc import Callable, Iterator, Sequence
import contextlib
import os
from pathlib import Path
import sys

from skeljax.cli import config_args
from skeljax.data.corpus import Corpus
from skeljax.errors import InputError
from skeljax.train import cluster, run_dir as workdirs, run_lock
from skeljax.train.loop import Preempted


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
        '--distributed', action='store_true', help='be one of them; the cluster tells which'
    )
    group.add_argument(
        '--coordinator',
        metavar='HOST:PORT',
        help='where the cluster does not tell: of process 0 (default: $JAX_COORDINATOR_ADDRESS)',
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


def run(args, train: Callable[[], object]) -> int:
    """Joins the other processes where there are any, trains, returns the exit status."""
    join(args)
    return report_stop(train)


def join(args):
    """Joins the other processes where `--distributed` tells that there are any.

    Raises:
        InputError: they cannot be joined, or options go with it that is not given.
    """
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
    """Reads what tells this process its place; what is not given stands in the environment."""
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


def command(args) -> list[str]:
    """Words that start the run of these arguments again."""
    return [
        'skeljax', args.verb, '--config', args.config_file, '--workdir', args.workdir,
        *args.overrides,
    ]


def report_stop(train: Callable[[], object]) -> int:
    """Trains; returns the exit status, that of the signal where one ended it."""
    try:
        with cluster.deaths():
            train()
    except Preempted as stopped:
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


def agree(described: dict, corpora: list[Corpus]):
    """Sees that every process has the same config, packages and recordings.

    Raises:
        InputError: naming the process and what differs.
    """
    cluster.agree(
        {
            # Where the records lie may differ; how many there are may not.
            **{k: v for k, v in workdirs.flat(described) if not k.endswith('data.data_dir')},
            **{f'version of {package}': v for package, v in workdirs.versions().items()},
            **{f'recordings of {c.name} {c.split}': len(c) for c in corpora},
        }
    )


@contextlib.contextmanager
def claimed(workdir, described: dict, command: Sequence[str] = ()) -> Iterator[Path]:
    """Makes `workdir` the folder of the run that `described` tells, once for all processes.

    `command` is kept with it; see `claim.held`.

    Raises:
        InputError: it cannot be made, another process trains in it, or the processes do not
            see the same folder.
    """
    with contextlib.ExitStack() as stack:
        with cluster.together():
            if cluster.is_first():
                stack.enter_context(run_lock.held(workdir, described, command))
        with cluster.together():
            workdirs.await_claim(workdir)
        yield Path(workdir)
