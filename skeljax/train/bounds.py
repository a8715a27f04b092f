"""Bounds and names of values in a config, checked before any data are read."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
import math

from ml_collections import ConfigDict

from skeljax import localize
from skeljax.configs import default
from skeljax.data import normalize
from skeljax.errors import InputError
from skeljax.localize import protocols
from skeljax.skeletons import skeleton, streams
from skeljax.train import device_dataset, optimizer, parallel, run_dir as workdirs

_MANY = 2**31 - 1
# Pattern of a field's name -> smallest and largest value; the first pattern that matches counts. In
# a tuple they hold for each number. The largest is where memory or arithmetic would fail anyway.
_BOUNDS = {
    'seed': (0, 2**32 - 1),
    'steps_per_call': (1, 100_000),
    'data.fps': (0, 10_000),
    'model.dropout': (0, 0.999),
    'model.base_channels': (1, 65_536),
    'model.*.down_stages': (1, 1000),
    'model.*.*': (1, 65_536),
    '*.num_steps': (1, _MANY),
    '*.num_epochs': (0, 1_000_000),
    '*.batch_size': (1, 1_000_000),
    '*.window': (1, 1_000_000),
    '*.crop.length': (1, 1_000_000),
    '*.crop.pad_ratio': (0, 1000),
    '*.crop.tempo': (0, 100),
    '*.*_every': (0, _MANY),
    '*.optimizer.peak_lr': (0, 1e6),
    '*.optimizer.warmup': (0, 1),
    '*.optimizer.decay_at': (0, 1),
    '*.optimizer.decay_factor': (0, 1e6),
    '*.optimizer.weight_decay': (0, 1e6),
    'pretrain.embed_dim': (1, 65_536),
    'pretrain.*queue_size': (0, 10**8),
    'pretrain.*temperature': (1e-6, 1e6),
    'pretrain.momentum': (0, 1),
    'pretrain.*.mining_start': (0, 1),
    'pretrain.snippet.weight': (0, 1e6),
    'pretrain.snippet.*': (0, 1_000_000),
    'pretrain.*.cross_start': (0, 1),
    'pretrain.aimclr.keep_rate': (0, 1),
    'pretrain.hiclr.num_masked_joints': (1, 65_536),
    'pretrain.vicreg.num_views': (2, 100),
    'pretrain.vicreg.hidden_dim': (1, 65_536),
    'pretrain.vicreg.*': (0, 1e6),
    'pretrain.cmd.top_k': (1, 10**8),
    'pretrain.rvtclr.margin': (-1e6, 1e6),
    '*.mirror': (0, 1),
    '*.axis_mask': (0, 1),
    'pretrain.views.*': (0, 1000),
    'finetune.augment.*': (0, 1000),
    'finetune.loss.boundary_smoothing': (0, 1_000_000),
    'finetune.loss.boundary_radius': (1, 1_000_000),
    'finetune.loss.pool_radius': (0, 1_000_000),
    'finetune.feature_strides': (1, 1_000_000),
    'finetune.backbone_lr_scale': (0, 1e6),
    'finetune.unfreeze_at': (0, 1),
    'finetune.label_fraction': (1e-9, 1),
    'finetune.label_seed': (0, 2**32 - 1),
    'finetune.num_neighbors': (1, 1_000_000),
    'evaluate.tious': (1e-9, 1),
    '*': (-1e12, 1e12),
}
_NAMES = {
    'model.dtype': ('float32', 'bfloat16', 'float16', 'float64'),
    'parallel': parallel.FORMS,
    'data.device_dataset_dtype': device_dataset.DTYPES,
    '*.optimizer.name': optimizer.NAMES,
    '*.optimizer.decay': optimizer.DECAYS,
    'finetune.stream': streams.STREAMS,
    'pretrain.streams': streams.STREAMS,
}
_NEEDED = ('data.unlabeled', 'evaluate.tious', 'pretrain.streams')  # tuples that must not be empty


def check(config: ConfigDict):
    """Raises InputError at the first field whose value is impossible; names the field."""
    method = config.pretrain.method
    own = f'method={method}' if method in default.METHODS else ''  # another library's has none
    values = config.to_dict()
    workdirs.check_kinds(values, default.get_config(own).to_dict(), 'config')
    for name, value in workdirs.flat(values):
        low, high = _of(name, _BOUNDS)
        for one in _leaves(value):
            if isinstance(one, bool | str) or one is None:
                continue
            if not low <= one <= high or math.isnan(one):
                raise InputError(f'config.{name} is {value!r:.60}, expected {low:g} to {high:g}')
        known = _of(name, _NAMES)
        strange = [one for one in _leaves(value) if known and one not in known]
        if strange:
            raise InputError(f'config.{name} is {value!r:.60}, known: {", ".join(known)}')
        if name in _NEEDED and not value:
            raise InputError(f'config.{name} is empty')
    _check_elsewhere(config)
    _check_multi_label(config)
    _check_crops(config)


def _check_elsewhere(config: ConfigDict):
    """Checks names by the modules that define them."""
    for name, look in (
        ('data.normalization', lambda: normalize.compose(tuple(config.data.normalization))),
        ('data.layout', lambda: config.data.layout and skeleton.get(config.data.layout)),
        ('finetune.protocol', lambda: localize.protocol(config.finetune.protocol)),
    ):
        try:
            look()
        except InputError as error:
            raise InputError(f'config.{name}: {error}') from None


def _check_multi_label(config: ConfigDict):
    name = config.finetune.protocol
    if config.finetune.multi_label and name in protocols.PROTOCOLS:
        if protocols.reads_segments(name):
            raise InputError(
                f'config.finetune.protocol is {name!r}, whose decoder finds '
                'one class a frame, expected another one with config.finetune.multi_label'
            )


def _check_crops(config: ConfigDict):
    for stage in ('pretrain', 'finetune'):
        window, length = config[stage].window, config[stage].crop.length
        if length > window:
            raise InputError(
                f'config.{stage}.crop.length is {length} frames, more than its window of {window}'
            )


def _of(name: str, table: dict):
    return next((found for pattern, found in table.items() if fnmatchcase(name, pattern)), None)


def _leaves(value) -> Iterator:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _leaves(one)
    else:
        yield value
