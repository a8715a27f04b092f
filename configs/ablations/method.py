"""What the snippet loss adds to each contrastive method.

    skeljax ablate configs/ablations/method.py --workdir out/ablations

crossclr and cmd train an encoder for each of three streams; fine-tuned is that of joints.
"""

from skeljax.configs import default
from skeljax.configs.ablations import BASE, FEW_LABELS
from skeljax.sweep import Sweep, Variant


def get_sweep(arg: str = '') -> Sweep:
    """Returns the sweep; arg is a factor of the steps. Each method is compared without the term."""
    variants = {
        f'{method}{" + snippet" if weight else ""}': Variant(
            {'pretrain.snippet.weight': weight},
            base=f'ui_prmd:corpus=composed20,method={method}',
            against=method,
        )
        for method in default.METHODS
        for weight in (0.0, 1.5)
    }
    return Sweep(BASE, variants, 'skeletonclr', FEW_LABELS, scale=float(arg or 1))
