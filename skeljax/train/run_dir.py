"""The folder of a run and its description, `run.json`."""

from collections.abc import Iterator, Sequence
import hashlib
import importlib.metadata
import json
from pathlib import Path
import platform
import shlex
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from ml_collections import ConfigDict

from skeljax import documents
from skeljax.errors import InputError, writing
from skeljax.train import renamed_fields

if TYPE_CHECKING:
    from skeljax.data.corpus import Corpus  # TFDS is slow to load, and not needed to read

PACKAGES = (
    'skeljax', 'jax', 'jaxlib', 'flax', 'optax', 'orbax-checkpoint', 'numpy', 'ml-collections',
    'grain',
)
# Fields that may differ when a run is resumed.
FREE = (
    'data.data_dir', 'data.device_dataset', 'model.remat', 'parallel', 'steps_per_call',
    '.log_every', '.checkpoint_every', '.negatives_impl', 'wandb',
)
# Fields that were added later -> the value that runs without them have.
LATER = {
    'data.device_dataset_dtype': 'float32',
    'finetune.decoder.transitions': False,
    'finetune.multi_label': False,
    'finetune.loss.smoothing_weight': 0.0,
    'finetune.loss.smoothing_clip': 4.0,
    'finetune.loss.focal_gamma': 0.0,
    'finetune.loss.class_balance': 0.0,
    'finetune.loss.class_beta': 1.0,
    'finetune.loss.boundary_smoothing': 0,
    'finetune.loss.boundary_weight': 0.0,
    'finetune.loss.boundary_radius': 2,
    'finetune.loss.pool_radius': 15,
    'finetune.loss.pool_strength': 8.0,
}
# Fields outside its own settings that a stage does not read.
UNREAD = {'pretrain': ('data.corpus',), 'finetune': ('data.unlabeled',)}


def check(workdir, stage: str, config: ConfigDict, corpus: 'Corpus') -> dict:
    """Returns the description of a run; checks that the folder has no other run.

    A run that stopped or failed before its first checkpoint is replaced.

    Returns:
        stage, config, corpus and sampling (version of the order of examples), as in `run.json`.

    Raises:
        InputError: the folder has another run, or checkpoints of an unknown one.
    """
    from skeljax.data import sampling  # NumPy, which `skeljax runs` does not need

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
        'sampling': sampling.VERSION,
    }
    if (workdir / 'run.json').exists() and saved(workdir):
        run = read(workdir)
        if run.get('sampling') != sampling.VERSION:
            print(
                f'skeljax: {workdir}: begun by another version, which ordered examples in another '
                f'way: the rest of the run differs from an uninterrupted one', file=sys.stderr,
            )
        for name, new, old in _differences(described, run):
            raise InputError(
                f'{workdir}: holds another run: {name} was {old}, now it is {new}; '
                f'choose another --workdir'
            )
    elif saved(workdir):
        raise InputError(f'{workdir}: holds checkpoints but no run.json; choose another --workdir')
    return described


def saved(workdir) -> bool:
    """Returns whether a folder has a checkpoint, even a damaged one."""
    folders = (Path(workdir) / name for name in ('checkpoints', 'best'))
    names = (path.name for folder in folders if folder.is_dir() for path in folder.iterdir())
    return any(name.split('.')[0].isdigit() and 'checkpoint-tmp' not in name for name in names)


def identity(config: ConfigDict, stage: str, source: str = '') -> str:
    """Returns a hash of every field that `check` compares.

    A field that a later version adds or renames changes the hash.

    Args:
        config: a whole config.
        stage: 'pretrain' or 'finetune'.
        source: identity of the pretraining that fine-tuning starts from; it replaces the name of
            its folder, which may be moved; '' from scratch.

    Returns:
        Ten hexadecimal digits.
    """
    fields = {
        name: value
        for name, value in flat(_plain(config, stage))
        if not name.endswith(FREE)
        and name not in UNREAD[stage] + ('finetune.init_from',)
        and (name not in LATER or value != LATER[name])
    }
    text = json.dumps([stage, source, fields], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def create_run_dir(workdir, described: dict, command: Sequence[str] = ()) -> Path:
    """Makes the folder of a run and writes its description.

    `run.json` also has what repeats the run: the command, the commit of a checkout and whether
    files differ from it, versions of packages.

    Args:
        workdir: the folder. One of this run, or of a run with checkpoints, stays as it is.
        described: as from `check`.
        command: words that start the run; by default those of this process.

    Raises:
        InputError: it cannot be made.
    """
    workdir = Path(workdir)
    path = workdir / 'run.json'
    if path.exists() and (saved(workdir) or _same(path, described)):
        return workdir
    with writing(workdir):
        workdir.mkdir(parents=True, exist_ok=True)
        (workdir / 'not_finite.json').unlink(missing_ok=True)  # of the run that gives way
        beside = path.with_suffix('.tmp')
        words = command or ['skeljax', *sys.argv[1:]]
        origin = {'command': shlex.join(words), 'git': _git(), 'versions': versions()}
        text = json.dumps({**described, **origin}, indent=1)
        beside.write_text(text + '\n')
        beside.rename(path)
    return workdir


def await_run_dir(workdir, *, seconds: float = 60):
    """Waits until this process can read `run.json`, which the first process writes.

    Raises:
        InputError: it cannot in time; network file systems take some seconds.
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
    """Returns the versions of Python and of the packages that results depend on."""
    versions = {package: importlib.metadata.version(package) for package in PACKAGES}
    return {'python': platform.python_version(), **versions}


def read(workdir) -> dict:
    """Reads the description of a run: stage, config, corpus, command, git, versions.

    The config has today's names of fields and values, whatever version wrote it.

    Raises:
        InputError: there is no run, or its description is damaged.
    """
    path = Path(workdir) / 'run.json'
    try:
        run = documents.parse(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f'{workdir}: no run here (no run.json)') from None
    except (OSError, ValueError) as error:
        raise InputError(f'{path}: cannot be read: {error}') from None
    parts = [run.get(name) for name in ('config', 'corpus')] if isinstance(run, dict) else [None]
    if not all(isinstance(part, dict) for part in parts) or str(run.get('stage')) not in UNREAD:
        raise InputError(f'{path}: does not describe a run of skeljax')
    return {**run, 'config': renamed_fields.convert(run['config'])}


def config_of(run: dict, default: ConfigDict) -> ConfigDict:
    """Returns the config of a described run; fields that it lacks have the values of `default`.

    Raises:
        InputError: a field has another type than in `default`.
    """
    stored = renamed_fields.convert(run['config'])
    check_kinds(stored, default.to_dict(), 'config')
    config = default.copy_and_resolve_references()
    with config.unlocked(), config.ignore_type():
        config.update(_tuples(stored))
    return config


def _same(path: Path, described: dict) -> bool:
    try:
        stored = documents.parse(path.read_text())
        same = described.get('sampling') == stored.get('sampling')
        return same and not any(_differences(described, stored))
    except (OSError, ValueError, AttributeError):
        return False


def check_kinds(told, like: dict, where: str):
    """Raises InputError at the first value of another type; unknown fields pass."""
    if not isinstance(told, dict):
        raise InputError(f'{where} is {told!r:.40}, expected an object')
    for name, value in told.items():
        own, place = like.get(name), f'{where}.{name}'
        kinds = {float: int | float, tuple: list | tuple}.get(type(own), type(own))
        if isinstance(own, dict):
            check_kinds(value, own, place)
        elif own is not None and (
            not isinstance(value, kinds) or isinstance(value, bool) != isinstance(own, bool)
        ):
            raise InputError(f'{place} is {value!r:.40}, expected a {type(own).__name__}')
        elif isinstance(own, tuple):  # empty ones are of numbers
            texts = bool(own) and isinstance(own[0], str)
            if not all(isinstance(one, str) == texts for one in value):
                raise InputError(f'{place} is {value!r:.40}, expected {own!r:.40} or the like')


def _git() -> dict | None:
    """Returns the commit of this checkout, and whether files differ from it.

    Returns:
        commit and dirty; None if skeljax is installed without its repository, or there is no
        git.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / '.git').exists():
        return None
    git = lambda *words: subprocess.run(
        ['git', '-C', str(root), *words], capture_output=True, text=True, check=True
    ).stdout.strip()
    try:
        return {'commit': git('rev-parse', 'HEAD'), 'dirty': bool(git('status', '--porcelain'))}
    except (OSError, subprocess.CalledProcessError):
        return None


def _plain(config: ConfigDict, stage: str) -> dict:
    """Returns a config as JSON has it, without the settings of the other stage."""
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
    unread = tuple(f'config.{name}' for name in UNREAD.get(new['stage'], ()))
    later = {f'config.{name}': value for name, value in LATER.items()}
    new, old = (later | dict(flat({part: d.get(part) for part in parts})) for d in (new, old))
    for name in sorted(new.keys() | old.keys(), key=lambda name: (name != 'stage', name)):
        if new.get(name) != old.get(name) and not name.endswith(FREE + unread):
            yield name, new.get(name), old.get(name)
