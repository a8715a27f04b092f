"""What the golden numbers are measured on: fields of configs, named as before the redesign.

The backbone is an ST-GCN of one block, wide enough for the convolution that is fast on CPU. There
is no dropout, so that another way to draw it is free. Together the methods use every way to match
snippets, every source of negatives and both of their forms; mining starts with the third step.
"""

import json
from pathlib import Path
import re
from typing import NamedTuple

PRETRAIN = {
    'model.width': 16, 'model.stgcn.features': 16, 'model.dropout': 0.0,
    'pretrain.num_steps': 3, 'pretrain.batch': 4, 'pretrain.window': 20, 'pretrain.crop.length': 16,
    'pretrain.embed': 16, 'pretrain.queue_size': 8, 'pretrain.momentum': 0.9,
    'pretrain.temperature': 0.2, 'pretrain.optimiser.peak': 0.02, 'pretrain.optimiser.warmup': 0.0,
    'pretrain.optimiser.decay_at': (0.5,), 'pretrain.snippet.mined': 2,
    'pretrain.snippet.mine_from': 0.5,
}
TWO_STREAMS = {'pretrain.streams': ('joint', 'motion')}


class Case(NamedTuple):
    """What differs between cases.

    Attributes:
        fields: config key -> value, over those of all cases.
        persons: M of the recordings.
        window: frames of the recordings.
    """

    fields: dict[str, object]
    persons: int = 1
    window: int = 20


def _weak(*views: str) -> dict[str, object]:
    """Leaves of the augmentation of views the shear alone: random numbers take long to compile."""
    operations = ('noise', 'blur', 'axis_mask', 'mirror', 'rotate', 'corrupt')
    return {f'pretrain.views.{view}.{name}': 0 for view in views for name in operations}


METHODS = {
    'skeletonclr': Case({}),
    'crossclr': Case({
        **TWO_STREAMS, 'faithful': ('momentum_freeze',), 'pretrain.negatives': ('queue', 'batch'),
        'pretrain.snippet.match': 'time', 'pretrain.snippet.apart': 2,
        'pretrain.snippet.negatives': 'snippet',
    }),
    'aimclr': Case({
        'faithful': ('augmentation', 'partition', 'snippet_pointer', 'warmup_overshoot'),
        'pretrain.optimiser.warmup': 0.34, 'pretrain.snippet.match': 'position',
        'pretrain.snippet.count': 3, 'pretrain.snippet.queue_size': 4,
    }, persons=2),
    'hiclr': Case({
        'pretrain.negatives': ('queue', 'batch'), 'pretrain.snippet.match': 'random',
        'pretrain.snippet.weight': 0.5, 'pretrain.snippet.mined': 0, **_weak('extreme', 'masked'),
        'pretrain.views.key.turn': 0.3, 'pretrain.views.key.scale': 0.1,
    }),
    'rvtclr': Case(
        {
            'pretrain.window': 40, 'pretrain.crop.length': 32, 'pretrain.crop.tempo': 0.2,
            **_weak('query'),
        },
        persons=2, window=40,
    ),
    'cmd': Case({
        **TWO_STREAMS, 'pretrain.cmd.top': 4, 'pretrain.negatives': ('queue', 'subject'),
        'pretrain.optimiser.decay': 'cosine', 'pretrain.snippet.mined': 0, **_weak('query', 'key'),
    }),
    'vicreg': Case({
        'pretrain.vicreg.hidden': 16, 'pretrain.vicreg.num_views': 3,
        **_weak('second', 'third', 'key'), 'pretrain.negatives': ('queue', 'batch'),
        'pretrain.negatives_form': 'ring', 'pretrain.snippet.negatives': 'snippet',
        'pretrain.snippet.apart': 1, 'pretrain.snippet.mine_from': 1.0,
        'pretrain.optimiser.peak': 0.001,
    }),
}

FINETUNE = {
    'model.width': 16, 'model.stgcn.features': 16, 'model.dropout': 0.0,
    'finetune.num_steps': 3, 'finetune.batch': 4, 'finetune.window': 20,
    'finetune.crop.length': 16, 'finetune.optimiser.peak': 0.002,
    'finetune.optimiser.warmup': 0.0, 'finetune.optimiser.decay_at': (0.5,),
    'finetune.augment.shear': 0.2, 'finetune.augment.noise': 0.01,
}
# The fuser joins the features of three blocks, which halve time in their turn.
HEADS = {
    'fuser': Case({'finetune.backbone_rate': 0.5, 'finetune.backbone_after': 0.4}, persons=2),
    'plain': Case({
        'finetune.fuser': False, 'finetune.stream': 'motion', 'finetune.optimiser.name': 'sgd',
        'finetune.optimiser.peak': 0.05,
    }),
}

# Whole runs, as the command line makes them, on four equal recordings of 20 frames.
SMALL = {'model.width': 4, 'model.gru.depth': 1, 'model.dropout': 0.0, 'data.data_dir': 'data'}
STOPPED = 'default:corpus=folder/golden,host=crossclr,backbone=gru'
STOPPED_FIELDS = SMALL | TWO_STREAMS | {
    'pretrain.num_steps': 4, 'pretrain.checkpoint_every': 2, 'pretrain.log_every': 1,
    'pretrain.batch': 8, 'pretrain.window': 20, 'pretrain.crop.length': 16, 'pretrain.embed': 8,
    'pretrain.queue_size': 16, 'pretrain.temperature': 0.2, 'pretrain.momentum': 0.9,
    'pretrain.optimiser.peak': 0.02, 'pretrain.snippet.mined': 2,
    'pretrain.snippet.mine_from': 0.5,
}
_TUNED = {
    'finetune.num_steps': 2, 'finetune.log_every': 1, 'finetune.batch': 8, 'finetune.window': 20,
    'finetune.crop.length': 16, 'finetune.label_fraction': 1.0, 'finetune.optimiser.peak': 0.01,
}
FROM_STOPPED_FIELDS = SMALL | _TUNED | {'finetune.fuser': False, 'finetune.stream': 'motion'}
TUNED = 'default:corpus=folder/golden,backbone=stgcn'
TUNED_FIELDS = SMALL | _TUNED | {
    'model.width': 2, 'model.stgcn.features': 4, 'finetune.optimiser.name': 'sgd',
}
# Exported models that were not trained, of the other backbones.
MODELS = {
    'agcn': {'model.width': 4, 'finetune.fuser_kind': 'pyramid'},
    'ctrgcn': {'model.width': 4, 'finetune.levels': (1, 4)},
    'gru': {'model.width': 8, 'model.gru.depth': 1, 'finetune.fuser': False},
    'transformer': {
        'model.width': 8, 'model.transformer.depth': 1, 'model.transformer.heads': 2,
        'finetune.fuser': False,
    },
}

# Configs whose keys are kept: every method, backbone and setting, and every file.
BASE = 'default'
CONFIGS = (
    *(f'default:host={method}' for method in METHODS if method != 'skeletonclr'),
    *(f'default:backbone={name}' for name in ('stgcn', 'ctrgcn', 'gru', 'transformer')),
    *(
        f'default:setting={name}'
        for name in ('linear', 'plain', 'fuser', 'semi1', 'semi50', 'recognition')
    ),
    'ui_prmd', 'ui_prmd:composed20,host=rvtclr', 'own:mine', 'demo', 'demo:ui_prmd',
    'babel', 'babel:subset3_faithful', 'pku_mmd',
    *(f'published:host={method}' for method in METHODS), 'published:setting=recognition',
    *(
        f'bench:{row}'
        for row in (
            'stgcn16', 'agcn64', 'pair', 'rvtclr', 'finetune', 'resident', 'augment', 'evaluation',
            'recording',
        )
    ),
)

# Decoders beside the protocols' own, with steps around them.
DECODERS = (
    'babel', 'babel_clean', 'class_runs', 'activity', 'activity_clean', 'argmax', 'steady', 'whole',
    'watershed', 'watershed_activity', 'gaussian:3,watershed,refine', 'mean:5,argmax,soft_gaussian',
    'class_runs,nms:0.3', 'babel_clean,soft_linear:0.5',
)


def renamed_keys(new_name, declared) -> dict[str, str]:
    """Returns key as it was -> as it is, of those whose new name is declared."""
    kept = json.loads(Path(__file__).with_name('keys.json').read_text())
    keys = {*kept[BASE], *(key for of in kept['differ'].values() for key in of['changed'])}
    names = {key: new_name(key) for key in keys}
    renamed = {key: name for key, name in names.items() if name != key}
    in_query = lambda name: re.sub(r'^pretrain\.views\.\w+', 'pretrain.views.query', name)
    return {key: name for key, name in renamed.items() if in_query(name) in declared}
