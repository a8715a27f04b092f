"""The views of a batch that a host method asks for."""

import jax

from skeljax import augment


def make(rng, batch: dict, wanted: dict, settings) -> dict:
    """Cuts and augments every view.

    Args:
        rng: typed key of the step.
        batch: joints float[B, W, M, V, 3], mask bool[B, W, M], index int32[B].
        wanted: name -> `contrast.skeletonclr.View`.
        settings: `pretrain.Settings`: crop and each view's augmentation.

    Returns:
        name -> joints float[B, T, M, V, 3] and mask bool[B, T, M].
    """
    cuts, made = {}, {}
    numbers = {name: number for number, name in enumerate(settings.views)}
    pace = augment.example_keys(jax.random.fold_in(rng, len(numbers)), batch['index'])
    for name, view in wanted.items():
        cut = view.cut or name
        if cut not in cuts:
            keys = augment.example_keys(jax.random.fold_in(rng, numbers[cut]), batch['index'])
            cuts[cut] = _cut(keys, batch, settings.views[cut], settings)
        made[name] = cuts[cut]
        if view.pace:
            made[name] = augment.relative_tempo(pace, *cuts[cut], other=view.pace == 'other')
    return made


def _cut(keys, batch, operations, settings):
    keys = jax.vmap(jax.random.split)(keys)
    joints, mask = augment.crop(keys[:, 0], batch['joints'], batch['mask'], **settings.crop)
    return augment.transform(keys[:, 1], joints, layout=settings.layout, **operations), mask
