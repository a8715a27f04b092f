"""Times each frame of a stream, as `skeljax stream` processes it.

    python -m benchmarks stream [--config configs/bench.py:ROW] [--window 256] [--hop 16]
        [--ahead 32] [--seconds 60]

Frames are random bodies, 30 a second; the network of the row is untrained. One core is used
unless --threads gives another number.
"""

from benchmarks import stream_latency, tables
from benchmarks.commands import options
from skeljax.cli import config_args, model_args
from skeljax.configs import bench
from skeljax.errors import InputError
from skeljax.inference import windowing


def add_arguments(parser):
    options.add_config(parser, 'bench')
    parser.add_argument(
        '--seconds', type=int, default=60, metavar='N', help='duration of the stream (default: 60)'
    )
    options.add_threads(parser, default='1')
    model_args.add_window(parser, windowing.WINDOW)


def run(args) -> tuple[dict, str]:
    """Times the stream; returns figures and a table.

    Raises:
        InputError: the config is not a row of configs/bench.py, or the stream is empty.
    """
    config = config_args.load(args.config_file, args.overrides)
    if 'bench' not in config:
        raise InputError(f'stream takes rows of configs/bench.py: {", ".join(bench.ROWS)}')
    if args.seconds < 1:
        raise InputError(f'--seconds {args.seconds}: expected 1 or more')
    window = model_args.window(args) or windowing.WINDOW
    frames = round(args.seconds * stream_latency.FPS)
    with stream_latency.cores(args.threads or 1):
        figures = stream_latency.measure(config, window, frames)
    return {'config': args.config_file, **figures}, tables.nested(figures, args.config_file)
