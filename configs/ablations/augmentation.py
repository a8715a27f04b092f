"""Which augmentations make the two views of pretraining.

    skeljax ablate configs/ablations/augmentation.py --workdir out/ablations

'mild' is that of configs/ui_prmd.py, 'strong' that of the release (arXiv 2512.16504).
"""

from skeljax.configs.ablations import BASE, FEW_LABELS
from skeljax.sweep import Sweep, Variant

NONE = dict(shear=0.0, yaw=0.0, scale=0.0, bone_scale=0.0, noise=0.0, blur=0.0, axis_mask=0.0)


def get_sweep(arg: str = '') -> Sweep:
    """Returns the sweep; arg is a factor of the steps."""
    variants = {
        'mild': Variant(),
        'crop alone': _views(NONE, NONE),
        'mild, same tempo': Variant({'pretrain.crop.tempo': 0.0}),
        'mild, no yaw': _views(dict(yaw=0.0)),
        'mild, no shear': _views(dict(shear=0.0)),
        'mild, same body': _views(dict(scale=0.0, bone_scale=0.0)),
        'mild, mirrored': _views(dict(mirror=0.5)),
        'mild, joints masked': _views(dict(mask_joints=5)),
        'strong': _views(
            {**NONE, 'shear': 0.5, 'noise': 0.01, 'blur': 2.0, 'axis_mask': 0.5},
            {**NONE, 'shear': 0.5},
        ),
    }
    return Sweep(BASE, variants, 'mild', FEW_LABELS, scale=float(arg or 1))


def _views(query: dict, key: dict | None = None) -> Variant:
    """Changes the query's view, and the key's in the same way where no other is given."""
    views = {'query': query, 'key': query if key is None else key}
    return Variant(
        {
            f'pretrain.views.{view}.{name}': value
            for view, changes in views.items()
            for name, value in changes.items()
        }
    )
