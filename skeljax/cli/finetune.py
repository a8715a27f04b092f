"""Learn to label frames, from a pretrained encoder or from scratch.

    skeljax finetune --config configs/ui_prmd.py:composed10 --workdir runs/scratch
    skeljax finetune --config configs/ui_prmd.py:composed10 --workdir runs/tuned \\
        --config.finetune.init_from=runs/pretrain

The state that does best on the validation split is kept in WORKDIR/best.
"""

import functools

import jax
from ml_collections import ConfigDict
import numpy as np

from skeljax import localize
from skeljax.cli import config_args, training
import skeljax.configs.default
from skeljax.data import corpus as corpora, handedness, label_counts, label_sets
from skeljax.data.batches import Batches
from skeljax.data.corpus import Corpus
from skeljax.errors import InputError
from skeljax.inference import scoring
from skeljax.train import build, checkpoint, cluster, device_dataset, fit_decoder, loop, run_dir as workdirs, wandb_log


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
    """Fine-tunes, or goes on where `workdir` stopped.

    Args:
        config: the whole one.
        workdir: folder of the run, made if absent.
        quiet: shows no progress bar.
        command: words that start the run, kept with it; by default those of this process.

    Returns:
        The final state on the host; the best one is in `workdir/best`.

    Raises:
        InputError: a config, corpus, workdir or encoder that does not fit.
    """
    with cluster.together():
        build.check(config)
        wandb_log.check(config.wandb)
        corpus, held_out = (open_split(config, split) for split in ('train', 'validation'))
        config = config_args.in_steps(config, 'finetune', lambda: draw(config, corpus).epoch_steps)
        described = workdirs.check(workdir, 'finetune', config, corpus)
        described['mirrored'] = handedness.of_corpus(corpus)
    training.agree(described, [corpus, held_out])
    with cluster.together():
        step, state, batches, model = prepare(config, corpus)
        step, batches, held = device_dataset.hold(step, batches, config)
    chosen = config.finetune
    transitions = chosen.decoder.transitions
    protocol = localize.protocol(chosen.protocol)

    def validate(state):
        variables = scoring.variables(state)
        result = scoring.evaluate(model, variables, held_out, protocol, tuple(config.evaluate.tious))
        return {'selection': result.mean}

    plan = loop.LoopConfig(
        num_steps=chosen.num_steps,
        batch=chosen.batch,
        checkpoint_every=chosen.checkpoint_every,
        log_every=chosen.log_every,
        validate_every=chosen.validate_every,
        seed=config.seed,
        steps_per_call=config.steps_per_call,
    )
    with training.claimed(workdir, described, command) as workdir:
        final = loop.train(
            step, state, batches, plan, workdir, validate=validate, title='finetune', quiet=quiet,
            form=config.parallel, corpus=held, wandb=config.wandb,
        )
        if (workdir / 'best').is_dir() and not chosen.multi_label:
            fit_decoder.fit(
                workdir, corpus, labelled(config, corpus), held_out, transitions=transitions
            )
    return final


def open_split(config: ConfigDict, split: str) -> Corpus:
    """Opens one split of the labelled corpus.

    Raises:
        InputError: no such corpus or split, or its labels hold no class.
    """
    corpus = config_args.open_corpus(config, config.data.corpus, split)
    if not corpus.classes:
        raise InputError(
            f'{corpus.name}: has no class: its labels name none, or it was prepared without; '
            'it serves pretraining alone'
        )
    return corpus


def labelled(config: ConfigDict, corpus: Corpus) -> np.ndarray:
    """Draws the recordings whose labels are used: indices, sorted."""
    chosen = config.finetune
    if chosen.label_stratified:
        shown = corpora.classes_shown(corpus)
        return corpora.stratified(shown, chosen.label_fraction, chosen.label_seed)
    return corpora.fraction(len(corpus), chosen.label_fraction, chosen.label_seed)


def draw(config: ConfigDict, corpus: Corpus) -> Batches:
    """Makes the batches of labelled windows."""
    chosen = config.finetune
    return Batches(
        [corpus],
        chosen=[labelled(config, corpus)],
        length=chosen.window,
        batch=chosen.batch,
        seed=config.seed,
        labelled=True,
        process=(jax.process_index(), jax.process_count()),
        stage='finetune',
    )


def prepare(config: ConfigDict, corpus: Corpus):
    """Makes the per-device step, the first state, the batches and the model."""
    layout, source = corpus.layout, config.finetune.init_from
    sets = None
    if config.finetune.multi_label:
        sets = corpus.label_sets = label_sets.collect(corpus, len(corpus.classes))
    batches = draw(config, corpus)
    restore = functools.partial(pretrained, source, config=config, layout=layout)
    loss, counts = build.frame_loss(config), None
    if loss.counted:
        counts = label_counts.count(corpus, batches.chosen[0], loss.boundary_radius)
    step, state, model = build.finetuning(
        config, layout, corpus[0].joints.shape[1], len(corpus.classes),
        restore if source else None, counts, sets,
    )
    return step, state, batches, model


def pretrained(source: str, like: dict, config: ConfigDict, layout: str) -> dict:
    """Restores the encoder of one stream of a pretraining run or an import.

    Args:
        source: folder of the run.
        like: variables of the encoder, or their shapes.
        config: of the fine-tuning: its architecture and stream.
        layout: of the joints.

    Raises:
        InputError: another layout, architecture or stream, or no checkpoint.
    """
    run = workdirs.read(source)
    known = run['corpus']['layout']
    if known != layout:
        raise InputError(f'{source}: pretrained on layout {known}, this corpus has {layout}')
    needed = workdirs.config_of(run, skeljax.configs.default.get_config())
    here = build.architecture_options(config)
    if other := [o for o in build.architecture_options(needed) if o not in here]:
        raise InputError(f'{source}: holds another architecture, that of {" ".join(other)}')
    streams, stream = needed.pretrain.streams, config.finetune.stream
    if stream not in streams:
        found = ', '.join(streams)
        raise InputError(f'{source}: pretrained on stream {found}, not {stream}')
    with checkpoint.reader(f'{source}/checkpoints') as mngr:
        wanted = {'backbone': dict.fromkeys(streams, like)}
        return checkpoint.restore(mngr, wanted)['backbone'][stream]
