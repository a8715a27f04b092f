"""Where negatives come from, and what a video is as one: its average or its snippets.

    skeljax ablate configs/ablations/negatives.py --workdir out/ablations

The release: the queue, averages.
"""

import itertools

from skeljax.configs.ablations import BASE, FEW_LABELS
from skeljax.sweep import Sweep, Variant

SOURCES = {
    'batch': ('batch',), 'queue': ('queue',), 'queue + batch': ('queue', 'batch'),
    'same person': ('subject',),
}


def get_sweep(arg: str = '') -> Sweep:
    """Returns the sweep; arg is a factor of the steps."""
    variants = {
        f'{source}, {kind}s': Variant(
            {'pretrain.negatives': SOURCES[source], 'pretrain.snippet.negatives': kind}
        )
        for source, kind in itertools.product(SOURCES, ('snippet', 'average'))
    }
    return Sweep(BASE, variants, 'batch, snippets', FEW_LABELS, scale=float(arg or 1))
