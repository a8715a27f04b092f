"""Learn to label frames, from a pretrained encoder or from scratch.

    skeljax finetune --config configs/ui_prmd.py:composed10 --workdir runs/scratch
    skeljax finetune --config configs/ui_prmd.py:composed10 --workdir runs/tuned \\
        --config.finetune.init_from=runs/pretrain

The state that does best on the validation split is kept in WORKDIR/best.
"""

from skeljax.cli import config_args, training


def add_arguments(parser):
    training.add_arguments(parser)


parse_rest = config_args.parse


def run(args) -> int:
    from skeljax.train import run as training_runs

    return training.run(args, training_runs.finetune)
