"""Writes and loads exported models: folders that need no corpus, run or training code.

    model/model.json     description, preprocessing of recordings, decoder
    model/weights.npz    float arrays, one per Flax variable of the network

Weights are `.npz` files of NumPy and not Orbax checkpoints, so they can be read without this
library and in the long term. They are read without unpickling, and model.json has their hash.
"""

from collections.abc import Callable, Mapping
import hashlib
import json
import os
from pathlib import Path
import shutil
import warnings

from flax import traverse_util
import numpy as np

from skeljax import documents
import skeljax.configs.default
from skeljax.data import normalize
from skeljax.errors import InputError
from skeljax.formats import archive
from skeljax.inference import run_loader
from skeljax.inference.predictor import NOT_FITTED, Model
from skeljax.localize import decoder_config
from skeljax.localize.sequence import SequenceDecoder
from skeljax.skeletons import skeleton
from skeljax.train import build, checkpoint, renamed_fields, run_dir as workdirs

FORMAT = 'skeljax.model'
VERSION = 2  # increased when older versions of skeljax cannot read the folder correctly
_SEQUENCE_SINCE = 2  # models of earlier versions have no fitted sequence decoder
_DESCRIPTION, _WEIGHTS = 'model.json', 'weights.npz'
_REQUIRED: dict[str, type | tuple[type, ...]] = {
    'classes': list, 'layout': dict, 'fps': (int, float), 'normalization': list, 'step': int,
    'decoding': dict, 'config': dict, 'weights': dict, 'origin': dict,
}


def write(folder, model: Model, *, force: bool = False, more=None) -> Path:
    """Writes a model to a folder, completely or not at all.

    Args:
        folder: new or empty.
        model: to write.
        force: replaces an existing model.
        more: writes further files; called with the temporary folder.

    Raises:
        InputError: the folder exists and is not a model, or is one without `force`; or it cannot
            be written.
    """
    name, folder = folder, check(folder, force=force)
    temporary = folder.with_name(f'.{folder.name}.{os.getpid()}.part')
    try:
        temporary.mkdir(parents=True)
        arrays = _flat(model.run.variables)
        with (temporary / _WEIGHTS).open('wb') as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # no array is named allow_pickle
        text = json.dumps(_description(model, arrays, temporary / _WEIGHTS), indent=1)
        (temporary / _DESCRIPTION).write_text(text + '\n', encoding='utf-8')
        if more:
            more(temporary)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    except OSError as error:
        raise InputError(f'{name}: cannot be written: {error.strerror}') from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def check(folder, *, force: bool = False) -> Path:
    """Checks that a model can be written to a folder; returns its resolved path.

    Raises:
        InputError: the folder has other content, or a model without `force`.
    """
    path = Path(folder).resolve()
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return path
    if not (path / _DESCRIPTION).is_file():
        raise InputError(f'{folder}: exists and is no model; choose another name by --out')
    if not force:
        raise InputError(f'{folder}: holds a model; choose another name by --out, or --force')
    return path


def load(folder, note: Callable[[str], object] | None = None) -> Model:
    """Loads an exported model.

    Args:
        folder: see `write`.
        note: called with one line if the model is older than the sequence decoder, which then
            has default options; by default a warning.

    Raises:
        InputError: the folder is not a model, has a later version, or is damaged.
    """
    folder = Path(folder)
    document = _read(folder)
    try:
        named = all(isinstance(name, str) for name in document['classes'])
        if not 0 < document['fps'] < np.inf or not named:
            raise InputError('fps or classes are invalid: a damaged description')
        layout = skeleton.describe(skeleton.get(json.dumps(document['layout'])))
        decoded = decoder_config.from_json_dict(document['decoding'])
        if document['version'] < _SEQUENCE_SINCE:
            decoded = decoder_config.from_sequence(SequenceDecoder(fps=float(document['fps'])))
            (note or warnings.warn)(f'{folder}: {NOT_FITTED}')
        config = workdirs.config_of(document, skeljax.configs.default.get_config())
        _check_code(config)
        build.check(config)
        config.data.normalization = tuple(document['normalization'])
        normalize.compose(config.data.normalization)
        model, like = run_loader.network(config, layout, len(document['classes']))
    except InputError as error:
        raise InputError(f'{folder / _DESCRIPTION}: {error}') from None
    except Exception as error:  # an invalid description fails where it is first used
        reason = archive.reason(error)
        raise InputError(f'{folder / _DESCRIPTION}: a damaged description: {reason}') from None
    run = run_loader.Run(
        model=model,
        variables=_variables(folder, document['weights'], like),
        config=config,
        classes=tuple(document['classes']),
        layout=layout,
        fps=float(document['fps']),
        step=document['step'],
        mirrored=document.get('mirrored'),
    )
    return Model(run, decoded, document['origin'])


def _check_code(config):
    """Raises InputError if a model names code by a module path, which loading would run.

    A model may come from anywhere. Code of another library must be an entry point of an installed
    package, see `skeljax.plugins`.
    """
    for name in (config.model.name, config.finetune.fuser_kind, config.pretrain.method):
        if ':' in str(name):
            raise InputError(f'names code, {name!r:.100}; expected the name of an entry point')


def origin(workdir) -> dict:
    """Returns the origin of the weights of a fine-tuning run, for `model.json`.

    Returns:
        run, git, versions; corpus, label_fraction, label_seed; pretrained, {} from scratch;
        figures by split.
    """
    workdir = Path(workdir)
    info = workdirs.read(workdir)
    config = workdirs.config_of(info, skeljax.configs.default.get_config())
    with checkpoint.reader(workdir / 'best') as mngr:
        selected = checkpoint.metrics(mngr, mngr.latest_step())
    cfg = config.finetune
    return {
        'run': workdir.resolve().name,
        'git': info.get('git'),
        'versions': info.get('versions'),
        'corpus': info['corpus']['name'],
        'label_fraction': cfg.label_fraction,
        'label_seed': cfg.label_seed,
        'pretrained': _pretrained(cfg.init_from),
        'figures': {'validation': {'protocol': cfg.protocol, **selected}, **_figures(workdir)},
    }


def _description(model: Model, arrays: Mapping[str, np.ndarray], weights: Path) -> dict:
    run = model.run
    layout = skeleton.get(run.layout)
    config = json.loads(json.dumps(run.config.to_dict()))
    # Only what defines the network; local paths are not exported.
    kept = {name: config[name] for name in ('faithful', 'model', 'finetune', 'seed')}
    kept['finetune']['init_from'] = Path(kept['finetune']['init_from']).name
    return {
        'format': FORMAT,
        'version': VERSION,
        'skeljax': skeljax.__version__,
        'classes': list(run.classes),
        'layout': {
            'name': layout.name,
            'joints': layout.joints,
            'parents': layout.parents,
            'points': layout.points,
        },
        'fps': run.fps,
        'normalization': list(run.config.data.normalization),
        'step': run.step,
        'mirrored': run.mirrored,
        'decoding': decoder_config.to_json_dict(model.decoding),
        'config': kept,
        'weights': {
            'file': _WEIGHTS,
            'sha256': hashlib.sha256(weights.read_bytes()).hexdigest(),
            'arrays': len(arrays),
            'parameters': int(sum(a.size for n, a in arrays.items() if n.startswith('params/'))),
        },
        'origin': dict(model.origin),
    }


def _read(folder: Path) -> dict:
    """Reads model.json and checks its members."""
    path = folder / _DESCRIPTION
    try:
        document = documents.parse(path.read_text(encoding='utf-8'))
    except (FileNotFoundError, NotADirectoryError):
        what = f'{folder}: no model here (no {_DESCRIPTION})'
        if (folder / 'run.json').is_file():
            what += f'; it is a run: skeljax export {folder} --out DIR makes one of it'
        raise InputError(what) from None
    except (OSError, ValueError) as error:
        raise InputError(f'{path}: cannot be read: {error}') from None
    if not isinstance(document, dict) or document.get('format') != FORMAT:
        raise InputError(f'{path}: not a description of a model (format is not {FORMAT!r})')
    version = document.get('version')
    if not isinstance(version, int) or version < 1:
        raise InputError(f'{path}: version is {version!r}, expected a number from 1')
    if version > VERSION:
        raise InputError(
            f'{path}: a model of version {version}, this skeljax {skeljax.__version__} reads up '
            f'to {VERSION}; install a later one'
        )
    document = renamed_fields.convert({'data': document})['data']  # converts keys of 0.1.0
    for name, kind in _REQUIRED.items():
        if not isinstance(document.get(name), kind):
            found = 'missing' if name not in document else f'{str(document[name])[:40]!r}'
            raise InputError(f'{path}: {name} is {found}, a damaged description')
    return document


def _flat(variables: Mapping) -> dict[str, np.ndarray]:
    """Returns every array by its path: params/backbone/..."""
    flat = traverse_util.flatten_dict(variables, sep='/')
    return {name: np.asarray(array) for name, array in flat.items()}


def _variables(folder: Path, recorded: Mapping, like: Mapping) -> dict:
    """Reads the weights and checks hash, names, types and shapes."""
    path = folder / _WEIGHTS
    try:
        if hashlib.sha256(path.read_bytes()).hexdigest() != recorded.get('sha256'):
            raise InputError(f'{path}: damaged weights: their hash is not that in {_DESCRIPTION}')
    except FileNotFoundError:
        raise InputError(f'{path}: no such file') from None
    except OSError as error:
        raise InputError(f'{path}: cannot be read: {error.strerror}') from None
    arrays = dict(archive.load(path))
    shapes = {n: tuple(a.shape) for n, a in traverse_util.flatten_dict(like, sep='/').items()}
    for name in sorted(shapes.keys() | arrays.keys()):
        found = tuple(arrays[name].shape) if name in arrays else 'absent'
        if name in arrays and arrays[name].dtype.kind != 'f':
            raise InputError(f'{path}: {name} are {arrays[name].dtype}, expected real numbers')
        if found != shapes.get(name):
            expected = shapes.get(name, 'none')
            raise InputError(f'{path}: {name} is {found}, but the network has {expected}')
    return traverse_util.unflatten_dict(arrays, sep='/')


def _pretrained(source: str) -> dict:
    """Returns how an encoder was pretrained, if its run still exists."""
    if not source:
        return {}
    known = {'run': Path(source).name}
    try:
        info = workdirs.read(source)
        config = workdirs.config_of(info, skeljax.configs.default.get_config())
    except InputError:
        return known
    return known | {
        'unlabeled': list(config.data.unlabeled),
        'method': config.pretrain.method,
        'snippet_weight': config.pretrain.snippet.weight,
        'num_steps': config.pretrain.num_steps,
    }


def _figures(workdir: Path) -> dict:
    """Returns results of `skeljax evaluate` on this run alone: split -> protocol -> figures."""
    by_split = {}
    for path in sorted(workdir.glob('evaluate-*.json')):
        try:
            document = documents.parse(path.read_text(encoding='utf-8'))
            runs, split, decoder = document['runs'], document['split'], document.get('decoder')
            figures = {
                name: {**of['figures'], 'mean': of['mean']}
                for name, of in document['protocols'].items()
            }
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if len(runs) == 1 and not document.get('window'):
            by_split[f'{split}, {decoder}' if decoder else split] = figures
    return by_split
