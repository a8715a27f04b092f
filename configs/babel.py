"""BABEL subsets after pretraining on the whole training set (arXiv 2512.16504), on one GPU.

    skeljax prepare babel/all --manual-dir DIR --data-dir data
    skeljax prepare babel/subset1 --manual-dir DIR --data-dir data
    skeljax pretrain --config configs/babel.py:subset1 --workdir W
    skeljax finetune --config configs/babel.py:subset1,setting=fuser --workdir W1 \
        --config.finetune.init_from=W

One pretraining serves the three subsets. As the release: method RVTCLR, weight 1.5, 600 epochs of
pretraining, mining from the 200th on, 40 epochs of fine-tuning, tIoU 0.1 to 0.5. Where release and
paper are silent (see docs/protocols.md): the epochs and the rate of linear probing, the neighbors
of the kNN probe, label fractions but 20 %.

The release's fine-tuning shows whole recordings, up to 1,000 frames; so does this.
"""

from ml_collections import ConfigDict

from skeljax.configs import default

SUBSETS = ('subset1', 'subset2', 'subset3')


def get_config(arg: str = '') -> ConfigDict:
    """Returns the settings of a subset.

    Args:
        arg: 'subset1' (the default), 'subset2', 'subset3' or one of them with '_faithful', and
            what `default.get_config` takes; by default method=rvtclr, setting=fuser.
    """
    chosen = {'corpus': 'subset1', 'method': 'rvtclr', 'setting': 'fuser', **default.choose(arg)}
    if chosen['corpus'].removesuffix('_faithful') not in SUBSETS:
        raise ValueError(f'unknown subset {chosen["corpus"]!r}, known: {", ".join(SUBSETS)}')
    chosen['corpus'] = f'babel/{chosen["corpus"]}'
    chosen.setdefault('unlabeled', 'babel/all')
    config = default.get_config(default.describe(chosen))
    config.pretrain.num_epochs = 600
    config.finetune.update(dict(num_epochs=40, window=1000, crop=dict(length=1000)))
    return config
