"""Which key snippet is the positive of a query snippet.

    skeljax ablate configs/ablations/matching.py --workdir out/ablations
"""

from skeljax.ablate import Sweep, Variant
from skeljax.configs.ablations import BASE, FEW_LABELS


def get_sweep(arg: str = '') -> Sweep:
    """Returns the sweep; arg is a factor of the steps."""
    variants = {
        match: Variant({'pretrain.snippet.match': match})
        for match in ('similarity', 'position', 'random')
    }
    return Sweep(BASE, variants, 'similarity', FEW_LABELS, scale=float(arg or 1))
