"""Your own recordings on a laptop: a small encoder, windows of four seconds.

    skeljax prepare folder/mine --manual-dir mine --data-dir data
    skeljax pretrain --config configs/own.py:mine --workdir runs/pretrain
    skeljax finetune --config configs/own.py:mine --workdir runs/mine \
        --config.finetune.init_from=runs/pretrain
"""

from ml_collections import ConfigDict

from skeljax.configs import ui_prmd


def get_config(arg: str = '') -> ConfigDict:
    """Returns the settings for the corpus `folder/ARG` (or CORPUS/CONFIG, if `arg` is one)."""
    config = ui_prmd.get_config()
    corpus = arg if '/' in arg else f'folder/{arg or "mine"}'
    config.data.corpus = corpus
    config.data.unlabelled = (corpus,)
    config.finetune.window = 128
    config.finetune.crop.length = 96
    config.finetune.label_fraction = 1.0
    return config
