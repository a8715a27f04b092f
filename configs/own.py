"""Your own recordings on a laptop: a small encoder, windows of four seconds.

    skeljax prepare folder/mine --manual-dir mine --data-dir data
    skeljax pretrain --config configs/own.py:mine --workdir runs/pretrain
    skeljax finetune --config configs/own.py:mine --workdir runs/mine \
        --config.finetune.init_from=runs/pretrain
"""

from ml_collections import ConfigDict

from skeljax.configs import default, ui_prmd


def get_config(arg: str = '') -> ConfigDict:
    """Returns the settings for one's own corpus.

    Args:
        arg: NAME of `folder/NAME` (or CORPUS/CONFIG) and what `default.get_config` takes.
    """
    chosen = default.choose(arg)
    corpus = chosen.get('corpus', 'mine')
    corpus = corpus if '/' in corpus else f'folder/{corpus}'
    config = ui_prmd.get_config(default.describe({**chosen, 'corpus': 'composed10'}))
    config.data.corpus = corpus
    config.data.unlabeled = default.unlabeled(chosen, corpus)
    config.finetune.window = 128
    config.finetune.crop.length = 96
    if 'setting' not in chosen:
        config.finetune.label_fraction = 1.0
    return config
