"""Which of the backbone's time scales the fuser joins.

    skeljax ablate configs/ablations/taps.py --workdir out/ablations
"""

from skeljax.configs.ablations import BASE, FEW_LABELS
from skeljax.sweep import Sweep, Variant


def get_sweep(arg: str = '') -> Sweep:
    """Returns the sweep; arg is a factor of the steps."""
    variants = {
        f'strides {", ".join(map(str, levels))}': Variant({'finetune.feature_strides': levels})
        for levels in ((1,), (1, 8), (1, 2, 4), (1, 4, 8), (1, 2, 4, 8))
    }
    return Sweep(BASE, variants, 'strides 1, 4, 8', FEW_LABELS, scale=float(arg or 1))
