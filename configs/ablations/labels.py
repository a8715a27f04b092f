"""What pretraining is worth by how many recordings are labeled.

    skeljax ablate configs/ablations/labels.py --workdir out/ablations

Every seed draws its own labeled recordings; a share is compared with the same from scratch.
"""

from skeljax.configs.ablations import BASE
from skeljax.sweep import Sweep, Variant


def get_sweep(arg: str = '') -> Sweep:
    """Returns the sweep; arg is a factor of the steps."""
    variants = {
        f'{share:.0%}, {start}': Variant(
            {'finetune.label_fraction': share},
            pretrain=start == 'pretrained',
            against=f'{share:.0%}, scratch',
        )
        for share in (0.05, 0.1, 0.2, 0.5, 1.0)
        for start in ('scratch', 'pretrained')
    }
    return Sweep(BASE, variants, '10%, scratch', scale=float(arg or 1))
