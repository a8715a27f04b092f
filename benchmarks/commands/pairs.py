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
    pairs = [(method, backbone) for method in default.METHODS for backbone in default.BACKBONES]
    return rows.compare(args, {
        f'{method} {backbone}': config_args.load(
            f'bench:pair,method={method},backbone={backbone}', args.overrides
        )
        for method, backbone in pairs
    })
