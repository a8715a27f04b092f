"""Times the loading of batches, by the threads that training uses.

    python -m benchmarks input --config configs/ui_prmd.py:composed10 [--stage finetune]
"""

import statistics
import time

from benchmarks import corpus_training, memory, ratios, tables
from benchmarks.commands import options
from skeljax.cli import config_args
from skeljax.train import build


def add_arguments(parser):
    options.add_config(parser, 'demo')
    options.add_stage(parser)
    options.add_steps(parser)


def run(args) -> tuple[dict, str]:
    """Times the loading of batches; returns figures and a table."""
    config = config_args.load(args.config_file, args.overrides)
    build.check(config)
    stage = args.stage or 'pretrain'
    _, _, batches = corpus_training.build(config, stage)
    stream, seconds = batches.iterate(0), []
    next(stream)
    for _ in range(args.steps):
        start = time.perf_counter()
        next(stream)
        seconds.append(time.perf_counter() - start)
    cfg, mean = config[stage], statistics.mean(seconds)  # threads work in advance: no median
    figures = {
        'stage': stage,
        'batch': cfg.batch_size,
        'frames_per_example': cfg.window,
        'seconds_per_batch': mean,
        'seconds': ratios.spread(seconds),
        'examples_per_second': cfg.batch_size / mean,
        'frames_per_second': cfg.batch_size * cfg.window / mean,
        'peak_memory_mib': memory.peak_mib(),
    }
    return figures, tables.nested(figures, 'input')
