"""Times steps on windows that the devices cut from recordings that they store.

    python -m benchmarks resident [--against constant] [--threads 2]

With --against constant these are compared with steps on one batch, and on windows that the host
cuts.
"""

from benchmarks.commands import options, row


def add_arguments(parser):
    options.add_config(parser, 'bench:resident')
    options.add_stage(parser)
    options.add_steps(parser)
    options.add_against(parser, 'resident')
    options.add_threads(parser)


def run(args) -> tuple[dict, str]:
    """Times steps on a resident corpus; returns figures and a table."""
    return row.run(args, 'resident')
