"""Run an ablation: every variant of a sweep with every seed, then one table.

    skeljax ablate configs/ablations/matching.py --workdir out/ablations
    skeljax ablate matching:0.1 --workdir out/ablations --jobs 2 --only random --list

The argument after the colon is the sweep's: for those that come with skeljax a factor of
the steps. Runs lie in WORKDIR/runs, named by what they are and a hash of their config: what
is done is not done again, by this sweep or another, and what was stopped goes on. Results
are WORKDIR/NAME-PROTOCOL.md, .csv, -runs.csv and .png; they tell of every run of the sweep
that is done, whatever --only says.

--config.key=value changes every run; what a variant changes itself comes after.
"""

import fnmatch
from pathlib import Path
import sys

from skeljax import localize, sweep as ablations
from skeljax.cli import config_args
from skeljax.errors import InputError
from skeljax.sweep import definition as sweeps, execute, gather, plan, resources, table_files


def add_arguments(parser):
    parser.add_argument('sweep', metavar='FILE[:ARG]', help='a sweep, here or one of skeljax')
    parser.add_argument('--workdir', required=True, help='for runs, logs and results')
    parser.add_argument('--jobs', type=int, help='runs at once (default: one a GPU, or a core)')
    parser.add_argument(
        '--only', nargs='+', default=[], metavar='PATTERN',
        help='run only the variants so named; * and ? stand for other letters',
    )
    parser.add_argument(
        '--seeds', nargs='+', type=int, metavar='N', help="instead of the sweep's"
    )
    parser.add_argument(
        '--pretrain-seed', type=int, metavar='N',
        help='pretrain once, with this seed, for all seeds (default: once for each); deviations '
        'are then those of labels and fine-tuning alone',
    )
    parser.add_argument('--protocol', help="of the table, instead of the sweep's")
    parser.add_argument('--list', action='store_true', help='show every run and its state only')


def parse_rest(args, rest: list[str], parser) -> None:
    """Takes `--config.key=value` words, in one word or two, as overrides of every run."""
    args.config = ''
    config_args.parse(args, rest, parser)
    args.overrides = _joined(rest)


def run(args) -> int:
    sweep = sweeps.with_seeds(sweeps.load(args.sweep), args.seeds, args.pretrain_seed)
    protocol = args.protocol or sweep.protocol
    localize.protocol(protocol)
    runs = plan.make(sweep, args.workdir, load, args.overrides)
    chosen = _chosen(sweep, runs, args.only)
    if args.list:
        print(_listing(runs, chosen))
        return 0
    outcome = execute.execute(
        plan.needed(chosen), resources.local(args.jobs), args.workdir, command=execute.SKELJAX,
        report=_tell,
    )
    if outcome.signal:
        told = f'stopped, {len(outcome.left)} runs left; the same command goes on from there'
        print(f'skeljax ablate: {told}', file=sys.stderr)
        return 128 + outcome.signal
    _report(args, sweep, runs, protocol)
    for failed, log, said in outcome.failed:
        print(f'skeljax ablate: {failed.folder.name} failed, see {log}: {said}', file=sys.stderr)
    for left in outcome.left:
        told = f'{left.folder.name} was not tried, its pretraining failed'
        print(f'skeljax ablate: {told}', file=sys.stderr)
    return 1 if outcome.failed else 0


def load(text: str, overrides=()):
    """Loads a config with overrides and checks it, as the training verbs do."""
    from skeljax.train import build

    config = config_args.load(text, overrides)
    build.check(config)
    return config


def _joined(words: list[str]) -> list[str]:
    """Makes one word of `--config.key` and the value that follows."""
    joined = []
    for word in words:
        if word.startswith('--config.'):
            joined.append(word)
        else:
            joined[-1] += f'={word}'
    return joined


def _chosen(sweep: ablations.Sweep, runs, patterns: list[str]) -> dict:
    """Picks the runs of the variants that one of the patterns names; all without any."""
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(name, pattern) for name in sweep.variants):
            known = ', '.join(map(repr, sweep.variants))
            raise InputError(f'--only {pattern!r} is no variant, there are: {known}')
    named = lambda name: any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns or ['*'])
    return {(name, seed): run for (name, seed), run in runs.items() if named(name)}


def _listing(runs: dict, chosen: dict) -> str:
    """Shows the runs that would be done or skipped, and how far each is."""
    users = {}
    for (name, _), run in runs.items():
        for one in filter(None, (run.source, run)):
            users.setdefault(one.folder, {})[name] = None
    found = plan.needed(chosen)
    rows = [
        f'{run.state():<16}  {run.folder.name}  ({"; ".join(users[run.folder])})' for run in found
    ]
    done = sum(run.done() for run in found)
    return '\n'.join([*rows, f'{len(found)} runs, {done} done, {len(found) - done} left'])


def _tell(line: str):
    print(line, file=sys.stderr, flush=True)


def _report(args, sweep: ablations.Sweep, runs: dict, protocol: str):
    found = gather.collect(runs, protocol)
    if not found:
        return
    rows = gather.compare(sweep, found)
    name, _, arg = args.sweep.partition(':')
    title = Path(name).stem + (f':{arg}' if arg else '')
    stem = Path(args.workdir) / f'{title.replace(":", "-").replace("/", "-")}-{protocol}'
    written = table_files.write(stem, sweep, runs, found, rows, title=title, protocol=protocol)
    print(table_files.text(sweep, rows))
    print(f'\n{table_files.describe(found, protocol)}\nsee {written[0]} and {written[-1].name}')
