"""The augmentations of AimCLR's views sample by sample in numpy, as the workers of a loader make them.

Written to compare with `skeljax.augment`, results and speed; arXiv 2112.03590 and its release.
"""

from typing import NamedTuple

from ml_collections import ConfigDict
import numpy as np

from skeljax.errors import InputError
from skeljax.skeletons import skeleton

BLUR_TAPS = 15  # of the Gaussian; as `skeljax.augment`
KNOWN = ('shear', 'rotate', 'mirror', 'noise', 'blur', 'axis_mask')


class Draws(NamedTuple):
    """What chance decides of one view.

    Attributes:
        start: of the cut among the frames; below 0 in the mirror image before the first.
        shear: that poses are mapped by first, float32[3, 3].
        angles: of the turns about x, y and z that follow, radians.
        mirrored: left and right are exchanged.
        noise: added to joints, float32[T, M, V, 3], or None.
        blur: width of the Gaussian over time in frames, or None.
        axis: that is zeroed, or None.
    """

    start: int
    shear: np.ndarray
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0)
    mirrored: bool = False
    noise: np.ndarray | None = None
    blur: float | None = None
    axis: int | None = None


def check(config: ConfigDict):
    """Raises InputError for views that are made otherwise than by `KNOWN`."""
    if config.pretrain.crop.tempo or 'augmentation' in config.faithful:
        raise InputError('the numpy twin knows neither tempo nor faithful augmentation')
    for view, operations in config.pretrain.views.items():
        for name, value in operations.items():
            if value and name not in KNOWN:
                raise InputError(
                    f'config.pretrain.views.{view}.{name} is {value!r}, the numpy twin knows '
                    f'{", ".join(KNOWN)}'
                )


def draw(rng: np.random.Generator, mask, joints, operations, *, length, pad_ratio) -> Draws:
    """Draws what a view needs.

    Args:
        rng: of numpy.
        mask: who is there in which frame of the window, bool[W, M].
        joints: of it, float32[W, M, V, 3].
        operations: amplitudes, see `augment.transform`; all of `KNOWN`.
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
    """Makes a view of one sample.

    Args:
        joints: of the window, float32[W, M, V, 3].
        mask: bool[W, M].
        draws: of it.
        length, pad_ratio: see `augment.crop`.
        order: of joints where left and right are exchanged, see `exchanged`.

    Returns:
        joints float32[T, M, V, 3], mask bool[T, M].
    """
    count, pad = _span(mask, pad_ratio)
    places = draws.start + np.arange(length)
    inside = (places < count + pad) & mask.any()
    places = np.where(places < 0, -1 - places, places)
    places = np.where(places >= count, 2 * count - 1 - places, places)
    places = np.clip(places, 0, max(count - 1, 0))
    matrix = draws.shear
    for axis, angle in enumerate(draws.angles) if any(draws.angles) else ():
        matrix = _rotation(axis, angle) @ matrix
    shown = joints[places] @ matrix.T
    if draws.mirrored:
        shown = shown[:, :, order] * np.array([-1, 1, 1], np.float32)
    if draws.noise is not None:
        shown += draws.noise
    if draws.blur is not None:
        shown = _blur(shown, draws.blur)
    if draws.axis is not None:
        shown[..., draws.axis] = 0
    return shown, mask[places] & inside[:, None]


def exchanged(layout: str) -> np.ndarray:
    """Lists joints in the order in which left and right change places, int[V]."""
    known = skeleton.get(layout)
    order = np.arange(known.num_joints)
    for left, right in known.mirror:
        order[left], order[right] = right, left
    return order


def _span(mask, pad_ratio):
    """Counts the frames up to the last in which anybody is, and those mirrored at either end."""
    seen = np.flatnonzero(mask.any(1))
    count = int(seen[-1]) + 1 if len(seen) else len(mask)
    return count, count // pad_ratio if pad_ratio else 0


def _rotation(axis, angle):
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3, dtype=np.float32)
    matrix[i, i] = matrix[j, j] = np.cos(angle)
    matrix[j, i] = np.sin(angle)
    matrix[i, j] = -matrix[j, i]
    return matrix


def _blur(x, sigma):
    """Smooths float32[T, ...] over time by one product with a band matrix, ends repeated."""
    half = BLUR_TAPS // 2
    weights = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    band = np.zeros((len(x), len(x)), np.float32)
    sources = np.clip(np.arange(len(x))[:, None] + np.arange(-half, half + 1), 0, len(x) - 1)
    np.add.at(band, (np.arange(len(x))[:, None], sources), weights)
    return (band @ x.reshape(len(x), -1)).reshape(x.shape)
