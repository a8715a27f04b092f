"""The options `--config FILE:arg` and `--config.key=value` of a verb; corpora as they want them."""

from collections.abc import Callable

from ml_collections import ConfigDict

from skeljax.data.corpus import Corpus
from skeljax.errors import InputError
from skeljax.train.config_file import load as load


def add_config(parser, *, default: str | None = None):
    """Adds `--config`; the `--config.key=value` that follow are left to `parse`."""
    parser.add_argument(
        '--config',
        default=default,
        required=default is None,
        metavar='FILE[:ARG]',
        help='a config, here or one that comes with skeljax; change it by --config.key=value'
        + (f' (default: {default})' if default else ''),
    )


def parse(args, rest: list[str], parser) -> None:
    """Replaces `args.config` by the ConfigDict that the arguments describe."""
    strange = [word for word in rest if not word.startswith('--config.')]
    # `--config.key value` is one option in two words.
    after_key = lambda word: rest[rest.index(word) - 1].startswith('--config.')
    strange = [word for word in strange if '=' in word or not after_key(word)]
    if strange or (rest and not rest[0].startswith('--config.')):
        parser.error(f'unknown arguments: {" ".join(strange or rest)}')
    args.overrides, args.config_file = rest, args.config


def in_steps(config: ConfigDict, stage: str, epoch_steps: Callable[[], int]) -> ConfigDict:
    """Tells the length of a stage in steps where its `num_epochs` gives it.

    Args:
        config: the whole one; it stays as it is.
        stage: 'pretrain' or 'finetune'.
        epoch_steps: tells the steps of an epoch; asked only where they are needed.
    """
    epochs = config[stage].num_epochs
    if not epochs:
        return config
    if epochs < 0:
        raise InputError(f'config.{stage}.num_epochs is {epochs}')
    config = config.copy_and_resolve_references()
    config[stage].num_steps = epochs * epoch_steps()
    return config


def open_corpus(
    config: ConfigDict, name: str, split: str, data_dir=None, *, normalised: bool = True
) -> Corpus:
    """Opens a split of a prepared corpus in the layout, rate and normalisation of a config.

    Args:
        config: the whole one.
        name: of the corpus.
        split: of it.
        data_dir: if it is not where the config says.
        normalised: False leaves the normalisation out.
    """
    data = config.data
    return Corpus(
        data_dir or data.data_dir,
        name,
        split,
        normalisation=tuple(data.normalization) if normalised else (),
        layout=data.layout,
        fps=data.fps,
    )
