"""What stands on the encoder: the plain head, the U-shaped fuser or a feature pyramid.

    skeljax ablate configs/ablations/head.py --workdir out/ablations
"""

from skeljax.configs.ablations import BASE, FEW_LABELS
from skeljax.sweep import Sweep, Variant


def get_sweep(arg: str = '') -> Sweep:
    """Returns the sweep; arg is a factor of the steps. Heads are compared start by start."""
    heads = {
        'plain': {'finetune.fuser': False},
        'pyramid': {'finetune.fuser_kind': 'pyramid'},
        'pyramid on 1, 4, 8': {
            'finetune.fuser_kind': 'pyramid', 'finetune.feature_strides': (1, 4, 8),
        },
        'U': {},
    }
    variants = {
        f'{head}, {start}': Variant(
            changes, pretrain=start == 'pretrained', against=f'plain, {start}'
        )
        for start in ('scratch', 'pretrained')
        for head, changes in heads.items()
    }
    return Sweep(BASE, variants, 'plain, pretrained', FEW_LABELS, scale=float(arg or 1))
