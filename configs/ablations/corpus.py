"""Which corpus the encoder is pretrained on, before ui_prmd composed20 is labeled.

    skeljax prepare synthetic/default --data-dir data
    skeljax prepare cmu_mocap/routines --manual-dir CMU --data-dir data
    skeljax prepare bandai_namco/clips1 --manual-dir BANDAI --data-dir data
    skeljax ablate configs/ablations/corpus.py --workdir out/ablations

Other skeletons are mapped to UI-PRMD's joints and rate.
"""

from skeljax.configs.ablations import BASE, FEW_LABELS
from skeljax.sweep import Sweep, Variant

CORPORA = (
    'ui_prmd/composed20', 'ui_prmd/composed10', 'ui_prmd/takes', 'cmu_mocap/routines',
    'bandai_namco/clips1', 'synthetic/default',
)


def get_sweep(arg: str = '') -> Sweep:
    """Returns the sweep; arg is a factor of the steps."""
    pretrained = {c: Variant({'data.unlabeled': (c,)}) for c in CORPORA}
    mixed = Variant({'data.unlabeled': CORPORA[:1] + CORPORA[3:4]})
    variants = {
        'scratch': Variant(pretrain=False),
        **pretrained,
        f'{CORPORA[0]} + {CORPORA[3]}': mixed,
    }
    common = {**FEW_LABELS, 'data.layout': 'uiprmd22', 'data.fps': 30.0}
    return Sweep(BASE, variants, 'scratch', common, scale=float(arg or 1))
