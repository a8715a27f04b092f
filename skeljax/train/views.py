"""Draws the views of a batch that a contrastive method needs."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from skeljax import augment
from skeljax.skeletons import streams


class ViewBatch(NamedTuple):
    """One view of every video of a batch.

    Attributes:
        streams: stream -> float[B, T, M, V, 3].
        mask: frames that show a person, bool[B, T, M].
        times: index in the window of each frame, int32[B, T].
    """

    streams: dict[str, jax.Array]
    mask: jax.Array
    times: jax.Array


def draw(rng, batch: dict, views: dict, settings) -> dict[str, ViewBatch]:
    """Crops and augments every view.

    Args:
        rng: typed key of the step.
        batch: joints float[B, W, M, V, 3], mask bool[B, W, M], index int32[B].
        views: name -> `contrast.methods.View`.
        settings: `pretrain.Settings`: crop, augmentation of each view, streams.

    Returns:
        name -> `ViewBatch`.
    """
    crops, drawn = {}, {}
    numbers = {name: number for number, name in enumerate(settings.views)}
    tempo_keys, joint_keys = (
        augment.example_keys(jax.random.fold_in(rng, len(numbers) + more), batch['index'])
        for more in range(2)
    )
    for name, view in views.items():
        crop = view.shares_crop_with or name
        if crop not in crops:
            keys = augment.example_keys(jax.random.fold_in(rng, numbers[crop]), batch['index'])
            crops[crop] = _crop(keys, batch, settings.views[crop], settings)
        joints, mask, times = crops[crop]
        if view.tempo:
            other = view.tempo == 'other'
            times, _ = augment.relative_tempo(tempo_keys, times, mask, other=other)
            joints, mask = augment.relative_tempo(tempo_keys, joints, mask, other=other)
        derived = {s: streams.derive(joints, mask, s, settings.layout) for s in settings.streams}
        if view.num_masked_joints:
            # After the streams are derived: else motion to and from zero would show these joints.
            derived = {
                s: augment.mask_joints(joint_keys, x, view.num_masked_joints)
                for s, x in derived.items()
            }
        drawn[name] = ViewBatch(derived, mask, times)
    return drawn


def _crop(keys, batch, operations, settings):
    keys = jax.vmap(jax.random.split)(keys)
    mask = batch['mask']
    times = jnp.broadcast_to(jnp.arange(mask.shape[1], dtype=jnp.int32), mask.shape[:2])
    joints, mask, times = augment.crop(
        keys[:, 0], batch['joints'], mask, labels=times, **settings.crop
    )
    joints = augment.transform(keys[:, 1], joints, layout=settings.layout, **operations)
    return joints, mask, times
