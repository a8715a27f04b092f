"""The runs of docs/decoding.md: four open corpora, fine-tuned from a pretrained encoder.

    skeljax ablate configs/ablations/decoding.py --workdir out/decoding
    python -m benchmarks.decoding out/decoding/runs/finetune-* --pictures out/decoding/pictures
"""

from skeljax.ablate import Sweep, Variant

CORPORA = {
    'kinder_gator/composed58': 'open_corpora:kinder_gator/composed58',
    # Few people move in it: its encoder is the one pretrained on the larger corpus.
    'precog/default': 'open_corpora:precog/default,unlabelled=kinder_gator/composed58',
    'ui_prmd/composed20': 'ui_prmd:composed20',
    'ui_prmd/composed10': 'ui_prmd:composed10',
}


def get_sweep(arg: str = '') -> Sweep:
    """Returns the sweep; arg is a factor of the steps. Corpora are not compared."""
    variants = {name: Variant(base=base, against=name) for name, base in CORPORA.items()}
    return Sweep(
        'ui_prmd:composed20', variants, next(iter(variants)), scale=float(arg or 1),
        protocol='babel_clean_segments',
    )
