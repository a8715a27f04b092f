"""The open corpora of the first Kinect, on two CPU cores.

    skeljax prepare kinder_gator/composed58 --manual-dir DIR --data-dir data
    skeljax pretrain --config configs/open_corpora.py:kinder_gator/composed58 --workdir runs/pre
    skeljax finetune --config configs/open_corpora.py:kinder_gator/composed58 --workdir runs/tuned \
        --config.finetune.init_from=runs/pre

The settings are those of configs/ui_prmd.py, with more steps of smaller batches before
fine-tuning, more steps of fine-tuning, a quarter of the labels, and frames of rare classes
weighed up (docs/decoding.md has the ablation). All weights are trained at one rate.
"""

from ml_collections import ConfigDict

from skeljax.configs import default, ui_prmd


def get_config(arg: str = '') -> ConfigDict:
    """Returns the settings of a corpus.

    Args:
        arg: 'kinder_gator/composed58' (the default), 'precog/default', 'precog/fold1' ... and
            what `default.get_config` takes. The encoder is pretrained on the same corpus.
    """
    chosen = {'corpus': 'kinder_gator/composed58', **default.choose(arg)}
    corpus = chosen['corpus']
    config = ui_prmd.get_config(default.describe({**chosen, 'corpus': 'composed10'}))
    config.data.corpus = corpus
    config.data.unlabeled = default.unlabeled(chosen, corpus)
    config.pretrain.update(dict(num_steps=3000, batch_size=32, checkpoint_every=500))
    config.finetune.update(dict(num_steps=1200, checkpoint_every=400, validate_every=200))
    config.finetune.loss.class_balance = 0.5
    if corpus.startswith('precog/'):
        # Half of its recordings have fewer than 250 frames; a window must fit into one.
        config.finetune.window, config.finetune.crop.length = 192, 128
        config.finetune.num_steps = 600
    if 'setting' not in chosen:
        config.finetune.update(dict(label_fraction=0.25, backbone_lr_scale=1.0))
    return config
