"""A run of a method without momentum encoder and without queues is saved and goes on."""

import shutil

import jax
import numpy as np

from skeljax.cli import config_args
from skeljax.train import checkpoint, corpora, loop, run


def test_it_goes_on_as_if_never_stopped(tiny, tmp_path):
    config = config_args.load(
        'ui_prmd:method=vicreg,backbone=gru',
        [
            '--config.data.corpus=synthetic/tiny',
            '--config.data.unlabeled=("synthetic/tiny",)',
            f'--config.data.data_dir={tiny}',
            '--config.model.base_channels=4',
            '--config.model.gru.num_layers=1',
            '--config.pretrain.batch_size=8',
            '--config.pretrain.window=32',
            '--config.pretrain.crop.length=16',
            '--config.pretrain.queue_size=16',
            '--config.pretrain.snippet.weight=0.0',
            '--config.pretrain.vicreg.num_views=2',
        ],
    )
    plan = loop.LoopConfig(num_steps=3, batch=8, checkpoint_every=1)
    with jax.numpy_dtype_promotion('standard'):
        step, state, batches = run.prepare_pretraining(config, corpora.open_unlabeled(config))
        assert not jax.tree.leaves((state.target_params, state.queues))
        train = lambda workdir: loop.train(
            step, state, batches, plan, workdir, quiet=True, devices=jax.devices()[:1]
        )
        (tmp_path / 'whole').mkdir()
        whole = train(tmp_path / 'whole')
        stopped = tmp_path / 'stopped'
        shutil.copytree(tmp_path / 'whole', stopped)
        shutil.rmtree(stopped / 'checkpoints' / '3')
        with checkpoint.manager(stopped / 'checkpoints') as mngr:
            assert mngr.latest_step() == 2
        jax.tree.map(np.testing.assert_array_equal, train(stopped), whole)
