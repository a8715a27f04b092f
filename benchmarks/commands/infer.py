"""Times the scoring of whole recordings or clips.

    python -m benchmarks infer [--config configs/bench.py:ROW] [--against torch] [--threads 2]
"""

from benchmarks.commands import options, row


def add_arguments(parser):
    options.add_config(parser, 'bench:evaluation')
    options.add_steps(parser)
    options.add_against(parser, 'infer')
    options.add_threads(parser)


def run(args) -> tuple[dict, str]:
    """Times inference; returns figures and a table."""
    return row.run(args, 'infer')
