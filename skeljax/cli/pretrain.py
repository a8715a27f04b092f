"""Learn an encoder without labels: a method's contrast plus the snippet term.

    skeljax pretrain --config configs/ui_prmd.py:composed10 --workdir runs/pretrain

Run the same command again to go on from the last checkpoint.
"""

from skeljax.cli import config_args, training


def add_arguments(parser):
    training.add_arguments(parser)


parse_rest = config_args.parse


def run(args) -> int:
    from skeljax.train import run as training_runs

    return training.run(args, training_runs.pretrain)
