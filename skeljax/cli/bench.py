"""Measure speed and memory.

    skeljax bench step --config configs/ui_prmd.py:composed10 [--stage finetune]
    skeljax bench input --config configs/ui_prmd.py:composed10
    skeljax bench read --files FILE_OR_FOLDER ...
    skeljax bench score [--recordings 1000] [--classes 51] [--proposals 20000] [--twins 50]
    JAX_NUM_CPU_DEVICES=8 skeljax bench negatives [--snippets 4096 16384 65536] [--embed 128]

`step` times the compiled training step on one batch that stays on the device;
`input` times the making of batches alone; `read` times the readers of raw files,
against a loop over lines and `float`; `score` times the evaluators, beside plain loops
that work as the published ones do, and the decoders; `negatives` compiles the contrast
with a batch's negatives, gathered and passed round, for all devices that there are, and
tells the memory it would take: it runs nothing. All print JSON.
"""

import json
from pathlib import Path
import resource
import statistics
import time

import jax

from skeljax.cli import configured, finetune, pretrain
from skeljax.data import reading
from skeljax.errors import InputError
from skeljax.localize import speed
from skeljax.train import assemble, compilations, footprint, parallel


def add_arguments(parser):
    parser.add_argument('what', choices=('step', 'input', 'read', 'score', 'negatives'), help='what to measure')
    configured.add_config(parser, default='demo')
    parser.add_argument('--stage', choices=('pretrain', 'finetune'), default='pretrain')
    parser.add_argument('--steps', type=int, default=10, help='steps or rounds timed (default: 10)')
    parser.add_argument('--files', nargs='+', default=[], help='raw files, or folders of them')
    whole = dict(type=int, metavar='N')
    parser.add_argument('--recordings', default=1000, help='to score (default: 1000)', **whole)
    parser.add_argument('--classes', default=51, help='of actions (default: 51)', **whole)
    parser.add_argument('--proposals', default=20_000, help='in all (default: 20000)', **whole)
    parser.add_argument(
        '--twins', default=50, help='recordings for the plain loops (default: 50)', **whole
    )
    parser.add_argument(
        '--snippets', nargs='+', default=[4096, 16_384, 65_536],
        help='of the global batch (default: 4096 16384 65536)', **whole,
    )
    parser.add_argument('--embed', default=128, help='size of an embedding (default: 128)', **whole)
    parser.add_argument('--json', metavar='FILE', help='also write the figures here')


parse_rest = configured.parse


def run(args) -> int:
    if args.what == 'read':
        figures = measure_read(args.files, args.steps)
    elif args.what == 'score':
        figures = measure_score(args)
    elif args.what == 'negatives':
        rows = footprint.measure(args.snippets, embed=args.embed)
        figures = {'platform': jax.default_backend(), 'negatives': rows}
    else:
        config = configured.load(args.config_file, args.overrides)
        assemble.check(config)
        measure = {'step': measure_step, 'input': measure_input}[args.what]
        figures = {'stage': args.stage, **measure(config, args.stage, args.steps)}
    text = json.dumps({'what': args.what, **figures}, indent=1)
    print(text)
    if args.json:
        Path(args.json).write_text(text + '\n')
    return 0


def measure_step(config, stage: str, steps: int) -> dict:
    """Times the step of a stage on a constant batch.

    Returns:
        seconds a step (median and range), examples and frames a second, seconds
        of the first call (compilation), peak memory of the process in MiB, and
        how many programs were compiled after that.
    """
    step, state, batches = _parts(config, stage)
    chosen = config[stage]
    state = parallel.replicate(state)
    batch = parallel.shard(batches(0))
    rng = jax.device_put(jax.random.key(config.seed))
    step = parallel.data_parallel(step)
    with compilations.counted() as first:
        state, metrics = jax.block_until_ready(step(state, batch, rng))
    seconds = []
    with compilations.counted() as later:
        for _ in range(steps):
            start = time.perf_counter()
            state, metrics = jax.block_until_ready(step(state, batch, rng))
            seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds)
    return {
        'platform': jax.default_backend(),
        'devices': jax.local_device_count(),
        'batch': chosen.batch,
        'frames_per_example': chosen.crop.length,
        'seconds_per_step': median,
        'seconds_per_step_range': [min(seconds), max(seconds)],
        'examples_per_second': chosen.batch / median,
        'frames_per_second': chosen.batch * chosen.crop.length / median,
        'compile_seconds': sum(first),
        'compilations_after_the_first_step': len(later),
        'peak_memory_mib': _peak_memory(),
        'loss': float(metrics['loss']),
    }


def measure_input(config, stage: str, steps: int) -> dict:
    """Times the making of batches by the threads that training uses."""
    _, _, batches = _parts(config, stage)
    stream = batches.iterate(0)
    next(stream)
    start = time.perf_counter()
    for _ in range(steps):
        next(stream)
    seconds = (time.perf_counter() - start) / steps
    chosen = config[stage]
    return {
        'batch': chosen.batch,
        'frames_per_example': chosen.window,
        'seconds_per_batch': seconds,
        'examples_per_second': chosen.batch / seconds,
        'frames_per_second': chosen.batch * chosen.window / seconds,
    }


def measure_read(paths, rounds: int) -> dict:
    """Times the readers of raw files.

    Raises:
        InputError: no files are given, or they cannot be read.
    """
    if not paths:
        raise InputError('bench read needs --files: raw files, or folders of them')
    return {'readers': reading.measure(paths, rounds), 'peak_memory_mib': _peak_memory()}


def measure_score(args) -> dict:
    """Times evaluators and decoders, see `skeljax.localize.speed.measure`."""
    figures = speed.measure(
        recordings=args.recordings,
        classes=args.classes,
        proposals=args.proposals,
        twin_recordings=args.twins,
        rounds=args.steps,
    )
    return {**figures, 'peak_memory_mib': _peak_memory()}


def _peak_memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _parts(config, stage):
    if stage == 'pretrain':
        return pretrain.prepare(config, pretrain.open_unlabelled(config))
    return finetune.prepare(config, finetune.open_split(config, 'train'))[:3]
