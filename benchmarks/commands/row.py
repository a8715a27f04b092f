"""Measures a row of configs/bench.py: shared by step, infer, augment and resident."""

import time

from benchmarks import corpus_training, measure, ratios, skeljax_systems, tables
from skeljax.cli import config_args
from skeljax.configs import bench
from skeljax.errors import InputError
from skeljax.train import build


def run(args, what: str) -> tuple[dict, str]:
    """Measures the row of `--config`, or a step of another config on its corpora.

    Returns:
        The figures, and a table of them.

    Raises:
        InputError: an invalid config, or a combination that is not possible.
    """
    config = config_args.load(args.config_file, args.overrides)
    build.check(config)
    stage = getattr(args, 'stage', None)
    stage = stage or (config.bench.stage if 'bench' in config else 'pretrain')
    if 'bench' in config:
        figures = measure.row(
            config, what=what, stage=stage, rounds=args.steps, threads=args.threads,
            against=args.against,
        )
    elif what != 'step' or args.against:
        option = f' --against {args.against}' if args.against else ''
        raise InputError(f'{what}{option} takes rows of configs/bench.py: {", ".join(bench.ROWS)}')
    else:
        figures = _own_step(config, stage, args.steps)
    figures = {'config': args.config_file, 'stage': stage, **figures}
    return figures, tables.systems(figures, args.config_file)


def _own_step(config, stage: str, rounds: int) -> dict:
    """Times a step on the first batch of the corpora of a config."""
    begun = time.perf_counter()
    step, state, batches = corpus_training.build(config, stage)
    system = skeljax_systems.Step(step, state, batches(0), config.seed, config.parallel, begun)
    figures = measure.run({ratios.SKELJAX: system}, rounds=rounds, dtype=config.model.dtype)
    cfg = config[stage]
    return figures | measure.rates(figures, cfg.batch_size, cfg.crop.length)
