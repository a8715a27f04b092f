"""The views of a batch that a host method asks for."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from skeljax import augment
from skeljax.skeletons import streams


class Seen(NamedTuple):
    """A view of every example of a batch.

    Attributes:
        shown: stream -> float[B, T, M, V, 3].
        mask: who is there when, bool[B, T, M].
        times: frames of the window that were cut, int32[B, T].
    """

    shown: dict[str, jax.Array]
    mask: jax.Array
    times: jax.Array


def make(rng, batch: dict, wanted: dict, settings) -> dict:
    """Cuts and augments every view.

    Args:
        rng: typed key of the step.
        batch: joints float[B, W, M, V, 3], mask bool[B, W, M], index int32[B].
        wanted: name -> `contrast.skeletonclr.View`.
        settings: `pretrain.Settings`: crop, each view's augmentation, streams.

    Returns:
        name -> `Seen`.
    """
    cuts, made = {}, {}
    numbers = {name: number for number, name in enumerate(settings.views)}
    pace, hidden = (
        augment.example_keys(jax.random.fold_in(rng, len(numbers) + more), batch['index'])
        for more in range(2)
    )
    for name, view in wanted.items():
        cut = view.cut or name
        if cut not in cuts:
            keys = augment.example_keys(jax.random.fold_in(rng, numbers[cut]), batch['index'])
            cuts[cut] = _cut(keys, batch, settings.views[cut], settings)
        joints, mask, times = cuts[cut]
        if view.pace:
            other = view.pace == 'other'
            times, _ = augment.relative_tempo(pace, times, mask, other=other)
            joints, mask = augment.relative_tempo(pace, joints, mask, other=other)
        shown = {s: streams.derive(joints, mask, s, settings.layout) for s in settings.streams}
        if view.hidden:
            # Not before the streams are made: the motion to and from zero is no hidden motion.
            shown = {s: augment.mask_joints(hidden, x, view.hidden) for s, x in shown.items()}
        made[name] = Seen(shown, mask, times)
    return made


def _cut(keys, batch, operations, settings):
    keys = jax.vmap(jax.random.split)(keys)
    mask = batch['mask']
    times = jnp.broadcast_to(jnp.arange(mask.shape[1], dtype=jnp.int32), mask.shape[:2])
    joints, mask, times = augment.crop(
        keys[:, 0], batch['joints'], mask, labels=times, **settings.crop
    )
    return augment.transform(keys[:, 1], joints, layout=settings.layout, **operations), mask, times
