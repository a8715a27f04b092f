"""The one file of the golden tests that knows the library.

Where the library is renamed or moved, this file changes; cases, inputs and numbers do not. The
three tables below are empty as long as everything has the name that it had when the numbers were
made.
"""

import json
from pathlib import Path

from flax import traverse_util
import jax
import numpy as np

from skeljax import localize
from skeljax.cli import config_args
from skeljax.data import preparation
from skeljax.formats.motion import Motion
from skeljax.inference import model_io, predictor, run_loader, scoring
from skeljax.localize import Segments, decoder_config
from skeljax.train import build, parallel, renamed_fields, run as training, run_dir, train_state
from tests.golden import cases, inputs


def _declared() -> frozenset[str]:
    """Returns the config keys of today, with those of every method."""
    stored = ({'pretrain': {'host': method}} for method in cases.METHODS)
    return frozenset().union(*map(renamed_fields.declared, stored))


# Config key as it was -> as it is. The old name is accepted, or its error names the new one.
RENAMED: dict[str, str] = cases.renamed_keys(renamed_fields.new_name, _declared())
# Key of default.py -> its default as it is and as it was. All other configs keep the old value.
DEFAULTS = {'pretrain.snippet.mine_from': (1 / 3, 1.0)}
# Metric as it is -> as it was.
METRICS: dict[str, str] = {}
# One part of the path of a variable as it is -> as it was.
VARIABLES: dict[str, str] = {}

# Whether a pretraining that was stopped before the redesign goes on; if not, one line says so.
RESUMES = True

ITEMS = ('backbone', 'heads', 'decoder', 'key', 'queues')  # of a state, without the optimizer's


def pretrain(method: str) -> dict:
    """Takes three steps of pretraining by a method; see `_run`."""
    case = cases.METHODS[method]
    config = _one_block(
        _source(f'default:host={method},backbone=stgcn'), cases.PRETRAIN | case.fields
    )
    step, state = build.pretraining(config, inputs.LAYOUT, case.persons)
    return _run(step, state, _batches(method, case))


def finetune(head: str) -> dict:
    """Takes three steps of fine-tuning with a head; see `_run`."""
    case = cases.HEADS[head]
    config = _one_block('default:backbone=stgcn', cases.FINETUNE | case.fields)
    if head == 'fuser':
        config.model.stgcn.update(dict(channel_multipliers=(1, 1, 2), down_stages=(2, 3)))
    step, state, _ = build.finetuning(
        config, inputs.LAYOUT, case.persons, len(inputs.CLASSES)
    )
    return _run(step, state, _batches(head, case))


def _one_block(source: str, fields: dict):
    config = config_args.load(source, options(fields))
    with config.unlocked():  # what Backbone takes without being told of it in configs
        config.model.stgcn.update(dict(channel_multipliers=(1,), down_stages=(1,)))
    return config


def _source(source: str) -> str:
    """Returns a config and its argument with today's names."""
    return source.replace('host=', 'method=')


def options(fields: dict) -> list[str]:
    """Returns `--config.KEY=VALUE` of config keys as they were."""
    today = {
        key: value == 'all' if key == 'model.bn_axis' else value for key, value in fields.items()
    }
    return [f'--config.{RENAMED.get(key, key)}={value}' for key, value in today.items()]


def _batches(name: str, case) -> list[dict]:
    size = cases.PRETRAIN['pretrain.batch']
    make = lambda number: inputs.batch(f'{name}/{number}', size, case.window, case.persons)
    return [make(number) for number in range(3)]


def _run(step, state, batches: list[dict]) -> dict:
    """Replaces the first weights by `inputs.uniform` of their names and trains.

    Returns:
        first: path -> shape, mean and standard deviation of what the library initialized;
        steps: of each step, metric -> value;
        state: item -> sum of the absolute values at the end.
    """
    first, items = weighed(state)
    state = train_state.from_items(items, state)
    devices = jax.devices()[:1]
    step, state = parallel.data_parallel(step, devices), parallel.replicate(state, devices)
    history = []
    with _promoting():
        for batch in batches:
            state, metrics = step(state, parallel.shard(batch, devices), jax.random.key(7))
            history.append(_metrics(jax.device_get(metrics)))
    return {'first': first, 'steps': history, 'state': _sums(jax.device_get(state))}


def _promoting():
    """Allows mixed types: optax's Adam mixes floats and integers."""
    return jax.numpy_dtype_promotion('standard')


def _metrics(found: dict) -> dict[str, float]:
    return {METRICS.get(name, name): float(value) for name, value in found.items()}


def _paths(state) -> dict[tuple, np.ndarray]:
    """Lists the arrays of a state by their paths in a checkpoint."""
    state = train_state.to_items(state)
    return traverse_util.flatten_dict({item: state[item] for item in ITEMS if item in state})


def _before(path: tuple) -> str:
    return '/'.join(VARIABLES.get(part, part) for part in path)


def weighed(state, *, statistics: bool = False) -> tuple[dict, dict]:
    """Replaces the weights of a state, and batch statistics if asked.

    Returns:
        `first` as in `_run`, and the items of the state.
    """
    first, changed = {}, {}
    for path, array in _paths(state).items():
        name, array = _before(path), np.asarray(array)
        changed[path] = array
        if array.ndim and (statistics or 'batch_stats' not in path):
            first[name] = [list(array.shape), float(array.mean()), float(array.std())]
            changed[path] = _weights(name, array)
    return first, {**train_state.to_items(state), **traverse_util.unflatten_dict(changed)}


def _weights(name: str, array: np.ndarray) -> np.ndarray:
    """Returns other weights of the same shape: around a constant, or of variance 1 / fan-in."""
    drawn = inputs.uniform(name, array.shape)
    if name.endswith('vectors'):
        drawn = drawn / np.linalg.norm(drawn, axis=-1, keepdims=True)
    elif array.std() == 0:
        drawn = array + drawn / 10
    else:
        drawn = drawn * np.sqrt(3 / (array.size / array.shape[-1]))
    return drawn.astype(array.dtype)


def _sums(state) -> dict[str, float]:
    sums = dict.fromkeys(ITEMS, 0.0)
    for path, array in _paths(state).items():
        sums[_before(path).partition('/')[0]] += float(np.abs(array.astype(np.float64)).sum())
    return {item: total for item, total in sums.items() if total}


# Name of a protocol when the numbers were recorded -> its name today.
RENAMED_PROTOCOLS = {'segmentation': 'segmentation_runs'}
# Name of a decoder when the numbers were recorded -> its name today; the old one is accepted too.
RENAMED_DECODERS = {'steady': 'hysteresis'}


def protocols() -> set[str]:
    """Returns the names that protocols had when the numbers were recorded, of those there are."""
    before = {new: old for old, new in RENAMED_PROTOCOLS.items()}
    return {before.get(name, name) for name in localize.PROTOCOLS if name not in RENAMED_PROTOCOLS}


def decoders() -> set[str]:
    """Returns the names that decoders had when the numbers were recorded."""
    before = {new: old for old, new in RENAMED_DECODERS.items()}
    return {before.get(name, name) for name in localize.DECODERS}


def figures(protocol: str, decoder: str | None = None) -> dict:
    """Scores `inputs.scores` against `inputs.truth` by a protocol, or with another decoder."""
    name = RENAMED_PROTOCOLS.get(protocol, protocol)
    chosen, scores = localize.protocol(name, decoder), inputs.scores()
    columns = {name: np.array(rows).reshape(-1, 3).T for name, rows in inputs.truth().items()}
    result = chosen.evaluate(
        {name: chosen.decode(p) for name, p in scores.items()},
        {name: Segments(*rows) for name, rows in columns.items()},
        num_classes=len(inputs.CLASSES),
        tious=chosen.thresholds(),
        num_frames={name: len(p) for name, p in scores.items()},
        probabilities=scores,
    )
    return {
        **result.figures, 'mean': result.mean, 'map': result.map.tolist(),
        'num_predicted': result.num_predicted, 'num_true': result.num_true,
    }


def config(source: str, options: list[str] = ()) -> dict:
    """Reads a config with options: key as it was -> value.

    Raises:
        InputError: an unknown key or a value of another type.
    """
    before = {new: old for old, new in RENAMED.items()}
    found = run_dir.flat(config_args.load(_source(source), options).to_dict())
    values = {before.get(key, key): _value_before(key, value) for key, value in found}
    if source.startswith('default'):
        changed = {key: old for key, (new, old) in DEFAULTS.items() if values[key] == new}
        values |= changed
    return values


def _value_before(key: str, value):
    """Returns the value that a key had for what is `value` today."""
    if key == 'model.sync_bn':
        return 'all' if value else 'none'
    if key == 'data.normalization':
        return tuple(step.replace('center', 'centre') for step in value)
    return value


def prepare_corpus(raw: Path, data_dir: Path):
    """Prepares the corpus folder/golden, whose recordings are all the same: order is free."""
    raw.mkdir()
    split = ['train'] * 4 + ['validation', 'test']
    names = [f'r{number}' for number in range(len(split))]
    segments = [(0.1, 0.3, inputs.CLASSES[0]), (0.35, 0.6, inputs.CLASSES[5])]  # seconds
    for name in names:
        joints = inputs.motion('corpus', 20)
        np.savez(raw / f'{name}.npz', joints=joints, fps=inputs.FPS, layout=inputs.LAYOUT)
    rows = [f'{name},{start},{end},{label}' for name in names for start, end, label in segments]
    (raw / 'labels.csv').write_text('\n'.join(['recording,start,end,label', *rows, '']))
    rows = [f'{name},{part}' for name, part in zip(names, split, strict=True)]
    (raw / 'splits.csv').write_text('\n'.join(['recording,split', *rows, '']))
    preparation.prepare('folder/golden', data_dir=data_dir, manual_dir=raw)


def train(stage: str, source: str, fields: dict, folder: Path) -> dict[int, dict[str, float]]:
    """Trains, or goes on where the folder stopped, as the command line does: step -> metrics.

    Raises:
        InputError: it cannot go on from what the folder holds.
    """
    source = _source(source)
    words = ['skeljax', stage, '--config', source, '--workdir', folder.name, *options(fields)]
    run = {'pretrain': training.pretrain, 'finetune': training.finetune}[stage]
    with _promoting():
        run(config_args.load(source, options(fields)), folder, quiet=True, command=words)
    found: dict[int, dict[str, float]] = {}
    for line in map(json.loads, (folder / 'metrics.jsonl').read_text().splitlines()):
        step = line.pop('step')
        line.pop('examples_per_second', None)
        found.setdefault(step, {}).update(_metrics(line))
    return found


def load(folder: Path):
    """Loads an exported model, or makes one of a fine-tuned run."""
    if (folder / 'model.json').is_file():
        return model_io.load(folder, note=lambda _: None)  # decoded with default durations
    return predictor.of_run(folder)


def probabilities(model) -> np.ndarray:
    """Scores a recording of 40 frames, float32[T, L + 1]."""
    joints = inputs.motion('scored', 40)
    valid = np.ones(joints.shape[:2], bool)
    return model.scores(Motion(joints, inputs.FPS, inputs.LAYOUT, valid))


def about(model) -> dict:
    """Returns what describes a model besides its network."""
    return {
        'classes': list(model.classes), 'fps': model.fps, 'step': model.run.step,
        'layout': model.layout, 'decoding': decoder_config.to_json_dict(model.decoding),
    }


def export(folder: Path, run: Path):
    """Writes the exported model of a fine-tuned run."""
    model_io.write(folder, predictor.of_run(run)._replace(origin=model_io.origin(run)))


def export_untrained(folder: Path, source: str, fields: dict):
    """Writes an exported model with the weights of `inputs.uniform`."""
    config = config_args.load(source, options(fields))
    classes, layout = inputs.CLASSES, inputs.LAYOUT
    _, state, model = build.finetuning(config, layout, 1, len(classes))
    variables = scoring.variables(weighed(state, statistics=True)[1])
    made = run_loader.Run(model, variables, config, classes, layout, inputs.FPS, step=0)
    model_io.write(folder, predictor.Model(made, decoder_config.make('babel_clean'), {}))
