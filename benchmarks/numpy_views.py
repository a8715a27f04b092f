"""Computes the views of AimCLR sample by sample in numpy, as loader processes do.

A baseline for the results and the speed of `skeljax.augment` (arXiv 2112.03590 and its release).
"""

from typing import NamedTuple

from ml_collections import ConfigDict
import numpy as np

from skeljax.errors import InputError
from skeljax.skeletons import skeleton

BLUR_TAPS = 15  # of the Gaussian, as in `skeljax.augment`
SUPPORTED = ('shear', 'rotate', 'mirror', 'noise', 'blur', 'axis_mask')


class Draws(NamedTuple):
    """Random numbers of one view.

    Attributes:
        start: first frame of the crop; negative in the mirror image before the first frame.
        shear: matrix applied to poses first, float32[3, 3].
        angles: of the rotations about x, y and z that follow, radians.
        mirrored: left and right are exchanged.
        noise: added to joints, float32[T, M, V, 3], or None.
        blur: standard deviation of the Gaussian over time in frames, or None.
        axis: coordinate that is zeroed, or None.
    """

    start: int
    shear: np.ndarray
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0)
    mirrored: bool = False
    noise: np.ndarray | None = None
    blur: float | None = None
    axis: int | None = None


def check(config: ConfigDict):
    """Raises InputError for views with other operations than `SUPPORTED`."""
    if config.pretrain.crop.tempo or 'augmentation' in config.faithful:
        raise InputError('the numpy baseline supports neither tempo nor faithful augmentation')
    for view, operations in config.pretrain.views.items():
        for name, value in operations.items():
            if value and name not in SUPPORTED:
                raise InputError(
                    f'config.pretrain.views.{view}.{name} is {value!r}, '
                    f'the numpy baseline supports {", ".join(SUPPORTED)}'
                )


def draw(rng: np.random.Generator, mask, joints, operations, *, length, pad_ratio) -> Draws:
    """Draws the random numbers of a view.

    Args:
        rng: numpy generator.
        mask: which persons are present in which frame of the window, bool[W, M].
        joints: of the window, float32[W, M, V, 3].
        operations: amplitudes, see `augment.transform`; all of `SUPPORTED`.
        length, pad_ratio: see `augment.crop`.
    """
    count, pad = _span(mask, pad_ratio)
    start = int(rng.integers(max(count + 2 * pad - length + 1, 1))) - pad
    amplitude, rotate = operations['shear'], operations['rotate']
    off = rng.uniform(-amplitude, amplitude, (3, 3)).astype(np.float32)
    shear = np.where(np.eye(3, dtype=bool), np.float32(1), off)
    angles = (0.0, 0.0, 0.0)
    if rotate:
        chosen = np.arange(3) == rng.integers(3)
        angles = rng.uniform(0, 1, 3) * np.where(chosen, rotate, rotate / 30)
    noise = blur = axis = None
    mirrored = bool(operations['mirror'] and rng.random() < operations['mirror'])
    if operations['noise'] and rng.random() < 0.5:
        noise = rng.standard_normal((length, *joints.shape[1:]), np.float32)
        noise *= np.float32(operations['noise'])
    if operations['blur'] and rng.random() < 0.5:
        blur = rng.uniform(0.1, operations['blur'])
    if operations['axis_mask'] and rng.random() < operations['axis_mask']:
        axis = int(rng.integers(3))
    return Draws(start, shear, tuple(angles), mirrored, noise, blur, axis)


def view(joints, mask, draws: Draws, *, length: int, pad_ratio: int, order):
    """Computes a view of one sample.

    Args:
        joints: of the window, float32[W, M, V, 3].
        mask: bool[W, M].
        draws: random numbers of the view.
        length, pad_ratio: see `augment.crop`.
        order: result of `mirror_order`.

    Returns:
        joints float32[T, M, V, 3], mask bool[T, M].
    """
    count, pad = _span(mask, pad_ratio)
    frames = draws.start + np.arange(length)
    inside = (frames < count + pad) & mask.any()
    frames = np.where(frames < 0, -1 - frames, frames)
    frames = np.where(frames >= count, 2 * count - 1 - frames, frames)
    frames = np.clip(frames, 0, max(count - 1, 0))
    matrix = draws.shear
    for axis, angle in enumerate(draws.angles) if any(draws.angles) else ():
        matrix = _rotation(axis, angle) @ matrix
    result = joints[frames] @ matrix.T
    if draws.mirrored:
        result = result[:, :, order] * np.array([-1, 1, 1], np.float32)
    if draws.noise is not None:
        result += draws.noise
    if draws.blur is not None:
        result = _blur(result, draws.blur)
    if draws.axis is not None:
        result[..., draws.axis] = 0
    return result, mask[frames] & inside[:, None]


def mirror_order(layout: str) -> np.ndarray:
    """Returns the order of joints in which left and right are exchanged, int[V]."""
    found = skeleton.get(layout)
    order = np.arange(found.num_joints)
    for left, right in found.mirror:
        order[left], order[right] = right, left
    return order


def _span(mask, pad_ratio):
    """Returns the number of frames up to the last person, and of frames mirrored at each end."""
    present = np.flatnonzero(mask.any(1))
    count = int(present[-1]) + 1 if len(present) else len(mask)
    return count, count // pad_ratio if pad_ratio else 0


def _rotation(axis, angle):
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3, dtype=np.float32)
    matrix[i, i] = matrix[j, j] = np.cos(angle)
    matrix[j, i] = np.sin(angle)
    matrix[i, j] = -matrix[j, i]
    return matrix


def _blur(x, sigma):
    """Smooths float32[T, ...] over time by a product with a band matrix; the ends are repeated."""
    half = BLUR_TAPS // 2
    weights = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    band = np.zeros((len(x), len(x)), np.float32)
    sources = np.clip(np.arange(len(x))[:, None] + np.arange(-half, half + 1), 0, len(x) - 1)
    np.add.at(band, (np.arange(len(x))[:, None], sources), weights)
    return (band @ x.reshape(len(x), -1)).reshape(x.shape)
