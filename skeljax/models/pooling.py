"""What a backbone returns, last map and taps by temporal stride, and the averages that they are."""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Features(NamedTuple):
    """What a backbone returns.

    Attributes:
        map: the last feature map, float[B, M, T', V, C] (V = 1 where joints are not kept
            apart), 0 where nobody is.
        mask: who is there in which of its steps, bool[B, M, T'].
        taps: temporal stride -> features float[B, T_l, C_l], the mean over joints
            and present persons, and which frames are valid, bool[B, T_l].
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
        float[B, T, C] and bool[B, T], where anybody is there.
    """
    n, v, t, c = x.shape
    x = x.reshape(n // persons, persons, v, t, c).transpose(0, 1, 3, 2, 4)
    return pool_persons(x, mask.reshape(n // persons, persons, t))


def pool_persons(x, mask):
    """Averages a map float[B, M, T, V, C] as `tap` does: float[B, T, C] and bool[B, T].

    Args:
        x: the map.
        mask: who is there when, bool[B, M, T].
    """
    return masked_mean(x.mean(3), mask[..., None], 1), mask.any(1)


def pool_time(x, mask, stride: int):
    """Averages float[B, T, C] over the valid frames of each stretch of `stride` frames.

    Step i covers the frames [i · stride, (i + 1) · stride), those to which the fuser's
    `upsample` hands it back. Padding changes nothing.

    Returns:
        float[B, ceil(T / stride), C] and bool[B, ceil(T / stride)], where there is any.
    """
    batch, missing = x.shape[0], -x.shape[1] % stride  # `len` takes no symbolic shape
    x = jnp.pad(x, [(0, 0), (0, missing), (0, 0)]).reshape(batch, -1, stride, x.shape[-1])
    mask = jnp.pad(mask, [(0, 0), (0, missing)]).reshape(batch, -1, stride)
    return masked_mean(x, mask[..., None], 2), mask.any(2)


# Temporal strides of the taps of a network that itself works on every frame.
STRIDES = (1, 2, 4, 8)


def tapped(depth: int) -> dict[int, int]:
    """Tells which of `depth` layers, the first being 1, is tapped at each of STRIDES.

    Early layers see detail and late ones meaning, as where time is halved on the way.
    """
    return {stride: -(-place * depth // len(STRIDES)) for place, stride in enumerate(STRIDES, 1)}


def frame_features(outputs, mask, persons: int) -> Features:
    """Makes features of what the tapped layers of a network gave for every frame.

    Args:
        outputs: layer's number -> float[N, V, T, C], finite also where the mask is false.
        mask: bool[N, T].
        persons: M, of N = B · M.
    """
    pooled = {number: tap(x, mask[:, None, :, None], persons) for number, x in outputs.items()}
    taps = {s: pool_time(*pooled[number], stride=s) for s, number in tapped(max(outputs)).items()}
    last = jnp.where(mask[:, None, :, None], outputs[max(outputs)], 0).swapaxes(1, 2)
    return Features(
        last.reshape(-1, persons, *last.shape[1:]), mask.reshape(-1, persons, mask.shape[1]), taps
    )
