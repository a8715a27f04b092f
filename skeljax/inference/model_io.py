"""A model as a folder of plain files that need no corpus, run or training code.

    model/model.json     what it is, how recordings are prepared and scores decoded
    model/weights.npz    float arrays, one for each of the network's Flax variables

Weights are NumPy's `.npz`, not Orbax: whoever has NumPy can list and open them, in
twenty years too, and no version of a checkpoint library has to match. They are read
without unpickling, and model.json tells the hash of the file.
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
VERSION = 2  # rises when an older skeljax could not read a folder, or would read it wrongly
_SEQUENCE_SINCE = 2  # models of earlier versions have no fitted sequence decoder
_TOLD, _WEIGHTS = 'model.json', 'weights.npz'
_NEEDED: dict[str, type | tuple[type, ...]] = {
    'classes': list, 'layout': dict, 'fps': (int, float), 'normalization': list, 'step': int,
    'decoding': dict, 'config': dict, 'weights': dict, 'origin': dict,
}


def write(folder, model: Model, *, force: bool = False, more=None) -> Path:
    """Writes a model's folder, whole or not at all.

    Args:
        folder: new, or an empty one.
        model: what to write.
        force: replaces a folder that holds a model.
        more: makes further files, called with the folder before it is in its place.

    Raises:
        InputError: the folder is there and is no model, or is one without `force`; it
            cannot be written.
    """
    given, folder = folder, check(folder, force=force)
    beside = folder.with_name(f'.{folder.name}.{os.getpid()}.part')
    try:
        beside.mkdir(parents=True)
        arrays = _flat(model.trained.variables)
        with (beside / _WEIGHTS).open('wb') as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # no array is named allow_pickle
        text = json.dumps(_described(model, arrays, beside / _WEIGHTS), indent=1)
        (beside / _TOLD).write_text(text + '\n', encoding='utf-8')
        if more:
            more(beside)
        if folder.exists():
            shutil.rmtree(folder)
        beside.rename(folder)
    except OSError as error:
        raise InputError(f'{given}: cannot be written: {error.strerror}') from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def check(folder, *, force: bool = False) -> Path:
    """Sees that a model can be written to a folder.

    Raises:
        InputError: something else is there, or a model without `force`.
    """
    place = Path(folder).resolve()
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return place
    if not (place / _TOLD).is_file():
        raise InputError(f'{folder}: exists and is no model; choose another name by --out')
    if not force:
        raise InputError(f'{folder}: holds a model; choose another name by --out, or --force')
    return place


def load(folder, note: Callable[[str], object] | None = None) -> Model:
    """Reads a model's folder.

    Args:
        folder: as `write` makes it.
        note: called with a line where the model is older than the sequence decoder, with whose
            defaults it is then decoded; by default it becomes a warning.

    Raises:
        InputError: it is no model, of a later version, or something in it is damaged.
    """
    folder = Path(folder)
    told = _read(folder)
    try:
        if not 0 < told['fps'] < np.inf or not all(isinstance(n, str) for n in told['classes']):
            raise InputError('fps or classes are none: a damaged description')
        layout = skeleton.describe(skeleton.get(json.dumps(told['layout'])))
        decoded = decoder_config.from_json_dict(told['decoding'])
        if told['version'] < _SEQUENCE_SINCE:
            decoded = decoder_config.from_sequence(SequenceDecoder(fps=float(told['fps'])))
            (note or warnings.warn)(f'{folder}: {NOT_FITTED}')
        config = workdirs.config_of(told, skeljax.configs.default.get_config())
        _check_code(config)
        build.check(config)
        config.data.normalization = tuple(told['normalization'])
        normalize.compose(config.data.normalization)
        model, like = run_loader.network(config, layout, len(told['classes']))
    except InputError as error:
        raise InputError(f'{folder / _TOLD}: {error}') from None
    except Exception as error:  # a description that is none fails wherever it is used first
        reason = archive.reason(error)
        raise InputError(f'{folder / _TOLD}: a damaged description: {reason}') from None
    ready = run_loader.Trained(
        model=model,
        variables=_variables(folder, told['weights'], like),
        config=config,
        classes=tuple(told['classes']),
        layout=layout,
        fps=float(told['fps']),
        step=told['step'],
        mirrored=told.get('mirrored'),
    )
    return Model(ready, decoded, told['origin'])


def _check_code(config):
    """Raises InputError if a model names code by a module path, which loading would run.

    A model may come from anywhere. Code of another library must be an entry point of an installed
    package, see `skeljax.plugins`.
    """
    for name in (config.model.name, config.finetune.fuser_kind, config.pretrain.method):
        if ':' in str(name):
            raise InputError(f'names code, {name!r:.100}; expected the name of an entry point')


def origin(workdir) -> dict:
    """Tells where a fine-tuning run's weights came from, for `model.json`.

    Returns:
        run, git, versions; corpus, label_fraction, label_seed; pretrained on
        what and how, {} from scratch; figures: what was measured on which split.
    """
    workdir = Path(workdir)
    run = workdirs.read(workdir)
    config = workdirs.config_of(run, skeljax.configs.default.get_config())
    with checkpoint.reader(workdir / 'best') as mngr:
        selected = checkpoint.metrics(mngr, mngr.latest_step())
    chosen = config.finetune
    return {
        'run': workdir.resolve().name,
        'git': run.get('git'),
        'versions': run.get('versions'),
        'corpus': run['corpus']['name'],
        'label_fraction': chosen.label_fraction,
        'label_seed': chosen.label_seed,
        'pretrained': _pretrained(chosen.init_from),
        'figures': {'validation': {'protocol': chosen.protocol, **selected}, **_figures(workdir)},
    }


def _described(model: Model, arrays: Mapping[str, np.ndarray], weights: Path) -> dict:
    ready = model.trained
    layout = skeleton.get(ready.layout)
    config = json.loads(json.dumps(ready.config.to_dict()))
    # What made the network; where its data were is nobody else's matter.
    kept = {name: config[name] for name in ('faithful', 'model', 'finetune', 'seed')}
    kept['finetune']['init_from'] = Path(kept['finetune']['init_from']).name
    return {
        'format': FORMAT,
        'version': VERSION,
        'skeljax': skeljax.__version__,
        'classes': list(ready.classes),
        'layout': {
            'name': layout.name,
            'joints': layout.joints,
            'parents': layout.parents,
            'points': layout.points,
        },
        'fps': ready.fps,
        'normalization': list(ready.config.data.normalization),
        'step': ready.step,
        'mirrored': ready.mirrored,
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
    """Reads model.json and sees that it has what it must."""
    path = folder / _TOLD
    try:
        told = documents.parse(path.read_text(encoding='utf-8'))
    except (FileNotFoundError, NotADirectoryError):
        what = f'{folder}: no model here (no {_TOLD})'
        if (folder / 'run.json').is_file():
            what += f'; it is a run: skeljax export {folder} --out DIR makes one of it'
        raise InputError(what) from None
    except (OSError, ValueError) as error:
        raise InputError(f'{path}: cannot be read: {error}') from None
    if not isinstance(told, dict) or told.get('format') != FORMAT:
        raise InputError(f'{path}: no description of a model (format is not {FORMAT!r})')
    version = told.get('version')
    if not isinstance(version, int) or version < 1:
        raise InputError(f'{path}: version is {version!r}, expected a number from 1')
    if version > VERSION:
        raise InputError(
            f'{path}: a model of version {version}, this skeljax {skeljax.__version__} reads up '
            f'to {VERSION}; install a later one'
        )
    told = renamed_fields.convert({'data': told})['data']  # of version 0.1.0: 'normalisation'
    for name, kind in _NEEDED.items():
        if not isinstance(told.get(name), kind):
            found = 'missing' if name not in told else f'{str(told[name])[:40]!r}'
            raise InputError(f'{path}: {name} is {found}, a damaged description')
    return told


def _flat(variables: Mapping) -> dict[str, np.ndarray]:
    """Names every array by its path: params/backbone/..."""
    flat = traverse_util.flatten_dict(variables, sep='/')
    return {name: np.asarray(array) for name, array in flat.items()}


def _variables(folder: Path, told: Mapping, like: Mapping) -> dict:
    """Reads the weights and sees that they are those of the network."""
    path = folder / _WEIGHTS
    try:
        if hashlib.sha256(path.read_bytes()).hexdigest() != told.get('sha256'):
            raise InputError(f'{path}: damaged weights: not the file that {_TOLD} tells of')
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
    """Tells what an encoder was pretrained on, as far as its run is still there."""
    if not source:
        return {}
    told = {'run': Path(source).name}
    try:
        run = workdirs.read(source)
        config = workdirs.config_of(run, skeljax.configs.default.get_config())
    except InputError:
        return told
    return told | {
        'unlabeled': list(config.data.unlabeled),
        'method': config.pretrain.method,
        'snippet_weight': config.pretrain.snippet.weight,
        'num_steps': config.pretrain.num_steps,
    }


def _figures(workdir: Path) -> dict:
    """Collects the figures of `skeljax evaluate` on the run alone: split -> protocol -> figures."""
    found = {}
    for path in sorted(workdir.glob('evaluate-*.json')):
        try:
            told = documents.parse(path.read_text(encoding='utf-8'))
            runs, split, decoder = told['runs'], told['split'], told.get('decoder')
            figures = {
                name: {**of['figures'], 'mean': of['mean']}
                for name, of in told['protocols'].items()
            }
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if len(runs) == 1 and not told.get('window'):
            found[f'{split}, {decoder}' if decoder else split] = figures
    return found
