"""Times the conversion of a corpus into records, in a temporary folder.

    python -m benchmarks prepare [--corpus synthetic/default] [--manual-dir DIR]
"""

import tempfile
import time

from benchmarks import memory, ratios, tables
from benchmarks.commands import options
from skeljax.data import preparation


def add_arguments(parser):
    parser.add_argument(
        '--corpus', default='synthetic/default', help='CORPUS/CONFIG (default: synthetic/default)'
    )
    parser.add_argument('--manual-dir', help='folder of the raw files of that corpus')
    options.add_steps(parser)


def run(args) -> tuple[dict, str]:
    """Times the conversion; returns figures and a table."""
    seconds = []
    for _ in range(args.steps):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            report = preparation.prepare(args.corpus, data_dir=folder, manual_dir=args.manual_dir)
            seconds.append(time.perf_counter() - start)
    spread = ratios.spread(seconds)
    splits = report['splits'].values()
    counts = {name: sum(split[name] for split in splits) for name in ('recordings', 'frames')}
    figures = {
        'corpus': args.corpus,
        **counts,
        'seconds': spread,
        **{f'{name}_per_second': count / spread['median'] for name, count in counts.items()},
        'peak_memory_mib': memory.peak_mib(),
    }
    return figures, tables.nested(figures, 'prepare')
