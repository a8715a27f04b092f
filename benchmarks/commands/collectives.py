"""Counts the bytes that devices exchange in a pretraining step.

    JAX_NUM_CPU_DEVICES=8 python -m benchmarks collectives [--config configs/bench.py:ROW]
        [--devices 2 4 8] [--step-ms 100]

The step is compiled for each number of devices (default: all local ones); nothing is run. The
batch of the config is that of the largest number, the others have as many videos per device. With
three or more numbers above 1, the counts are extrapolated to 1 to 1,024 devices and combined with
published link speeds and --step-ms, the duration of a step on one device. docs/scaling.md states
the assumptions.
"""

import jax

from benchmarks import hlo_collectives, scaling_model, tables
from benchmarks.commands import options
from skeljax.cli import config_args
from skeljax.errors import InputError
from skeljax.train import build, corpora


def add_arguments(parser):
    options.add_config(parser, 'bench')
    parser.add_argument(
        '--devices', type=int, nargs='+', metavar='N', help='numbers of devices (default: all)'
    )
    parser.add_argument(
        '--step-ms', type=float, default=100, help='of a step on one device (default: 100)'
    )


def run(args) -> tuple[dict, str]:
    """Counts collectives; returns figures and tables.

    Raises:
        InputError: too few devices, or a batch that is not divisible by them.
    """
    if not args.step_ms > 0:
        raise InputError(f'--step-ms {args.step_ms:g}: expected more than 0')
    numbers = sorted(set(args.devices or [jax.local_device_count()]))
    config = config_args.load(args.config_file, args.overrides)
    build.check(config)
    per_device, rest = divmod(config.pretrain.batch_size, numbers[-1])
    if rest or not per_device:
        raise InputError(
            f'batch of {config.pretrain.batch_size} is not divisible by {numbers[-1]} devices'
        )
    layout, persons = _shape(config)
    counted = {}
    for number in numbers:
        config.pretrain.batch_size = per_device * number
        found = hlo_collectives.of_step(config, layout, persons, number)
        counted[number] = hlo_collectives.totals(found)
    figures = {
        'config': args.config_file,
        'platform': jax.default_backend(),
        'videos_per_device': per_device,
        'collectives': [
            {'devices': number, 'purpose': purpose, 'kind': kind, **row}
            for number, rows in counted.items() for (purpose, kind), row in rows.items()
        ],
    }
    if sum(number > 1 for number in numbers) >= 3:
        growth = scaling_model.growth(counted)
        figures['step_ms'] = args.step_ms
        figures['predicted'] = scaling_model.predicted(growth, args.step_ms / 1e3)
    return figures, tables.collectives(figures)


def _shape(config) -> tuple[str, int]:
    """Returns the layout and the number of persons of the videos."""
    if 'bench' in config:
        return config.data.layout, config.bench.persons
    opened = corpora.open_unlabeled(config)
    return opened[0].layout, opened[0][0].joints.shape[1]
