"""A run's folder: what run it holds, told in `run.json`."""

from collections.abc import Iterator
import importlib.metadata
import json
from pathlib import Path
import sys
import time

from ml_collections import ConfigDict

from skeljax.data.corpus import Corpus
from skeljax.errors import InputError

PACKAGES = ('skeljax', 'jax', 'flax', 'optax', 'orbax-checkpoint', 'numpy')
# Fields of a stage that may differ when a run is taken up again.
FREE = ('data.data_dir', '.log_every', '.checkpoint_every')


def check(workdir, stage: str, config: ConfigDict, corpus: Corpus) -> dict:
    """Describes a run and sees that the folder holds no other.

    Returns:
        stage, config and corpus, as they stand in `run.json`.

    Raises:
        InputError: the folder holds another run or unknown checkpoints.
    """
    workdir = Path(workdir)
    described = {
        'stage': stage,
        'config': _plain(config, stage),
        'corpus': {
            'name': corpus.name,
            'classes': list(corpus.classes),
            'layout': corpus.layout,
            'fps': corpus.fps,
        },
    }
    if (workdir / 'run.json').exists():
        for name, new, old in _differences(described, read(workdir)):
            raise InputError(
                f'{workdir}: holds another run: {name} was {old}, now it is {new}; '
                f'choose another --workdir'
            )
    elif (workdir / 'checkpoints').exists():
        raise InputError(f'{workdir}: holds checkpoints but no run.json; choose another --workdir')
    return described


def claim(workdir, described: dict) -> Path:
    """Makes `workdir` the folder of a run that `check` described.

    Raises:
        InputError: it cannot be made.
    """
    workdir = Path(workdir)
    path = workdir / 'run.json'
    if path.exists():
        return workdir
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix('.tmp')
        text = json.dumps({**described, 'command': sys.argv, 'versions': versions()}, indent=1)
        beside.write_text(text + '\n')
        beside.rename(path)
    except OSError as error:
        raise InputError(f'{workdir}: cannot be written: {error.strerror}') from None
    return workdir


def await_claim(workdir, *, seconds: float = 60):
    """Waits until `run.json` is seen, which the first of several processes wrote.

    Raises:
        InputError: it is not seen in time: network file systems take some seconds.
    """
    end = time.monotonic() + seconds
    while not (Path(workdir) / 'run.json').exists():
        if time.monotonic() > end:
            raise InputError(
                f'{workdir}: not the folder that the first process made; with --distributed it '
                f'must be on a file system that all processes share'
            )
        time.sleep(0.2)


def versions() -> dict[str, str]:
    """Tells the versions of the packages that make the numbers."""
    return {package: importlib.metadata.version(package) for package in PACKAGES}


def read(workdir) -> dict:
    """Reads what run a folder holds: stage, config, corpus, command, versions.

    Raises:
        InputError: no run there.
    """
    path = Path(workdir) / 'run.json'
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(f'{workdir}: no run here (no run.json)') from None
    except (OSError, ValueError) as error:
        raise InputError(f'{path}: cannot be read: {error}') from None


def config_of(run: dict, default: ConfigDict) -> ConfigDict:
    """Makes the ConfigDict of a described run; fields it does not tell of are `default`'s."""
    config = default.copy_and_resolve_references()
    with config.unlocked(), config.ignore_type():
        config.update(_tuples(run['config']))
    return config


def _plain(config: ConfigDict, stage: str) -> dict:
    """Drops the other stage's settings, which do not touch this run."""
    other = {'pretrain': ('finetune', 'evaluate'), 'finetune': ('pretrain',)}[stage]
    plain = json.loads(json.dumps(config.to_dict()))
    return {name: value for name, value in plain.items() if name not in other}


def _tuples(value):
    if isinstance(value, dict):
        return ConfigDict({k: _tuples(v) for k, v in value.items()})
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def flat(tree, prefix='') -> Iterator[tuple[str, object]]:
    """Yields the leaves of nested dicts with their dotted names."""
    for name, value in tree.items():
        path = f'{prefix}.{name}' if prefix else name
        yield from flat(value, path) if isinstance(value, dict) else [(path, value)]


def _differences(new: dict, old: dict) -> Iterator[tuple[str, object, object]]:
    parts = ('stage', 'config', 'corpus')
    new, old = (dict(flat({part: d.get(part) for part in parts})) for d in (new, old))
    for name in sorted(new.keys() | old.keys(), key=lambda name: (name != 'stage', name)):
        if new.get(name) != old.get(name) and not name.endswith(FREE):
            yield name, new.get(name), old.get(name)
