"""Times the evaluators, next to plain loops like those of the published code, and the decoders.

    python -m benchmarks score [--recordings 1000] [--classes 51] [--proposals 20000]
        [--reference-recordings 50]
"""

from benchmarks import evaluators, memory, tables
from benchmarks.commands import options


def add_arguments(parser):
    for name, value, meaning in (
        ('recordings', 1000, 'number of recordings'),
        ('classes', 51, 'number of classes'),
        ('proposals', 20_000, 'number of proposals in all recordings'),
        ('reference-recordings', 50, 'number of recordings for the plain loops'),
    ):
        parser.add_argument(
            f'--{name}', type=int, default=value, metavar='N',
            help=f'{meaning} (default: {value})',
        )
    options.add_steps(parser)


def run(args) -> tuple[dict, str]:
    """Times evaluators and decoders; returns figures and a table."""
    figures = evaluators.measure(
        recordings=args.recordings,
        classes=args.classes,
        proposals=args.proposals,
        reference_recordings=args.reference_recordings,
        rounds=args.steps,
    )
    figures['peak_memory_mib'] = memory.peak_mib()
    return figures, tables.nested(figures, 'score')
