"""Targets of frames near label changes, computed from labels and mask on the device."""

from typing import NamedTuple

import jax
from jax import lax
import jax.numpy as jnp

_FAR = 2**30  # distance in frames where there is no label change


class Changes(NamedTuple):
    """The nearest label changes before and after each frame, up to the next gap; 2**30: none.

    Attributes:
        since: frames since the change before it, 0 in the first frame of a segment, int32[B, T].
        until: frames until the change after it, 0 in the last frame of a segment, int32[B, T].
        before: label before the change before it, int32[B, T].
        after: label after the change after it, int32[B, T].
    """

    since: jax.Array
    until: jax.Array
    before: jax.Array
    after: jax.Array


def soft_targets(labels, mask, count: int, width: int):
    """Returns the target probabilities of every frame, float32[B, T, count].

    A label change is between two frames. Where the nearest one is d < `width` frames away (1/2 in
    the frames beside it), the label beyond it has the target 1/2 - d / (2 width) and the frame's
    own label the rest. In all other frames the own label has the target 1.

    Args:
        labels: int32[B, T].
        mask: frames that show a person, bool[B, T]; no change is assumed across a gap.
        count: of labels.
        width: frames; 0: one-hot targets.
    """
    own = jax.nn.one_hot(labels, count, dtype=jnp.float32)
    if not width:
        return own
    near = changes(labels, mask)
    distance = jnp.minimum(near.since, near.until).astype(jnp.float32) + 0.5
    other = jnp.where(near.since <= near.until, near.before, near.after)
    share = jnp.maximum(0.5 - distance / (2 * width), 0)[..., None]
    return (1 - share) * own + share * jax.nn.one_hot(other, count, dtype=jnp.float32)


def near_changes(labels, mask, radius: int):
    """Finds the `radius` frames before and after each label change, bool[B, T]."""
    near = changes(labels, mask)
    return jnp.minimum(near.since, near.until) < radius


def changes(labels, mask) -> Changes:
    """Finds the label changes nearest to each frame, up to the next gap.

    A change is between two adjacent frames that both show a person. Changes inside or beyond a gap
    are not used, since the time of a change in the gap is unknown.

    Args:
        labels: int32[B, T].
        mask: bool[B, T].
    """
    time = jnp.arange(labels.shape[1], dtype=jnp.int32)[None]
    change = mask[:, 1:] & mask[:, :-1] & (labels[:, 1:] != labels[:, :-1])
    begins = jnp.pad(change, ((0, 0), (1, 0)))
    ends = jnp.pad(change, ((0, 0), (0, 1)))
    # The first frame of this segment and the last missing frame so far; then those ahead.
    first, lost = (
        lax.cummax(jnp.where(which, time, -1), axis=1) for which in (begins, ~mask)
    )
    last, losing = (
        lax.cummin(jnp.where(which, time, _FAR), axis=1, reverse=True) for which in (ends, ~mask)
    )
    final = labels.shape[1] - 1
    take = lambda place: jnp.take_along_axis(labels, jnp.clip(place, 0, final), axis=1)
    return Changes(
        since=jnp.where(first > lost, time - first, _FAR),
        until=jnp.where(last < losing, last - time, _FAR),
        before=take(first - 1),
        after=take(last + 1),
    )
