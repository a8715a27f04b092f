"""What pretraining saves of an encoder, fine-tuning restores: every backbone, by its items."""

import jax
import numpy as np
import pytest

from skeljax.cli import config_args
from skeljax.inference import run_loader
from skeljax.train import build, checkpoint, finetune

BACKBONES = ('agcn', 'stgcn', 'ctrgcn', 'gru', 'transformer')


@pytest.mark.parametrize('fused', [True, False])
@pytest.mark.parametrize('backbone', BACKBONES)
def test_fine_tuning_starts_from_the_encoder_of_pretraining(backbone, fused, tmp_path):
    small = [
        '--config.model.base_channels=8',
        '--config.pretrain.queue_size=64',
        f'--config.finetune.fuser={fused}',
    ]
    config = config_args.load(f'ui_prmd:backbone={backbone}', small)
    shapes = jax.eval_shape(lambda: build.pretraining(config, 'uiprmd22', 1)[1])
    rng = np.random.default_rng(0)
    saved = jax.tree.map(lambda x: rng.normal(size=x.shape).astype(np.float32), shapes.backbone)
    _, like = run_loader.network(config, 'uiprmd22', 3)
    with checkpoint.manager(tmp_path) as mngr:
        checkpoint.save(mngr, 1, {'backbone': saved})
    with checkpoint.manager(tmp_path) as mngr:
        wanted = {'joint': finetune.split(like)['backbone']}
        found = checkpoint.restore(mngr, {'backbone': wanted})['backbone']
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for read, written in zip(jax.tree.leaves(found), jax.tree.leaves(saved), strict=True):
        np.testing.assert_array_equal(read, written)
