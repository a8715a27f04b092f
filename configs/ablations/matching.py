"""Which snippet of the key view is the positive, and whether others of its video are negatives.

skeljax ablate configs/ablations/matching.py --workdir out/ablations
"""

from skeljax.configs.ablations import BASE, FEW_LABELS
from skeljax.sweep import Sweep, Variant


def get_sweep(arg: str = '') -> Sweep:
    """Returns the sweep; arg is a factor of the steps."""
    variants = {
        match + (f', negatives {min_gap} steps apart' if min_gap else ''): Variant(
            {'pretrain.snippet.match': match, 'pretrain.snippet.min_gap': min_gap}
        )
        for match in ('similarity', 'time', 'position', 'random')
        for min_gap in (0, 2)
    }
    return Sweep(BASE, variants, 'similarity', FEW_LABELS, scale=float(arg or 1))
