"""Run an ablation: every variant of a sweep with every seed, then one table.

    skeljax ablate configs/ablations/matching.py --workdir out/ablations
    skeljax ablate matching:0.1 --workdir out/ablations --jobs 2 --only random --list

The text after the colon is the argument of the sweep: for the sweeps of skeljax, a factor of the
number of steps. Runs are in WORKDIR/runs, named by variant, seed and a hash of their config. Runs
that are done, by this sweep or another, are not repeated; stopped runs are resumed. Results are
WORKDIR/NAME-PROTOCOL.md, .csv, -runs.csv and .png, with all runs of the sweep that are done,
independent of --only.

--config.key=value changes every run; the changes of a variant are applied after it.
"""

import fnmatch
from pathlib import Path
import sys

from skeljax import localize, sweep as ablations
from skeljax.cli import config_args
from skeljax.errors import InputError
from skeljax.sweep import definition as sweeps, execute, gather, plan, resources, table_files


def add_arguments(parser):
    parser.add_argument('sweep', metavar='FILE[:ARG]', help='file or name of a sweep')
    parser.add_argument('--workdir', required=True, help='folder of runs, logs and results')
    parser.add_argument('--jobs', type=int, help='runs at a time (default: one per GPU or core)')
    parser.add_argument(
        '--only', nargs='+', default=[], metavar='PATTERN',
        help='run only the variants that match; * and ? are wildcards',
    )
    parser.add_argument(
        '--seeds', nargs='+', type=int, metavar='N', help="seeds (default: the sweep's)"
    )
    parser.add_argument(
        '--pretrain-seed', type=int, metavar='N',
        help='pretrain once, with this seed, for all seeds (default: once for each seed); '
        'deviations are then those of labels and fine-tuning alone',
    )
    parser.add_argument('--protocol', help="protocol of the table (default: the sweep's)")
    parser.add_argument('--list', action='store_true', help='only list every run and its state')


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
        report=_print,
    )
    if outcome.signal:
        line = f'stopped, {len(outcome.left)} runs left; the same command resumes'
        print(f'skeljax ablate: {line}', file=sys.stderr)
        return 128 + outcome.signal
    _report(args, sweep, runs, protocol)
    for failed, log, error in outcome.failed:
        print(f'skeljax ablate: {failed.folder.name} failed, see {log}: {error}', file=sys.stderr)
    for left in outcome.left:
        line = f'{left.folder.name} was not started, its pretraining failed'
        print(f'skeljax ablate: {line}', file=sys.stderr)
    return 1 if outcome.failed else 0


def load(text: str, overrides=()):
    """Loads a config with overrides and checks it, as the training verbs do."""
    from skeljax.train import build

    config = config_args.load(text, overrides)
    build.check(config)
    return config


def _joined(words: list[str]) -> list[str]:
    """Joins each `--config.key` with the value that follows it."""
    joined = []
    for word in words:
        if word.startswith('--config.'):
            joined.append(word)
        else:
            joined[-1] += f'={word}'
    return joined


def _chosen(sweep: ablations.Sweep, runs, patterns: list[str]) -> dict:
    """Returns the runs of the variants that match a pattern; without patterns all runs."""
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(name, pattern) for name in sweep.variants):
            known = ', '.join(map(repr, sweep.variants))
            raise InputError(f'--only {pattern!r} is no variant, there are: {known}')
    named = lambda name: any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns or ['*'])
    return {(name, seed): run for (name, seed), run in runs.items() if named(name)}


def _listing(runs: dict, chosen: dict) -> str:
    """Returns a list of the runs to do or to skip, with the state of each."""
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


def _print(line: str):
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
