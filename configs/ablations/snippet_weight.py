"""The weight of the snippet loss beside the method's losses.

    skeljax ablate configs/ablations/snippet_weight.py --workdir out/ablations
"""

from skeljax.configs.ablations import BASE, FEW_LABELS
from skeljax.sweep import Sweep, Variant


def get_sweep(arg: str = '') -> Sweep:
    """Returns the sweep; arg is a factor of the steps."""
    variants = {
        f'weight {weight:g}': Variant({'pretrain.snippet.weight': weight})
        for weight in (0.0, 0.5, 1.0, 1.5, 3.0)
    }
    return Sweep(BASE, variants, 'weight 1.5', FEW_LABELS, scale=float(arg or 1))
