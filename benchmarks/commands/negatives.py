"""Determines the memory of the contrast with a batch's negatives, gathered and in a ring.

    JAX_NUM_CPU_DEVICES=8 python -m benchmarks negatives [--snippets 4096 16384 65536]
        [--embed 128]

The loss and its gradient are compiled for all local devices; nothing is run.
"""

import jax

from benchmarks import negatives_memory, tables


def add_arguments(parser):
    parser.add_argument(
        '--snippets', type=int, nargs='+', default=[4096, 16_384, 65_536], metavar='N',
        help='in the global batch (default: 4096 16384 65536)',
    )
    parser.add_argument(
        '--embed', type=int, default=128, metavar='N', help='size of an embedding (default: 128)'
    )


def run(args) -> tuple[dict, str]:
    """Determines the memory; returns figures and a table."""
    found = negatives_memory.measure(args.snippets, embed=args.embed)
    return {'platform': jax.default_backend(), 'negatives': found}, tables.lines(found)
