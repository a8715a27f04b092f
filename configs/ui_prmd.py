"""The open benchmark on real motion, on two CPU cores.

    skeljax prepare ui_prmd/composed10 --manual-dir DIR --data-dir data
    skeljax pretrain --config configs/ui_prmd.py:composed10 --workdir runs/pretrain
    skeljax finetune --config configs/ui_prmd.py:composed10 --workdir runs/tuned \
        --config.finetune.init_from=runs/pretrain
"""

from ml_collections import ConfigDict

from skeljax.configs import default


def get_config(arg: str = '') -> ConfigDict:
    """Returns the benchmark; `arg` is 'composed10' (the default) or 'composed20'."""
    config = default.get_config(f'ui_prmd/{arg or "composed10"}')
    # Without labels both sets serve: every repetition of the training persons.
    config.data.unlabelled = ('ui_prmd/composed20',)
    config.model.width = 16
    config.pretrain.update(
        dict(
            num_steps=1000,
            batch=64,
            window=128,
            crop=dict(length=96, tempo=0.3),
            queue_size=4096,
            views=dict(
                query=dict(shear=0.3, turn=0.5, scale=0.1, noise=0.01, blur=1.0, axis_mask=0.0),
                key=dict(shear=0.3, turn=0.5, scale=0.1),
            ),
            checkpoint_every=250,
            log_every=25,
        )
    )
    config.finetune.update(
        dict(
            num_steps=500,
            batch=8,
            window=384,
            crop=dict(length=256, tempo=0.3),
            augment=dict(shear=0.2, turn=0.5, scale=0.1, noise=0.01),
            validate_every=100,
            checkpoint_every=250,
            log_every=25,
        )
    )
    config.finetune.optimiser.update(dict(peak=2e-3, warmup=0.1, decay='cosine'))
    return config
