"""The runs of docs/decoding.md: open corpora, fine-tuned from a pretrained encoder.

    skeljax ablate configs/ablations/decoding.py --workdir out/decoding
    python -m benchmarks.decoding out/decoding/runs/finetune-* --pictures out/decoding/pictures
"""

from skeljax.sweep import Sweep, Variant

# Few people move in precog: its encoder is the one pretrained on the larger corpus.
_PRECOG = 'open_corpora:precog/default,unlabeled=kinder_gator/composed58'
VARIANTS = {
    'kinder_gator/composed58, 25 %': ('open_corpora:kinder_gator/composed58', 0.25),
    'precog/default, 25 %': (_PRECOG, 0.25),
    'precog/default, 100 %': (_PRECOG, 1.0),
    'ui_prmd/composed20, 10 %': ('ui_prmd:composed20', 0.1),
    'ui_prmd/composed10, 10 %': ('ui_prmd:composed10', 0.1),
}


def get_sweep(arg: str = '') -> Sweep:
    """Returns the sweep; arg is a factor of the steps. Variants are not compared."""
    variants = {
        name: Variant({'finetune.label_fraction': share}, base=base, against=name)
        for name, (base, share) in VARIANTS.items()
    }
    return Sweep(
        'ui_prmd:composed20', variants, next(iter(variants)), scale=float(arg or 1),
        protocol='babel_clean_segments',
    )
