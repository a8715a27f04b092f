"""How many nearest negatives become positives of the snippet term, and from when on.

    skeljax ablate configs/ablations/mining.py --workdir out/ablations

The release mines 5 from a third of the run on.
"""

from skeljax.configs.ablations import BASE, FEW_LABELS
from skeljax.sweep import Sweep, Variant


def get_sweep(arg: str = '') -> Sweep:
    """Returns the sweep; arg is a factor of the steps."""
    mined = lambda count, share: Variant(
        {'pretrain.snippet.num_mined': count, 'pretrain.snippet.mining_start': share}
    )
    variants = {
        'none': Variant(),
        '1 from a third': mined(1, 1 / 3),
        '5 from a third': mined(5, 1 / 3),
        '20 from a third': mined(20, 1 / 3),
        '5 from the start': mined(5, 0.0),
        '5 from two thirds': mined(5, 2 / 3),
    }
    return Sweep(BASE, variants, 'none', FEW_LABELS, scale=float(arg or 1))
