"""Compares every row of a platform with its baseline, one after the other.

    python -m benchmarks rows [--platform gpu] [--threads 2]

The last table contains the ratio and the goal of each row. Rows that cannot be measured are left
out, with the reason.
"""

from ml_collections import ConfigDict

from benchmarks import measure, tables
from benchmarks.commands import options
from skeljax.cli import config_args
from skeljax.configs import bench
from skeljax.errors import InputError


def add_arguments(parser):
    options.add_overrides(parser)
    parser.add_argument(
        '--platform', choices=('cpu', 'gpu'), default='cpu', help='of the rows (default: cpu)'
    )
    options.add_steps(parser)
    options.add_threads(parser)


def run(args) -> tuple[dict, str]:
    """Measures the rows of a platform; returns figures and a table."""
    configs = {name: config_args.load(f'bench:{name}', args.overrides) for name in bench.ROWS}
    return compare(args, {
        name: config for name, config in configs.items() if config.bench.platform == args.platform
    })


def compare(args, configs: dict[str, ConfigDict]) -> tuple[dict, str]:
    """Measures rows against their baselines and prints the table of each.

    Args:
        args: with steps, threads and command.
        configs: name -> row.

    Returns:
        The figures of the rows, with the reasons of those left out, and a table.

    Raises:
        InputError: no row can be measured.
    """
    found, left_out = {}, {}
    for name, config in configs.items():
        row = config.bench
        try:
            found[name] = measure.row(
                config, what=row.what, stage=row.stage, rounds=args.steps, threads=args.threads,
                against=row.against,
            )
        except InputError as error:  # the results of the other rows, which take long, are kept
            left_out[name] = str(error)
            print(f'{name} left out: {error}', end='\n\n', flush=True)
            continue
        print(tables.systems(found[name], name), end='\n\n', flush=True)
    if not found:
        raise InputError(f'nothing was measured; {"; ".join(set(left_out.values()))}')
    return {'rows': found, 'left_out': left_out}, tables.rows(found)
