"""Which host method carries the snippet term, and what the term adds to each.

    skeljax ablate configs/ablations/host.py --workdir out/ablations

crossclr and cmd train an encoder for each of three streams; fine-tuned is that of joints.
"""

from skeljax.configs import default
from skeljax.configs.ablations import BASE, FEW_LABELS
from skeljax.sweep import Sweep, Variant


def get_sweep(arg: str = '') -> Sweep:
    """Returns the sweep; arg is a factor of the steps. Each host is compared without the term."""
    variants = {
        f'{host}{" + snippet" if weight else ""}': Variant(
            {'pretrain.snippet.weight': weight},
            base=f'ui_prmd:corpus=composed20,host={host}',
            against=host,
        )
        for host in default.HOSTS
        for weight in (0.0, 1.5)
    }
    return Sweep(BASE, variants, 'skeletonclr', FEW_LABELS, scale=float(arg or 1))
