"""The main table of docs/results.md: starts x heads x labels on both composed corpora.

    skeljax ablate configs/ablations/results.py --workdir out/ablations
    skeljax ablate configs/ablations/results.py --workdir out/ablations --only 'composed20, 10 %*'
"""

import itertools

from skeljax.sweep import Sweep, Variant

CORPORA = ('composed10', 'composed20')
SHARES = {'10 %': 0.1, '100 %': 1.0}
HEADS = {'plain': False, 'U': True}
# Start -> what pretraining changes; None: there is none. By similarity is how the release matches.
STARTS = {
    'scratch': None,
    'video': {'pretrain.snippet.weight': 0.0},
    'video + snippet': {},
    'video + snippet by similarity': {
        'pretrain.snippet.match': 'similarity', 'pretrain.snippet.min_gap': 0,
    },
}


def get_sweep(arg: str = '') -> Sweep:
    """Returns the sweep; every start is compared with scratch, all else alike.

    Args:
        arg: factor of the steps.
    """
    variants = {}
    for corpus, share, head, start in itertools.product(CORPORA, SHARES, HEADS, STARTS):
        changes = STARTS[start]
        variants[f'{corpus}, {share}, {head}, {start}'] = Variant(
            {
                'finetune.label_fraction': SHARES[share],
                'finetune.fuser': HEADS[head],
                **(changes or {}),
            },
            base=f'ui_prmd:{corpus}',
            pretrain=changes is not None,
            against=f'{corpus}, {share}, {head}, scratch',
        )
    return Sweep(
        base='ui_prmd', variants=variants, reference=next(iter(variants)), scale=float(arg or 1)
    )
