"""Config fields that have another name than in version 0.1.0, old -> new.

`run.json` and `model.json` of that version hold the old names and values; they are converted when
they are read. Options of the command line and config files are refused, by an error that has the
new name.
"""

from collections.abc import Mapping
import contextlib

from ml_collections import ConfigDict

from skeljax.configs import default

_AUGMENTED = ('pretrain.views.*', 'finetune.augment')  # `*` is any view

RENAMED: dict[str, str] = {
    'data.normalisation': 'data.normalization',
    'data.unlabelled': 'data.unlabeled',
    'data.resident': 'data.device_dataset',
    'data.resident_dtype': 'data.device_dataset_dtype',
    'model.width': 'model.base_channels',
    'model.bn_axis': 'model.sync_bn',
    'model.agcn.strides': 'model.agcn.down_stages',
    'model.ctrgcn.strides': 'model.ctrgcn.down_stages',
    'model.stgcn.features': 'model.stgcn.out_channels',
    'model.gru.depth': 'model.gru.num_layers',
    'model.transformer.depth': 'model.transformer.num_layers',
    'model.transformer.heads': 'model.transformer.num_heads',
    'model.transformer.expand': 'model.transformer.mlp_ratio',
    'pretrain.host': 'pretrain.method',
    'pretrain.batch': 'pretrain.batch_size',
    'pretrain.embed': 'pretrain.embed_dim',
    'pretrain.negatives_form': 'pretrain.negatives_impl',
    'pretrain.snippet.count': 'pretrain.snippet.num_snippets',
    'pretrain.snippet.apart': 'pretrain.snippet.min_gap',
    'pretrain.snippet.mined': 'pretrain.snippet.num_mined',
    'pretrain.snippet.mine_from': 'pretrain.snippet.mining_start',
    'pretrain.aimclr.mine_from': 'pretrain.aimclr.mining_start',
    'pretrain.aimclr.keep': 'pretrain.aimclr.keep_rate',
    'pretrain.hiclr.mine_from': 'pretrain.hiclr.mining_start',
    'pretrain.hiclr.hidden': 'pretrain.hiclr.num_masked_joints',
    'pretrain.rvtclr.mine_from': 'pretrain.rvtclr.mining_start',
    'pretrain.crossclr.cross_from': 'pretrain.crossclr.cross_start',
    'pretrain.cmd.top': 'pretrain.cmd.top_k',
    'pretrain.vicreg.hidden': 'pretrain.vicreg.hidden_dim',
    'pretrain.vicreg.similarity': 'pretrain.vicreg.invariance_weight',
    'pretrain.vicreg.spread': 'pretrain.vicreg.variance_weight',
    'pretrain.vicreg.correlation': 'pretrain.vicreg.cross_correlation_weight',
    'pretrain.optimiser': 'pretrain.optimizer',
    'finetune.optimiser': 'finetune.optimizer',
    'pretrain.optimizer.peak': 'pretrain.optimizer.peak_lr',
    'finetune.optimizer.peak': 'finetune.optimizer.peak_lr',
    'pretrain.optimizer.factor': 'pretrain.optimizer.decay_factor',
    'finetune.optimizer.factor': 'finetune.optimizer.decay_factor',
    'finetune.batch': 'finetune.batch_size',
    'finetune.levels': 'finetune.feature_strides',
    'finetune.whole': 'finetune.clip_level',
    'finetune.backbone_rate': 'finetune.backbone_lr_scale',
    'finetune.backbone_after': 'finetune.unfreeze_at',
    'finetune.neighbours': 'finetune.num_neighbors',
    **{
        f'{owner}.{old}': f'{owner}.{new}'
        for owner in _AUGMENTED
        for old, new in (
            ('turn', 'yaw'),
            ('bones', 'bone_scale'),
            ('joint_mask', 'mask_joints'),
            ('corrupt', 'corrupt_joints'),
        )
    },
}


def _center(steps):
    """Converts names of normalization steps; what is no list of names stays for its reader."""
    if not isinstance(steps, list | tuple):
        return steps
    return [s.replace('centre', 'center') if isinstance(s, str) else s for s in steps]


def _sync_bn(axis):
    return {"'all'": True, "'none'": False}.get(repr(axis), axis)


# Fields whose values changed too: new name -> conversion of an old value.
_VALUES = {
    'data.normalization': _center,
    'model.sync_bn': _sync_bn,
}


def new_name(name: str) -> str:
    """Returns today's name of a field of version 0.1.0, `name` itself where it did not change."""
    renamed = ''
    for part in name.split('.'):
        renamed = f'{renamed}.{part}' if renamed else part
        renamed = _renamed(renamed)
    return renamed


def _renamed(name: str) -> str:
    parts = name.split('.')
    if name.startswith('pretrain.views.') and len(parts) == 4:
        known = RENAMED.get('.'.join([*parts[:2], '*', parts[3]]), name)
        return '.'.join([*parts[:3], known.split('.')[-1]])
    return RENAMED.get(name, name)


def convert(config: Mapping) -> dict:
    """Returns a stored config, nested dicts of JSON values, under today's names and values.

    A field is left as it is if its new name is not in configs/default.py, or stands beside it.
    """
    return _converted(config, '', declared(config))


def declared(stored: Mapping) -> frozenset[str]:
    """Returns the names of today's fields and groups, for the method of a stored config."""
    stage = stored.get('pretrain', {})
    name = stage.get('method', stage.get('host', '')) if isinstance(stage, Mapping) else ''
    config = default.get_config()
    for choice in ('method', 'host'):
        with contextlib.suppress(ValueError):  # another library's method, or another choice
            config = default.get_config(f'{choice}={name}')
    return frozenset(_names(config, ''))


def _names(config: ConfigDict, group: str):
    for name, value in config.items():
        path = f'{group}.{name}' if group else name
        yield path
        if isinstance(value, ConfigDict):
            yield from _names(value, path)


def _any_view(name: str) -> str:
    """Returns the name of the same field of the view 'query', which all methods have."""
    parts = name.split('.')
    of_view = name.startswith('pretrain.views.') and len(parts) == 4
    return f'pretrain.views.query.{parts[3]}' if of_view else name


def _converted(tree: Mapping, group: str, declared: frozenset[str]) -> dict:
    """Converts the fields of a group that has its new name `group`."""
    made = {}
    for name, value in tree.items():
        path = f'{group}.{name}' if group else name
        renamed = _renamed(path)
        new = renamed.split('.')[-1]
        if renamed != path and _any_view(renamed) in declared and new not in tree:
            path = renamed
        if isinstance(value, Mapping):
            value = _converted(value, path, declared)
        elif path in _VALUES:
            value = _VALUES[path](value)
        made[path.split('.')[-1]] = value
    return made
