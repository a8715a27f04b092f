"""The hosts of the snippet term as they were published: on NTU RGB+D 60, without that term.

    skeljax prepare ntu_rgbd/xsub60_full --manual-dir DIR --data-dir data
    skeljax pretrain --config configs/published.py:host=aimclr --workdir W
    skeljax pretrain --config configs/published.py:host=aimclr --workdir V \
        --config.pretrain.snippet.weight=1.5

Figures are those of the authors' code (skeletonclr and crossclr: LinguoLi/CrosSCLR, aimclr:
Levigty/AimCLR, hiclr: JHang2020/HiCLR, rvtclr: Zhuysheng/RVTCLR, cmd: maoyunyao/CMD, vicreg:
wengwanjiang/USDRL); RVTCLR as arXiv 2512.16504 trains it is `default.py:host=rvtclr`. An epoch is
the whole batches of the 40,091 training clips. Defects that are known are corrected;
`--config.faithful='("key_init", "partition", "augmentation", ...)'` repeats them. Not as published:

* cmd crops at least 64 frames and a tenth of a clip and stretches them to 64: here 64 frames are
  played at 0.77 to 1.3 times their rate. Its encoder sees both persons in one vector, ours each alone.
* vicreg has the loss of USDRL alone. USDRL's encoder gives tokens of time and of joints, each
  with a loss of its own on the greatest value of every channel; here are one of our encoders and one
  loss on the mean, in single instead of half precision. The widths of its projector are not told.
"""

from ml_collections import ConfigDict

from skeljax.configs import default

_CLIPS = 40_091

# What the family of CrosSCLR has in common: clips of 50 frames, batches of 128.
_FAMILY = dict(
    backbone='stgcn', normalisation=('crossclr',), window=50, length=50, pad_ratio=6, tempo=0.0,
    batch=128, queue_size=32_768, epochs=300, decay_epoch=250, name='sgd', peak=0.1,
    weight_decay=1e-4,
)
# That of skeleton-contrast: crops of 64 frames.
_RESIZED = dict(
    normalisation=('2s-agcn',), window=300, length=64, pad_ratio=0, tempo=0.3, epochs=451,
    decay_epoch=351,
)
_HOSTS = dict(
    skeletonclr=_FAMILY,
    crossclr=_FAMILY,
    aimclr=_FAMILY,
    hiclr=_FAMILY,
    rvtclr=dict(
        _FAMILY, window=100, length=100,
        normalisation=('first_persons:2', 'centre_each', 'stretch:100', 'turn_each'),
    ),
    cmd=dict(
        _RESIZED, backbone='gru', batch=64, queue_size=16_384, name='sgd', peak=0.01,
        weight_decay=1e-4,
    ),
    # The queue is the snippet term's: 92 batches, where the others have 32,768 videos.
    vicreg=dict(
        _RESIZED, backbone='transformer', batch=356, queue_size=92 * 356, name='adam', peak=5e-4,
        weight_decay=1e-5,
    ),
)


def get_config(arg: str = '') -> ConfigDict:
    """Returns a host's settings.

    Args:
        arg: a prepared corpus, or some of corpus=, host=, backbone= with commas between.
    """
    chosen = {'corpus': 'ntu_rgbd/xsub60_full', 'host': 'skeletonclr', **default.choose(arg)}
    told = _HOSTS[chosen['host']]
    config = default.get_config(default.describe({'backbone': told['backbone'], **chosen}))
    config.data.normalisation = told['normalisation']
    config.pretrain.update(
        dict(
            num_steps=told['epochs'] * (_CLIPS // told['batch']),
            batch=told['batch'],
            window=told['window'],
            crop=dict(length=told['length'], pad_ratio=told['pad_ratio'], tempo=told['tempo']),
            queue_size=told['queue_size'],
            snippet=dict(weight=0.0),
        )
    )
    config.pretrain.optimiser.update(
        dict(
            name=told['name'], peak=told['peak'], weight_decay=told['weight_decay'], warmup=0.0,
            decay_at=(told['decay_epoch'] / told['epochs'],),
        )
    )
    if chosen['host'] == 'skeletonclr':  # both of its views are weak, unlike the release's
        config.pretrain.views.query = config.pretrain.views.key.copy_and_resolve_references()
    if chosen['host'] == 'rvtclr':
        config.pretrain.rvtclr.mine_from = 150 / 300
    return config
