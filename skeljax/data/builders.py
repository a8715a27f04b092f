"""The corpora that have builders, and their names."""

import importlib
from pathlib import Path
import pkgutil
import re

from skeljax import tfds_builders
from skeljax.errors import InputError


def corpora() -> list[str]:
    """Returns the corpora that have builders."""
    return [m.name for m in pkgutil.iter_modules(tfds_builders.__path__) if m.ispkg]


def configs(corpus: str) -> list[str]:
    """Returns the configs of a corpus as CORPUS/CONFIG."""
    return [f'{corpus}/{config}' for config in builder_class(corpus).builder_configs]


def builder_class(corpus: str):
    """Returns the class that builds a corpus."""
    if corpus not in corpora():
        raise InputError(f'no corpus {corpus!r}; there are {", ".join(corpora())}')
    module = importlib.import_module(f'skeljax.tfds_builders.{corpus}.{corpus}_dataset_builder')
    return module.Builder


def builder(corpus: str, config: str, data_dir, **raw):
    """Returns the builder of CORPUS/CONFIG, which writes records below `data_dir`."""
    return builder_class(corpus)(
        config=config, data_dir=str(data_dir), file_format='array_record', **raw
    )


def named_by_user(corpus: str) -> bool:
    """Returns whether any name is a config of this corpus."""
    return getattr(builder_class(corpus), 'NAMED_BY_USER', False)


def own_name(manual_dir) -> str:
    """Returns the name of a user's corpus: that of the folder of its recordings."""
    name = Path(manual_dir).resolve().name if manual_dir else ''
    return re.sub(r'[^\w-]+', '_', name).strip('_') or 'default'


def check_name(name: str):
    """Raises InputError if this is no CORPUS/CONFIG."""
    corpus, _, config = name.partition('/')
    known = configs(corpus)
    if named_by_user(corpus):
        if not re.fullmatch(r'\w[\w-]*', config):
            raise InputError(f'{name}: expected {corpus}/NAME of letters, digits, _ and -')
    elif name not in known:
        raise InputError(f'no {name}; there are {", ".join(known)}')
