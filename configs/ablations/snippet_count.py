"""How many snippets a video is cut into.

    skeljax ablate configs/ablations/snippet_count.py --workdir out/ablations

The encoder makes 8 steps of 64 frames.
"""

from skeljax.configs.ablations import BASE, FEW_LABELS
from skeljax.sweep import Sweep, Variant


def get_sweep(arg: str = '') -> Sweep:
    """Returns the sweep; arg is a factor of the steps."""
    counts = {f'N = {count}': count for count in (1, 2, 4)} | {'every step': 0}
    variants = {
        name: Variant({'pretrain.snippet.num_snippets': count}) for name, count in counts.items()
    }
    variants = {'no snippet term': Variant({'pretrain.snippet.weight': 0.0}), **variants}
    return Sweep(BASE, variants, 'every step', FEW_LABELS, scale=float(arg or 1))
