"""The features that a backbone returns, and masked averages over time, persons and joints.

A tap is a multiscale feature: the features of one temporal resolution, averaged over joints and
persons. Taps are addressed by their temporal stride, in frames of the recording.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Features(NamedTuple):
    """The result of a backbone.

    Attributes:
        map: the last feature map, float[B, M, T', V, C] (V = 1 for a backbone that encodes the
            joints of a frame together), 0 where the mask is false.
        mask: presence of persons in the steps of the map, bool[B, M, T'].
        taps: temporal stride -> features float[B, T_l, C_l], averaged over joints and present
            persons, and valid steps bool[B, T_l].
    """

    map: jax.Array
    mask: jax.Array
    taps: dict[int, tuple[jax.Array, jax.Array]]


def masked_mean(x, mask, axis):
    """Averages x over `axis` where `mask` (broadcast to x) is true; 0 where it never is."""
    weight = jnp.broadcast_to(mask, x.shape).astype(x.dtype)
    return (x * weight).sum(axis) / jnp.maximum(weight.sum(axis), 1)


def tap(x, mask, persons: int):
    """Averages float[N, V, T, C] over joints and present persons (mask bool[N, 1, T, 1]).

    Returns:
        float[B, T, C], and steps with any person bool[B, T].
    """
    n, v, t, c = x.shape
    x = x.reshape(n // persons, persons, v, t, c).transpose(0, 1, 3, 2, 4)
    return pool_persons(x, mask.reshape(n // persons, persons, t))


def pool_persons(x, mask):
    """Averages a map float[B, M, T, V, C] over joints and present persons.

    Args:
        x: the map.
        mask: presence of persons, bool[B, M, T].

    Returns:
        float[B, T, C], and steps with any person bool[B, T].
    """
    return masked_mean(x.mean(3), mask[..., None], 1), mask.any(1)


def pool_time(x, mask, stride: int):
    """Averages float[B, T, C] over the valid frames of each group of `stride` frames.

    Step i covers the frames [i · stride, (i + 1) · stride), to which the fuser's `upsample` repeats
    it. Padding has no effect.

    Returns:
        float[B, ceil(T / stride), C], and steps with any valid frame bool[B, ceil(T / stride)].
    """
    batch, missing = x.shape[0], -x.shape[1] % stride  # `len` does not accept a symbolic shape
    x = jnp.pad(x, [(0, 0), (0, missing), (0, 0)]).reshape(batch, -1, stride, x.shape[-1])
    mask = jnp.pad(mask, [(0, 0), (0, missing)]).reshape(batch, -1, stride)
    return masked_mean(x, mask[..., None], 2), mask.any(2)


# Temporal strides of the taps of a network whose layers all have the resolution of frames.
STRIDES = (1, 2, 4, 8)


def tapped_layers(num_layers: int) -> dict[int, int]:
    """Returns the number of the layer, the first being 1, that is tapped at each of STRIDES.

    Fine strides are tapped early and coarse ones late, as in a network that halves the temporal
    resolution on the way.
    """
    return {
        stride: -(-place * num_layers // len(STRIDES)) for place, stride in enumerate(STRIDES, 1)
    }


def frame_features(outputs, mask, persons: int) -> Features:
    """Makes the features of a network whose layers all have the resolution of frames.

    Args:
        outputs: number of a tapped layer -> float[N, V, T, C], finite also outside the mask.
        mask: bool[N, T].
        persons: M, of N = B · M.
    """
    pooled = {number: tap(x, mask[:, None, :, None], persons) for number, x in outputs.items()}
    tapped = tapped_layers(max(outputs))
    taps = {s: pool_time(*pooled[number], stride=s) for s, number in tapped.items()}
    last = jnp.where(mask[:, None, :, None], outputs[max(outputs)], 0).swapaxes(1, 2)
    return Features(
        last.reshape(-1, persons, *last.shape[1:]), mask.reshape(-1, persons, mask.shape[1]), taps
    )
