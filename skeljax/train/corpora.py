"""The corpora of a config, and the batches that training draws from them."""

from collections.abc import Callable

import jax
from ml_collections import ConfigDict
import numpy as np

from skeljax.data import corpus as corpora
from skeljax.data.batches import Batches
from skeljax.data.corpus import Corpus
from skeljax.errors import InputError


def open_corpus(
    config: ConfigDict, name: str, split: str, data_dir=None, *, normalized: bool = True
) -> Corpus:
    """Opens a split of a prepared corpus with the joint layout, rate and normalization of a config.

    Args:
        config: a whole config.
        name: of the corpus, as `ui_prmd/composed10`.
        split: 'train', 'validation' or 'test'.
        data_dir: folder of prepared corpora; by default that of the config.
        normalized: False leaves the normalization out.

    Raises:
        InputError: there is no such corpus or split.
    """
    data = config.data
    return Corpus(
        data_dir or data.data_dir,
        name,
        split,
        normalization=tuple(data.normalization) if normalized else (),
        layout=data.layout,
        fps=data.fps,
    )


def open_labeled(config: ConfigDict, split: str) -> Corpus:
    """Opens a split of `config.data.corpus`, which fine-tuning and evaluation use.

    Raises:
        InputError: there is no such corpus or split, or its labels have no class.
    """
    corpus = open_corpus(config, config.data.corpus, split)
    if not corpus.classes:
        raise InputError(
            f'{corpus.name}: has no class: its labels name none, or it was prepared without; '
            'it serves pretraining alone'
        )
    return corpus


def open_unlabeled(config: ConfigDict) -> list[Corpus]:
    """Opens the training splits of `config.data.unlabeled`, which pretraining uses.

    Raises:
        InputError: the config names none, or they differ in layout or number of persons.
    """
    names = config.data.unlabeled
    opened = [open_corpus(config, name, 'train') for name in names]
    if not opened:
        raise InputError('config.data.unlabeled names no corpus')
    first = opened[0]
    for other in opened[1:]:
        if other.layout != first.layout:
            raise InputError(
                f'{other.name} has layout {other.layout}, {first.name} {first.layout}; '
                f'set config.data.layout to map both to one'
            )
        persons = [corpus[0].joints.shape[1] for corpus in (other, first) if len(corpus)]
        if len(set(persons)) > 1:
            raise InputError(
                f'{other.name} has {persons[0]} persons a recording, {first.name} {persons[1]}; '
                f"put 'order_persons:{max(persons)}' first in config.data.normalization"
            )
    return opened


def labeled_recordings(config: ConfigDict, corpus: Corpus) -> np.ndarray:
    """Draws the recordings whose labels fine-tuning uses: int[N], sorted."""
    stage = config.finetune
    if stage.label_stratified:
        shown = corpora.classes_shown(corpus)
        return corpora.stratified(shown, stage.label_fraction, stage.label_seed)
    return corpora.fraction(len(corpus), stage.label_fraction, stage.label_seed)


def unlabeled_batches(config: ConfigDict, opened: list[Corpus]) -> Batches:
    """Returns the batches of windows that pretraining draws."""
    return Batches(opened, **_batch_options(config, 'pretrain'))


def labeled_batches(config: ConfigDict, corpus: Corpus) -> Batches:
    """Returns the batches of labeled windows that fine-tuning draws."""
    chosen = [labeled_recordings(config, corpus)]
    return Batches([corpus], chosen=chosen, labeled=True, **_batch_options(config, 'finetune'))


def _batch_options(config: ConfigDict, stage: str) -> dict:
    return dict(
        length=config[stage].window,
        batch=config[stage].batch_size,
        seed=config.seed,
        process=(jax.process_index(), jax.process_count()),
        stage=stage,
    )


def in_steps(config: ConfigDict, stage: str, epoch_steps: Callable[[], int]) -> ConfigDict:
    """Returns a config whose stage has `num_steps` where it has `num_epochs`.

    Args:
        config: a whole config, which stays as it is.
        stage: 'pretrain' or 'finetune'.
        epoch_steps: returns the steps of an epoch; called only if the stage has `num_epochs`.
    """
    epochs = config[stage].num_epochs
    if not epochs:
        return config
    if epochs < 0:
        raise InputError(f'config.{stage}.num_epochs is {epochs}, expected 0 or more')
    config = config.copy_and_resolve_references()
    config[stage].num_steps = epochs * epoch_steps()
    return config
