"""Measure speed and memory.

    skeljax bench step [--config configs/bench.py:ROW] [--against torch] [--threads 2]
    skeljax bench infer [--config configs/bench.py:ROW] [--against torch]
    skeljax bench augment [--against numpy]
    skeljax bench resident [--against constant]
    skeljax bench rows [--platform gpu]
    skeljax bench pairs
    skeljax bench step --config configs/ui_prmd.py:composed10 [--stage finetune]
    skeljax bench input --config configs/ui_prmd.py:composed10
    skeljax bench prepare [--corpus synthetic/default]
    skeljax bench read --files FILE_OR_FOLDER ...
    skeljax bench score [--recordings 1000] [--classes 51] [--proposals 20000] [--twins 50]
    skeljax bench stream [--config configs/bench.py:ROW] [--window 256] [--hop 16] [--ahead 32]
    JAX_NUM_CPU_DEVICES=8 skeljax bench negatives [--snippets 4096 16384 65536] [--embed 128]
    JAX_NUM_CPU_DEVICES=8 skeljax bench collectives [--config configs/bench.py:ROW] \\
        [--devices 2 4 8] [--step-ms 100]

`step` times the compiled training step on one batch that stays on the device, `infer` the
scoring of whole recordings or clips. Rows of configs/bench.py have made-up inputs and need no
corpus; with `--against torch` (pip install skeljax[bench]) the same work in PyTorch, eager and
compiled, is run in turn with it, each in a process of its own, on the same cores, with the same
allocator settings, and the ratio to the better of the two is told; with `--against video` the
step is run in turn with one that has no snippet term. `augment` times the making
of a batch's views, with `--against numpy` beside two processes that make them sample by sample.
`resident` times steps on windows that the devices cut from recordings they hold, with
`--against constant` beside steps on one batch and on windows that the host cuts. `rows` does
that for every row of a platform, beside what it has a goal against. `input` times the making of
batches alone; `prepare` the conversion of a corpus; `read` the readers of raw files, against a
loop over lines and `float`; `score` times the evaluators, beside plain loops that work as the
published ones do, and the decoders; `stream` times what `skeljax stream` does with each frame
of --seconds of made-up bodies at 30 frames a second, on one core where --threads does not tell
otherwise; `negatives` compiles the contrast with a batch's negatives, gathered and passed
round, for all devices that there are, and tells the memory it would take: it runs nothing. Nor
does `collectives`, which compiles a step of pretraining for --devices (default: all that there
are), and tells what they send each other. The batch of the config is that of the most devices;
fewer take as many videos each. Of three numbers or more it tells the growth too, and what
published link speeds make of it on 1 to 1,024 devices, where one takes --step-ms for a step;
docs/scaling.md tells what is assumed.

All print a table and write their figures with --json. The compiler counts operations and bytes
of ours, PyTorch counts the operations of its products alone.
"""

import json
from pathlib import Path
import statistics
import tempfile
import time

import jax

from skeljax.bench import collectives, compare, latency, measure, memory, ours, scaling, show
from skeljax.cli import config_args, finetune, predict, prepare, pretrain
from skeljax.configs import bench as rows, default
from skeljax.data import reading
from skeljax.errors import InputError
from skeljax.inference import streaming
from skeljax.localize import speed
from skeljax.train import build, footprint

# What to measure -> the config that it takes where none is given.
_CONFIGS = dict(
    step='bench', infer='bench:evaluation', augment='bench:augment', resident='bench:resident',
    input='demo', stream='bench', collectives='bench',
)
_OTHERS = ('rows', 'pairs', 'prepare', 'read', 'score', 'negatives')


def add_arguments(parser):
    whats = *_CONFIGS, *_OTHERS
    parser.add_argument('what', choices=whats, metavar='WHAT', help=f'one of {", ".join(whats)}')
    config_args.add_config(parser, default='')
    parser.add_argument(
        '--stage', choices=('pretrain', 'finetune'), help='of step and input (default: pretrain)'
    )
    parser.add_argument('--steps', type=int, default=10, help='steps or rounds timed (default: 10)')
    parser.add_argument('--against', choices=tuple(measure.OTHERS), help='run the same work of it in turn')
    parser.add_argument('--threads', type=int, default=0, help='cores a side (default: all)')
    parser.add_argument('--platform', choices=('cpu', 'gpu'), default='cpu', help='of rows')
    parser.add_argument('--files', nargs='+', default=[], help='raw files, or folders of them')
    parser.add_argument(
        '--corpus', default='synthetic/default', help='to prepare (default: synthetic/default)'
    )
    parser.add_argument('--manual-dir', help='where the raw files of that corpus are')
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
    parser.add_argument('--seconds', default=60, help='of a stream (default: 60)', **whole)
    parser.add_argument('--devices', nargs='+', help='to compile for (default: all)', **whole)
    parser.add_argument(
        '--step-ms', type=float, default=100, help='of a step on one device (default: 100)'
    )
    predict.add_window(parser, streaming.WINDOW)
    parser.add_argument('--json', metavar='FILE', help='write the figures here')


parse_rest = config_args.parse


def run(args) -> int:
    if args.steps < 1:
        raise InputError(f'--steps {args.steps}: expected 1 or more')
    figures, shown = _MEASURES[args.what](args)
    print(shown)
    if args.json:
        text = json.dumps({'what': args.what, **figures}, indent=1)
        Path(args.json).write_text(text + '\n')
    return 0


def measure_row(args) -> tuple[dict, str]:
    """Times a training step or inference; returns figures and the table of them."""
    name = args.config_file or _CONFIGS[args.what]
    config = config_args.load(name, args.overrides)
    build.check(config)
    stage = args.stage or (config.bench.stage if 'bench' in config else 'pretrain')
    if 'bench' in config:
        figures = measure.row(
            config, what=args.what, stage=stage, rounds=args.steps, threads=args.threads,
            against=args.against,
        )
    elif args.what != 'step' or args.against:
        told = f'--against {args.against}' if args.against else f'bench {args.what}'
        raise InputError(f'{told} takes rows of configs/bench.py: {", ".join(rows.ROWS)}')
    else:
        begun = time.perf_counter()
        step, state, batches = _parts(config, stage)
        side = ours.Step(step, state, batches(0), config.seed, config.parallel, begun)
        sides = {compare.OURS: side}
        figures = measure.run(sides, rounds=args.steps, dtype=config.model.dtype)
        figures |= measure.rates(figures, config[stage].batch, config[stage].crop.length)
    figures = {'config': name, 'stage': stage, **figures}
    return figures, show.sides(figures, name)


def measure_rows(args) -> tuple[dict, str]:
    """Compares every row of a platform with the others it is for, one after the other."""
    configs = {name: config_args.load(f'bench:{name}', args.overrides) for name in rows.ROWS}
    return _in_turn(args, {
        name: config for name, config in configs.items() if config.bench.platform == args.platform
    })


def measure_pairs(args) -> tuple[dict, str]:
    """Compares a step of every method on every backbone with one that has no snippet term."""
    pairs = [(method, backbone) for method in default.METHODS for backbone in default.BACKBONES]
    return _in_turn(args, {
        f'{method} {backbone}': config_args.load(
            f'bench:pair,method={method},backbone={backbone}', args.overrides
        )
        for method, backbone in pairs
    })


def _in_turn(args, configs: dict) -> tuple[dict, str]:
    """Measures rows one after the other; those that cannot be are told and left out."""
    found, left_out = {}, {}
    for name, config in configs.items():
        told = config.bench
        try:
            found[name] = measure.row(
                config, what=told.what, stage=told.stage, rounds=args.steps, threads=args.threads,
                against=told.against,
            )
        except InputError as error:  # the others took long enough to be told
            left_out[name] = str(error)
            print(f'{name} left out: {error}', end='\n\n', flush=True)
            continue
        print(show.sides(found[name], name), end='\n\n', flush=True)
    if not found:
        raise InputError(f'bench {args.what}: nothing was measured; {"; ".join(set(left_out.values()))}')
    return {'rows': found, 'left_out': left_out}, show.rows(found)


def measure_input(args) -> tuple[dict, str]:
    """Times the making of batches by the threads that training uses."""
    config = config_args.load(args.config_file or _CONFIGS['input'], args.overrides)
    build.check(config)
    stage = args.stage or 'pretrain'
    _, _, batches = _parts(config, stage)
    stream, seconds = batches.iterate(0), []
    next(stream)
    for _ in range(args.steps):
        start = time.perf_counter()
        next(stream)
        seconds.append(time.perf_counter() - start)
    chosen, mean = config[stage], statistics.mean(seconds)  # threads work ahead: no median
    figures = {
        'stage': stage,
        'batch': chosen.batch,
        'frames_per_example': chosen.window,
        'seconds_per_batch': mean,
        'seconds': compare.spread(seconds),
        'examples_per_second': chosen.batch / mean,
        'frames_per_second': chosen.batch * chosen.window / mean,
        'peak_memory_mib': memory.peak_mib(),
    }
    return figures, show.plain(figures, 'input')


def measure_prepare(args) -> tuple[dict, str]:
    """Times the conversion of a corpus into records, in a folder that is removed."""
    seconds = []
    for _ in range(args.steps):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            report = prepare.prepare(args.corpus, data_dir=folder, manual_dir=args.manual_dir)
            seconds.append(time.perf_counter() - start)
    around = compare.spread(seconds)
    splits = report['splits'].values()
    counts = {name: sum(split[name] for split in splits) for name in ('recordings', 'frames')}
    figures = {
        'corpus': args.corpus,
        **counts,
        'seconds': around,
        **{f'{name}_per_second': count / around['median'] for name, count in counts.items()},
        'peak_memory_mib': memory.peak_mib(),
    }
    return figures, show.plain(figures, 'prepare')


def measure_read(args) -> tuple[dict, str]:
    """Times the readers of raw files.

    Raises:
        InputError: no files are given, or they cannot be read.
    """
    if not args.files:
        raise InputError('bench read needs --files: raw files, or folders of them')
    readers = reading.measure(args.files, args.steps)
    figures = {'readers': readers, 'peak_memory_mib': memory.peak_mib()}
    return figures, show.plain(figures, 'read')


def measure_score(args) -> tuple[dict, str]:
    """Times evaluators and decoders, see `skeljax.localize.speed.measure`."""
    figures = speed.measure(
        recordings=args.recordings,
        classes=args.classes,
        proposals=args.proposals,
        twin_recordings=args.twins,
        rounds=args.steps,
    )
    figures['peak_memory_mib'] = memory.peak_mib()
    return figures, show.plain(figures, 'score')


def measure_stream(args) -> tuple[dict, str]:
    """Times a stream of made-up frames, see `skeljax.bench.latency.measure`.

    Raises:
        InputError: a config that is no row of configs/bench.py, or nothing to time.
    """
    name = args.config_file or _CONFIGS['stream']
    config = config_args.load(name, args.overrides)
    if 'bench' not in config:
        raise InputError(f'bench stream takes rows of configs/bench.py: {", ".join(rows.ROWS)}')
    if args.seconds < 1:
        raise InputError(f'--seconds {args.seconds}: expected 1 or more')
    window = predict.window(args) or streaming.WINDOW
    with latency.cores(args.threads or 1):
        figures = latency.measure(config, window, round(args.seconds * latency.FPS))
    return {'config': name, **figures}, show.plain(figures, name)


def measure_negatives(args) -> tuple[dict, str]:
    """Tells the memory of the contrast with a batch's negatives."""
    found = footprint.measure(args.snippets, embed=args.embed)
    figures = {'platform': jax.default_backend(), 'negatives': found}
    return figures, show.lines(found)


def measure_collectives(args) -> tuple[dict, str]:
    """Tells what devices send each other in a step, see `skeljax.bench.collectives`.

    Raises:
        InputError: too few devices, or a batch that does not fit.
    """
    if args.step_ms <= 0:
        raise InputError(f'--step-ms {args.step_ms:g}: expected more than 0')
    name, numbers = args.config_file or _CONFIGS[args.what], args.devices
    numbers = sorted(set(numbers or [jax.local_device_count()]))
    config = config_args.load(name, args.overrides)
    build.check(config)
    if 'bench' in config:
        shown = config.data.layout, config.bench.persons
    else:
        corpora = pretrain.open_unlabelled(config)
        shown = corpora[0].layout, corpora[0][0].joints.shape[1]
    each, odd = divmod(config.pretrain.batch, numbers[-1])
    if odd or not each:
        raise InputError(
            f'batch of {config.pretrain.batch} is not divisible by {numbers[-1]} devices'
        )
    counted = {}
    for number in numbers:
        config.pretrain.batch = each * number
        counted[number] = collectives.totals(collectives.of_step(config, *shown, number))
    figures = {
        'config': name,
        'platform': jax.default_backend(),
        'videos_per_device': each,
        'collectives': [
            {'devices': number, 'purpose': purpose, 'kind': kind, **row}
            for number, rows in counted.items() for (purpose, kind), row in rows.items()
        ],
    }
    if len([number for number in numbers if number > 1]) < 3:
        return figures, show.collectives(figures)
    figures['step_ms'] = args.step_ms
    figures['predicted'] = scaling.predicted(scaling.growth(counted), args.step_ms / 1e3)
    return figures, show.collectives(figures)


_MEASURES = dict(
    step=measure_row, infer=measure_row, augment=measure_row, resident=measure_row,
    rows=measure_rows, pairs=measure_pairs, input=measure_input, prepare=measure_prepare,
    read=measure_read, score=measure_score, stream=measure_stream,
    negatives=measure_negatives, collectives=measure_collectives,
)


def _parts(config, stage):
    if stage == 'pretrain':
        return pretrain.prepare(config, pretrain.open_unlabelled(config))
    return finetune.prepare(config, finetune.open_split(config, 'train'))[:3]
