"""Learn an encoder without labels: a host's contrast plus the snippet term.

    skeljax pretrain --config configs/ui_prmd.py:composed10 --workdir runs/pretrain

Run the same command again to go on from the last checkpoint.
"""

import jax
from ml_collections import ConfigDict

from skeljax.cli import config_args, training
from skeljax.data.batches import Batches
from skeljax.data.corpus import Corpus
from skeljax.errors import InputError
from skeljax.train import build, cluster, device_dataset, loop, run_dir as workdirs, wandb_log


def add_arguments(parser):
    training.add_arguments(parser)


parse_rest = config_args.parse


def run(args) -> int:
    config = config_args.load(args.config_file, args.overrides)
    command = training.command(args)
    return training.run(
        args, lambda: train(config, args.workdir, quiet=args.quiet, command=command)
    )


def train(config: ConfigDict, workdir, *, quiet: bool = False, command=()) -> dict:
    """Pretrains, or goes on where `workdir` stopped.

    Args:
        config: the whole one.
        workdir: folder of the run, made if absent.
        quiet: shows no progress bar.
        command: words that start the run, kept with it; by default those of this process.

    Returns:
        The final state on the host.

    Raises:
        InputError: a config, corpus or workdir that does not fit.
    """
    with cluster.together():
        build.check(config)
        wandb_log.check(config.wandb)
        corpora = open_unlabelled(config)
        config = config_args.in_steps(config, 'pretrain', lambda: draw(config, corpora).epoch_steps)
        described = workdirs.check(workdir, 'pretrain', config, corpora[0])
    training.agree(described, corpora)
    with cluster.together():
        step, state, batches = prepare(config, corpora)
        step, batches, held = device_dataset.hold(step, batches, config)
    chosen = config.pretrain
    plan = loop.LoopConfig(
        num_steps=chosen.num_steps,
        batch=chosen.batch,
        checkpoint_every=chosen.checkpoint_every,
        log_every=chosen.log_every,
        seed=config.seed,
        steps_per_call=config.steps_per_call,
    )
    with training.claimed(workdir, described, command) as workdir:
        return loop.train(
            step, state, batches, plan, workdir, title='pretrain', quiet=quiet,
            form=config.parallel, corpus=held, wandb=config.wandb,
        )


def open_unlabelled(config: ConfigDict) -> list[Corpus]:
    """Opens the training splits that pretraining draws from.

    Raises:
        InputError: there are none, or they differ in layout or number of persons.
    """
    names = config.data.unlabelled
    corpora = [config_args.open_corpus(config, name, 'train') for name in names]
    if not corpora:
        raise InputError('config.data.unlabelled names no corpus')
    first = corpora[0]
    for other in corpora[1:]:
        if other.layout != first.layout:
            raise InputError(
                f'{other.name} has layout {other.layout}, {first.name} {first.layout}; '
                f'set config.data.layout to map both to one'
            )
        persons = [corpus[0].joints.shape[1] for corpus in (other, first) if len(corpus)]
        if len(set(persons)) > 1:
            raise InputError(
                f'{other.name} has {persons[0]} persons a recording, {first.name} {persons[1]}; '
                f"put 'order_persons:{max(persons)}' first in config.data.normalisation"
            )
    return corpora


def draw(config: ConfigDict, corpora: list[Corpus]) -> Batches:
    """Makes the batches of windows."""
    chosen = config.pretrain
    return Batches(
        corpora,
        length=chosen.window,
        batch=chosen.batch,
        seed=config.seed,
        process=(jax.process_index(), jax.process_count()),
        stage='pretrain',
    )


def prepare(config: ConfigDict, corpora: list[Corpus]):
    """Makes the per-device step, the first state and the batches."""
    batches = draw(config, corpora)
    persons = corpora[0][0].joints.shape[1]
    step, state = build.pretraining(config, corpora[0].layout, persons)
    return step, state, batches
