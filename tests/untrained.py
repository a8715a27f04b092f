"""A fine-tuning run as if it had been trained: its folder with first weights, made in a second."""

import jax
import jax.numpy as jnp
import numpy as np

from skeljax.configs import default
from skeljax.skeletons import skeleton
from skeljax.train import build, checkpoint, finetune, run_dir as workdirs

CLASSES = ('sit', 'walk', 'wave')


class _Corpus:
    name, classes, fps = 'folder/mine', CLASSES, 30.0

    def __init__(self, layout):
        self.layout = layout


def make(folder, *, backbone='gru', layout='ntu25', width=8, corpus=None, data=(), **changes):
    """Writes a run of a small network; `changes` are fields of finetune, `data` those of data."""
    corpus = corpus or _Corpus(layout)
    layout = corpus.layout
    config = default.get_config(f'corpus={corpus.name},backbone={backbone}')
    config.data.update(dict(data))
    config.model.base_channels, config.model.gru.num_layers, config.model.stgcn.out_channels = (
        width,
        1,
        8,
    )
    config.finetune.update({'fuser': False, 'label_fraction': 0.2, **changes})
    described = workdirs.check(folder, 'finetune', config, corpus)
    workdirs.create_run_dir(folder, described, ['skeljax', 'finetune'])
    model = build.localizer(config, layout, len(corpus.classes))
    example = jnp.zeros((1, 64, 1, skeleton.get(layout).num_joints, 3), np.float32)
    made = jax.jit(lambda rng: finetune.variables(model, rng, example))(jax.random.key(0))
    with checkpoint.manager(folder / 'best') as mngr:
        checkpoint.save(mngr, 7, finetune.split(made), {'selection': 0.25})
    return folder
