"""The options `--config FILE:arg` and `--config.key=value` of a verb; corpora as they want them."""

from collections.abc import Callable, Sequence
from pathlib import Path
import sys

from absl import flags
from ml_collections import ConfigDict, config_flags

import skeljax.configs
from skeljax.data.corpus import Corpus
from skeljax.errors import InputError
from skeljax.train import renamed_fields


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


def load(text: str, overrides: Sequence[str] = ()) -> ConfigDict:
    """Reads `FILE:arg` and applies `--config.key=value` overrides.

    FILE is a path, or one of the configs that come with skeljax.

    Raises:
        InputError: no such file, an unknown key, a value of another type.
    """
    name, colon, arg = text.partition(':')
    words = ['skeljax', f'--config={_find(name)}{colon}{arg}', *overrides]
    values = flags.FlagValues()
    config_flags.DEFINE_config_file(
        'config', flag_values=values, lock_config=True, sys_argv=words
    )
    # ml_collections loads each file into the same module, which would keep what another defined.
    sys.modules.pop('config_config', None)
    try:
        values(words)
    except Exception as error:  # a file that is no config fails as Python does
        text = str(error).strip('"\'\n ')
        # A config's own complaint comes with the traceback in front of it.
        text = text.splitlines()[-1] if 'Traceback' in text else text.replace('\n', ' ')
        words = (word.removeprefix('--config.').partition('=')[0] for word in overrides)
        for old, new in ((word, renamed_fields.new_name(word)) for word in words):
            if old != new and old.rpartition('.')[2] in text:
                text = f'config.{old} has another name now: config.{new}'
        raise InputError(f'{name}: {text or type(error).__name__}') from None
    return values.config


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
        normalisation=tuple(data.normalisation) if normalised else (),
        layout=data.layout,
        fps=data.fps,
    )


def _find(name: str) -> Path:
    path = Path(name)
    shipped = Path(skeljax.configs.__file__).parent / path.name
    for candidate in (path, path.with_suffix('.py'), shipped, shipped.with_suffix('.py')):
        if candidate.is_file():
            return candidate
    known = ', '.join(sorted(p.stem for p in shipped.parent.glob('[a-z]*.py')))
    raise InputError(f'no config {name}; with skeljax come: {known}')
