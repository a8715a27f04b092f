"""Compares a step of every method on every backbone with one without the snippet term.

    python -m benchmarks pairs [--threads 1]
"""

from benchmarks.commands import options, rows
from skeljax.cli import config_args
from skeljax.configs import default


def add_arguments(parser):
    options.add_overrides(parser)
    options.add_steps(parser)
    options.add_threads(parser)


def run(args) -> tuple[dict, str]:
    """Measures the pairs; returns figures and a table."""
    pairs = [(host, backbone) for host in default.HOSTS for backbone in default.BACKBONES]
    return rows.compare(args, {
        f'{host} {backbone}': config_args.load(
            f'bench:pair,host={host},backbone={backbone}', args.overrides
        )
        for host, backbone in pairs
    })
