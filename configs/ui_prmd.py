"""The open benchmark on real motion, on two CPU cores.

    skeljax prepare ui_prmd/composed10 --manual-dir DIR --data-dir data
    skeljax pretrain --config configs/ui_prmd.py:composed10 --workdir runs/pretrain
    skeljax finetune --config configs/ui_prmd.py:composed10 --workdir runs/tuned \
        --config.finetune.init_from=runs/pretrain
"""

from ml_collections import ConfigDict

from skeljax.configs import default


def get_config(arg: str = '') -> ConfigDict:
    """Returns the benchmark.

    Args:
        arg: 'composed10' (the default) or 'composed20' and what `default.get_config` takes.
    """
    chosen = {'corpus': 'composed10', **default.choose(arg)}
    chosen['corpus'] = f'ui_prmd/{chosen["corpus"]}'
    config = default.get_config(default.describe(chosen))
    # Without labels both sets serve: every repetition of the training persons.
    config.data.unlabeled = default.unlabeled(chosen, 'ui_prmd/composed20')
    # A small encoder: what the tokens or states of the others are wide.
    config.model.base_channels = {'gru': 64, 'transformer': 32}.get(config.model.name, 16)
    config.pretrain.update(
        dict(
            num_steps=300,
            batch_size=64,
            window=96,
            # Relative tempo takes half of what is cut.
            crop=dict(length=96 if config.pretrain.method == 'rvtclr' else 64, tempo=0.3),
            # A short run: stale keys would be told from fresh ones, so the step's others alone.
            negatives=('batch',),
            queue_size=512,
            momentum=0.99,
            # Ours: the same moment of both views, against moments of others and of the same video;
            # no mining.
            snippet=dict(negatives='snippet', match='time', min_gap=2, mining_start=1.0),
            checkpoint_every=100,
            log_every=25,
        )
    )
    for view in config.pretrain.views.values():
        # Correct and incorrect execution differ by a few degrees; stronger views would hide it.
        view.update(dict(shear=0.2, yaw=0.3, scale=0.1, bone_scale=0.1))
        view.update(dict(blur=0.0, axis_mask=0.0, rotate=0.0))
        view.mask_joints, view.corrupt_joints = min(view.corrupt_joints, 5), 0
    config.pretrain.optimizer.update(dict(name='adam', peak_lr=2e-3, warmup=0.05, decay='cosine'))
    config.finetune.update(
        dict(
            num_steps=250,
            batch_size=8,
            window=384,
            crop=dict(length=256, tempo=0.3),
            augment=dict(shear=0.2, yaw=0.5, scale=0.1, noise=0.01),
            validate_every=100,
            checkpoint_every=250,
            log_every=25,
        )
    )
    config.finetune.optimizer.update(dict(peak_lr=2e-3, warmup=0.1, decay='cosine'))
    return config
