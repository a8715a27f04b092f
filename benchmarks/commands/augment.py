"""Times the computation of the views of a batch.

    python -m benchmarks augment [--against numpy] [--threads 2]

With --against numpy it is compared with two processes that compute them sample by sample.
"""

from benchmarks.commands import options, row


def add_arguments(parser):
    options.add_config(parser, 'bench:augment')
    options.add_steps(parser)
    options.add_against(parser, 'augment')
    options.add_threads(parser)


def run(args) -> tuple[dict, str]:
    """Times augmentation; returns figures and a table."""
    return row.run(args, 'augment')
