"""Times the compiled training step on one batch that stays on the devices.

    python -m benchmarks step [--config configs/bench.py:ROW] [--against torch] [--threads 2]
    python -m benchmarks step --config configs/bench.py:pair,method=aimclr --against video
    python -m benchmarks step --config configs/ui_prmd.py:composed10 [--stage finetune]

Rows of configs/bench.py have random inputs and need no corpus. With --against torch
(pip install skeljax[bench]) the same work is run in PyTorch, eager and compiled; with --against
video the step is compared with one without the snippet term. The systems run alternately, each in
its own process, on the same cores and with the same allocator settings. The ratio is to the
fastest of the others. The figures of skeljax contain all operations and bytes that the compiler
counts, those of PyTorch only the operations of products.
"""

from benchmarks.commands import options, row


def add_arguments(parser):
    options.add_config(parser, 'bench')
    options.add_stage(parser)
    options.add_steps(parser)
    options.add_against(parser, 'step')
    options.add_threads(parser)


def run(args) -> tuple[dict, str]:
    """Times a step; returns figures and a table."""
    return row.run(args, 'step')
