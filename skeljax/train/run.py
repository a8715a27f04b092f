"""Training from Python, as the command line does it.

    from skeljax.configs import default
    from skeljax.train import run

    config = default.get_config('corpus=synthetic/tiny,backbone=gru,setting=fuser')
    config.data.data_dir = 'data'
    run.pretrain(config, 'runs/pretrained')
    config.finetune.init_from = 'runs/pretrained'
    run.finetune(config, 'runs/tuned')

The corpus must have been prepared (`skeljax prepare synthetic/tiny --data-dir data`). A call goes
on from the last checkpoint of its folder, if there is one. `skeljax.inference.predictor.of_run`
loads what fine-tuning leaves.
"""

from collections.abc import Iterator, Sequence
import contextlib
import functools
from pathlib import Path

from ml_collections import ConfigDict

from skeljax import localize
from skeljax.configs import default
from skeljax.data import handedness, label_counts, label_sets
from skeljax.data.corpus import Corpus
from skeljax.errors import InputError
from skeljax.inference import scoring
from skeljax.train import (
    build,
    checkpoint,
    cluster,
    corpora,
    device_dataset,
    fit_decoder,
    loop,
    run_dir,
    run_lock,
    wandb_log,
)


def pretrain(
    config: ConfigDict, workdir, *, quiet: bool = False, command: Sequence[str] = ()
) -> dict:
    """Trains an encoder on unlabeled recordings, or resumes the run in `workdir`.

    Args:
        config: a whole config, of `skeljax.configs.default.get_config` or derived from it.
        workdir: folder of the run, made if absent.
        quiet: shows no progress bar.
        command: words that start the run, stored with it; by default those of this process.

    Returns:
        The final state, arrays on the host; it is in `workdir/checkpoints` too.

    Raises:
        InputError: a field of the config has a wrong value, a corpus is missing, or `workdir`
            holds another run.
        loop.Preempted: a signal ended the run, after a last checkpoint.
    """
    with cluster.together():
        build.check(config)
        wandb_log.check(config.wandb)
        opened = corpora.open_unlabeled(config)
        epoch_steps = lambda: corpora.unlabeled_batches(config, opened).epoch_steps
        config = corpora.in_steps(config, 'pretrain', epoch_steps)
        described = run_dir.check(workdir, 'pretrain', config, opened[0])
    _check_agreement(described, opened)
    with cluster.together():
        step, state, batches = prepare_pretraining(config, opened)
        step, batches, held = device_dataset.hold(step, batches, config)
    with _opened(workdir, described, command) as folder:
        return loop.train(
            step, state, batches, _plan(config, 'pretrain'), folder, title='pretrain', quiet=quiet,
            form=config.parallel, corpus=held, wandb=config.wandb,
        )


def finetune(
    config: ConfigDict, workdir, *, quiet: bool = False, command: Sequence[str] = ()
) -> dict:
    """Trains a classifier of frames, or resumes the run in `workdir`.

    Args:
        config: a whole config; `config.finetune.init_from` is the folder of a pretraining.
        workdir: as in `pretrain`.
        quiet: as in `pretrain`.
        command: as in `pretrain`.

    Returns:
        The final state, arrays on the host. The state that is best on the validation split is in
        `workdir/best`, with the fitted sequence decoder.

    Raises:
        InputError: as in `pretrain`, or the pretrained encoder has another architecture.
        loop.Preempted: a signal ended the run, after a last checkpoint.
    """
    with cluster.together():
        build.check(config)
        wandb_log.check(config.wandb)
        corpus, held_out = (corpora.open_labeled(config, s) for s in ('train', 'validation'))
        epoch_steps = lambda: corpora.labeled_batches(config, corpus).epoch_steps
        config = corpora.in_steps(config, 'finetune', epoch_steps)
        described = run_dir.check(workdir, 'finetune', config, corpus)
        described['mirrored'] = handedness.of_corpus(corpus)
    _check_agreement(described, [corpus, held_out])
    with cluster.together():
        step, state, batches, model = prepare_finetuning(config, corpus)
        step, batches, held = device_dataset.hold(step, batches, config)
    stage = config.finetune
    transitions = stage.decoder.transitions
    protocol, tious = localize.protocol(stage.protocol), tuple(config.evaluate.tious)

    def validate(state):
        variables = scoring.variables(state)
        result = scoring.evaluate(model, variables, held_out, protocol, tious)
        return {'selection': result.mean}

    with _opened(workdir, described, command) as folder:
        plan = _plan(config, 'finetune', validate_every=stage.validate_every)
        final = loop.train(
            step, state, batches, plan, folder, validate=validate, title='finetune', quiet=quiet,
            form=config.parallel, corpus=held, wandb=config.wandb,
        )
        if (folder / 'best').is_dir() and not stage.multi_label:
            labeled = corpora.labeled_recordings(config, corpus)
            fit_decoder.fit(folder, corpus, labeled, held_out, transitions=transitions)
    return final


def _plan(config: ConfigDict, stage: str, **options) -> loop.LoopConfig:
    return loop.LoopConfig(
        num_steps=config[stage].num_steps,
        batch=config[stage].batch_size,
        checkpoint_every=config[stage].checkpoint_every,
        log_every=config[stage].log_every,
        seed=config.seed,
        steps_per_call=config.steps_per_call,
        **options,
    )


def prepare_pretraining(config: ConfigDict, opened: list[Corpus]):
    """Returns the step of one device, the first state, and the batches of windows."""
    batches = corpora.unlabeled_batches(config, opened)
    persons = opened[0][0].joints.shape[1]
    step, state = build.pretraining(config, opened[0].layout, persons)
    return step, state, batches


def prepare_finetuning(config: ConfigDict, corpus: Corpus):
    """Returns the step of one device, the first state, the batches of labeled windows, the model.

    Raises:
        InputError: as `pretrained_encoder`.
    """
    layout, source = corpus.layout, config.finetune.init_from
    sets = None
    if config.finetune.multi_label:
        sets = corpus.label_sets = label_sets.collect(corpus, len(corpus.classes))
    batches = corpora.labeled_batches(config, corpus)
    restore = functools.partial(pretrained_encoder, source, config=config, layout=layout)
    loss, counts = build.frame_loss(config), None
    if loss.counted:
        counts = label_counts.count(corpus, batches.chosen[0], loss.boundary_radius)
    step, state, model = build.finetuning(
        config, layout, corpus[0].joints.shape[1], len(corpus.classes),
        restore if source else None, counts, sets,
    )
    return step, state, batches, model


def pretrained_encoder(source: str, like: dict, config: ConfigDict, layout: str) -> dict:
    """Restores the encoder of one stream from a pretraining or an import.

    Args:
        source: folder of the run.
        like: variables of the encoder, arrays or their shapes.
        config: of the fine-tuning: its architecture and stream.
        layout: of the joints.

    Returns:
        Variables of the structure of `like`, numpy arrays.

    Raises:
        InputError: the run has another layout, architecture or stream, or no checkpoint.
    """
    stored = run_dir.read(source)
    known = stored['corpus']['layout']
    if known != layout:
        raise InputError(f'{source}: pretrained on layout {known}, this corpus has {layout}')
    pretrained = run_dir.config_of(stored, default.get_config())
    here = build.architecture_options(config)
    if other := [o for o in build.architecture_options(pretrained) if o not in here]:
        raise InputError(f'{source}: holds another architecture, that of {" ".join(other)}')
    streams, stream = pretrained.pretrain.streams, config.finetune.stream
    if stream not in streams:
        found = ', '.join(streams)
        raise InputError(f'{source}: pretrained on stream {found}, not {stream}')
    with checkpoint.reader(f'{source}/checkpoints') as mngr:
        wanted = {'backbone': dict.fromkeys(streams, like)}
        return checkpoint.restore(mngr, wanted)['backbone'][stream]


def _check_agreement(described: dict, opened: list[Corpus]):
    """Raises InputError if processes differ in config, packages or recordings; names both."""
    cluster.agree(
        {
            # The folder of the records may differ between machines, their number may not.
            **{k: v for k, v in run_dir.flat(described) if not k.endswith('data.data_dir')},
            **{f'version of {package}': v for package, v in run_dir.versions().items()},
            **{f'recordings of {c.name} {c.split}': len(c) for c in opened},
        }
    )


@contextlib.contextmanager
def _opened(workdir, described: dict, command: Sequence[str]) -> Iterator[Path]:
    """Makes `workdir` the folder of a run and locks it, once for all processes.

    Raises:
        InputError: it cannot be made, another process trains in it, or the processes have
            different folders of this name.
    """
    with contextlib.ExitStack() as stack:
        with cluster.together():
            if cluster.is_first():
                stack.enter_context(run_lock.create_locked(workdir, described, command))
        with cluster.together():
            run_dir.await_run_dir(workdir)
        yield Path(workdir)
