"""Options that several commands share."""

from benchmarks import measure
from skeljax.cli import config_args


def add_config(parser, default: str):
    """Adds `--config`; the parsed arguments have the file in `config_file`."""
    config_args.add_config(parser, default=default)


def add_overrides(parser):
    """Adds `--config.key=value` without `--config`."""
    parser.set_defaults(config='')


def add_steps(parser):
    """Adds `--steps`."""
    parser.add_argument(
        '--steps', type=int, default=10, metavar='N', help='timed steps or rounds (default: 10)'
    )


def add_stage(parser):
    """Adds `--stage`."""
    parser.add_argument(
        '--stage', choices=('pretrain', 'finetune'), help='training stage (default: pretrain)'
    )


def add_threads(parser, default: str = 'all'):
    """Adds `--threads`."""
    parser.add_argument(
        '--threads', type=int, default=0, metavar='N', help=f'cores per system (default: {default})'
    )


def add_against(parser, what: str):
    """Adds `--against` with the baselines that do the same work."""
    parser.add_argument(
        '--against', choices=tuple(measure.OTHERS),
        help=f'baseline to compare with; here {" or ".join(measure.COMPARABLE[what])}',
    )
