"""Learn an encoder without labels: a host's contrast plus the snippet term.

    skeljax pretrain --config configs/ui_prmd.py:composed10 --workdir runs/pretrain

Run the same command again to go on from the last checkpoint.
"""

import functools

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict
import numpy as np

from skeljax.cli import configured, training
from skeljax.data.batches import Batches
from skeljax.data.corpus import Corpus
from skeljax.errors import InputError
from skeljax.train import assemble, cluster, loop, pretrain, workdir as workdirs


def add_arguments(parser):
    training.add_arguments(parser)


parse_rest = configured.parse


def run(args) -> int:
    config = configured.load(args.config_file, args.overrides)
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
        assemble.check(config)
        corpora = open_unlabelled(config)
        config = configured.in_steps(config, 'pretrain', lambda: draw(config, corpora).epoch_steps)
        described = workdirs.check(workdir, 'pretrain', config, corpora[0])
    training.agree(described, corpora)
    with cluster.together():
        step, state, batches = prepare(config, corpora)
    workdir = training.claim(workdir, described, command)
    chosen = config.pretrain
    plan = loop.Plan(
        num_steps=chosen.num_steps,
        batch=chosen.batch,
        checkpoint_every=chosen.checkpoint_every,
        log_every=chosen.log_every,
        seed=config.seed,
    )
    return loop.train(
        step, state, batches, plan, workdir, title='pretrain', quiet=quiet, form=config.parallel
    )


def open_unlabelled(config: ConfigDict) -> list[Corpus]:
    """Opens the training splits that pretraining draws from.

    Raises:
        InputError: there are none, or they differ in layout or number of persons.
    """
    names = config.data.unlabelled
    corpora = [configured.open_corpus(config, name, 'train') for name in names]
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
    )


def prepare(config: ConfigDict, corpora: list[Corpus]):
    """Makes the per-device step, the first state and the batches."""
    chosen, layout = config.pretrain, corpora[0].layout
    host = assemble.host(config, layout)
    encoder = assemble.encoder(config, layout, host)
    tx = assemble.optimiser(config, 'pretrain')
    settings = assemble.pretrain_settings(config, host, layout)
    batches = draw(config, corpora)
    persons, joints = corpora[0][0].joints.shape[1:3]
    example = jnp.zeros((2, chosen.crop.length, persons, joints, 3), np.float32)
    state = pretrain.init(
        jax.random.key(config.seed),
        encoder,
        host,
        tx,
        example,
        settings,
        queue_size=chosen.queue_size,
        snippet_queue_size=chosen.snippet.queue_size,
        copy_key=not assemble.quirk(config, 'key_init'),
    )
    step = functools.partial(pretrain.step, encoder=encoder, host=host, tx=tx, settings=settings)
    return step, state, batches
