"""Which options of the loss of a frame make segments hold together.

    skeljax ablate configs/ablations/frame_loss.py --workdir out/ablations
    skeljax ablate configs/ablations/frame_loss.py:1,own:mine --workdir out/ablations

Every run begins from scratch, or from a pretraining by `--config.finetune.init_from=RUN`. Values
are those of the papers where they name any (docs/method.md).
"""

from skeljax.configs.ablations import BASE, FEW_LABELS
from skeljax.sweep import Sweep, Variant

# Option -> fields of config.finetune.loss that switch it on.
OPTIONS = {
    'smoothing': dict(smoothing_weight=0.15),
    'focal': dict(focal_gamma=2.0),
    'class balance': dict(class_balance=0.5),
    'effective number': dict(class_balance=1.0, class_beta=0.999),
    'soft boundaries': dict(boundary_smoothing=4),
    'boundary loss': dict(boundary_weight=0.1, pool_radius=0),
    'boundary head': dict(boundary_weight=0.1),
}
OPTIONS['smoothing + boundary head'] = {**OPTIONS['smoothing'], **OPTIONS['boundary head']}


def get_sweep(arg: str = '') -> Sweep:
    """Returns the sweep.

    Args:
        arg: a factor of the steps and, behind a comma, another config with its argument, as
            '0.5' or '1,babel:subset1'. The default config is fine-tuned on a tenth of the labels.
    """
    factor, _, base = arg.partition(',')
    variants = {'cross-entropy': Variant(pretrain=False)}
    for name, fields in OPTIONS.items():
        changes = {f'finetune.loss.{field}': value for field, value in fields.items()}
        variants[name] = Variant(changes, pretrain=False)
    return Sweep(
        base or BASE, variants, 'cross-entropy', {} if base else FEW_LABELS,
        scale=float(factor or 1),
    )
