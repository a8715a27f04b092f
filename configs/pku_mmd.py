"""PKU-MMD after pretraining on another corpus, or on itself (arXiv 2512.16504's transfer).

    skeljax prepare ntu_rgbd/xsub60 --manual-dir DIR --data-dir data
    skeljax prepare pku_mmd/part1_xsub --manual-dir DIR --data-dir data
    skeljax pretrain --config configs/pku_mmd.py:part1_xsub,unlabeled=ntu_rgbd/xsub60 --workdir W
    skeljax finetune --workdir W1 --config.finetune.init_from=W \
        --config configs/pku_mmd.py:part1_xsub,unlabeled=ntu_rgbd/xsub60,setting=fuser

All corpora have Kinect's 25 joints, BABEL's as mapped by its builder; another one is mapped to
them (`layout=ntu25`). The paper states neither parts, splits, windows, normalization nor persons
for PKU-MMD: those here are ours. Two persons are kept, as some of the actions are done by two.
"""

from ml_collections import ConfigDict

from skeljax.configs import default


def get_config(arg: str = '') -> ConfigDict:
    """Returns the settings of a part and split.

    Args:
        arg: 'part1_xsub' (the default), 'part2_xview' ... and what `default.get_config` takes;
            by default it is pretrained on itself, method=rvtclr, setting=fuser.
    """
    chosen = {'corpus': 'part1_xsub', 'method': 'rvtclr', 'setting': 'fuser', **default.choose(arg)}
    chosen['corpus'] = f'pku_mmd/{chosen["corpus"]}'
    chosen = {'layout': 'ntu25', 'unlabeled': chosen['corpus'], **chosen}
    config = default.get_config(default.describe(chosen))
    config.data.normalization = ('order_persons:2', *config.data.normalization)
    config.data.fps = 30.0
    config.pretrain.num_epochs = 600
    config.finetune.num_epochs = 40
    if chosen['setting'] != 'recognition':
        config.finetune.protocol = 'pkummd'
    return config
