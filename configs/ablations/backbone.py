"""Which network encodes the skeletons, each from scratch and pretrained.

    skeljax ablate configs/ablations/backbone.py --workdir out/ablations
"""

from skeljax.configs import default
from skeljax.configs.ablations import BASE, FEW_LABELS
from skeljax.sweep import Sweep, Variant


def get_sweep(arg: str = '') -> Sweep:
    """Returns the sweep; arg is a factor of the steps. Each is compared with its own scratch."""
    variants = {
        f'{backbone}, {start}': Variant(
            base=f'ui_prmd:corpus=composed20,backbone={backbone}',
            pretrain=start == 'pretrained',
            against=f'{backbone}, scratch',
        )
        for backbone in default.BACKBONES
        for start in ('scratch', 'pretrained')
    }
    return Sweep(BASE, variants, 'agcn, scratch', FEW_LABELS, scale=float(arg or 1))
