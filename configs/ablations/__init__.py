"""Ablations: each file's `get_sweep(arg)` returns one for `skeljax ablate FILE:arg`.

All are on the open corpus ui_prmd composed20, of a size for two CPU cores; the argument
multiplies the steps of both stages. They share what they have in common: given one workdir, a
pretraining or a run from scratch that two of them need is run once.

    skeljax prepare ui_prmd/composed20 --manual-dir DIR --data-dir data
    skeljax ablate configs/ablations/NAME.py --workdir out/ablations
"""

BASE = 'ui_prmd:composed20'
# Where starts differ most: a tenth of the labels; the U-shaped fuser as by default.
FEW_LABELS = {'finetune.label_fraction': 0.1}
