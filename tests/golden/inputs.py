"""Inputs of the golden numbers: the same on every machine, whatever version of NumPy.

All come from the raw words of Philox, keyed by a name. NumPy keeps these; the distributions of its
`Generator` may change. Coordinates are multiples of powers of two, so that no rounding enters.
"""

import math
import zlib

import numpy as np

LAYOUT, JOINTS, FPS = 'ntu25', 25, 30.0
CLASSES = ('bow', 'jump', 'sit', 'turn', 'walk', 'wave')


def uniform(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Returns numbers float64[shape] in [-1, 1) that depend on the name alone."""
    words = np.random.Philox(key=zlib.crc32(name.encode())).random_raw(math.prod(shape))
    return ((words >> np.uint64(43)).astype(np.float64) / 2**20 - 1).reshape(shape)


def below(name: str, shape: tuple[int, ...], limit: int) -> np.ndarray:
    """Returns whole numbers int64[shape] in [0, limit) that depend on the name alone."""
    return np.floor((uniform(name, shape) + 1) / 2 * limit).astype(np.int64)


def motion(name: str, frames: int, persons: int = 1) -> np.ndarray:
    """Returns joints float32[T, M, V, 3] in meters, on straight lines for 8 frames each."""
    shape = (persons, JOINTS, 3)
    knots = uniform(f'{name}/knots', (frames // 8 + 2, *shape)) / 4
    place, share = np.arange(frames) // 8, (np.arange(frames) % 8 / 8)[:, None, None, None]
    moved = knots[place] * (1 - share) + knots[place + 1] * share
    return (uniform(f'{name}/pose', shape) + moved).astype(np.float32)


def batch(name: str, size: int, window: int, persons: int) -> dict[str, np.ndarray]:
    """Returns a batch as the data pipeline makes it.

    The last recording is as long as the window, the others are shorter by up to a quarter; a second
    person is present in every other recording, for its first half.

    Returns:
        joints float32[B, W, M, V, 3], mask bool[B, W, M], labels int32[B, W],
        index int32[B], subject int32[B].
    """
    joints = np.stack([motion(f'{name}/{row}', window, persons) for row in range(size)])
    lengths = window - below(f'{name}/lengths', (size,), window // 4)
    lengths[-1] = window
    mask = np.repeat((np.arange(window) < lengths[:, None])[..., None], persons, axis=2)
    mask[::2, :, 1:] = False
    mask[:, window // 2 :, 1:] = False
    labels = below(f'{name}/labels', (size, -(-window // 8)), len(CLASSES) + 1)
    return {
        'joints': joints * mask[..., None, None],
        'mask': mask,
        'labels': np.repeat(labels, 8, axis=1)[:, :window].astype(np.int32),
        'index': np.arange(size, dtype=np.int32),
        'subject': np.arange(size, dtype=np.int32) % 2,
    }


def truth() -> dict[str, list[tuple[int, int, int]]]:
    """Returns the segments (start, end, label) in frames of six recordings; one has none."""
    return {
        'a': [(4, 20, 0), (20, 31, 1), (40, 66, 2), (70, 90, 0)],
        'b': [(0, 12, 3), (15, 45, 4), (50, 55, 3)],
        'c': [(10, 60, 5), (30, 42, 1)],
        'd': [],
        'e': [(0, 80, 2)],
        'f': [(5, 25, 4), (33, 48, 0), (48, 64, 5), (66, 79, 3)],
    }


def scores() -> dict[str, np.ndarray]:
    """Returns probabilities float64[T, L + 1] of the recordings of `truth`, partly wrong.

    Quotients of whole numbers: the same to the last bit on every machine.
    """
    lengths = {'a': 96, 'b': 60, 'c': 75, 'd': 40, 'e': 80, 'f': 83}
    found = {}
    for name, frames in lengths.items():
        steps = -(-frames // 3)
        weights = 1 + np.repeat(below(f'scores/{name}', (steps, len(CLASSES) + 1), 24), 3, axis=0)
        weights = weights[:frames]
        weights[:, -1] += 12
        for number, (start, end, label) in enumerate(truth()[name]):
            late = below(f'late/{name}/{number}', (2,), 7) - 3
            shown = (label + 1) % len(CLASSES) if (number + frames) % 5 == 0 else label
            weights[max(start + late[0], 0) : end + late[1], shown] += 40
        found[name] = weights / weights.sum(1, keepdims=True)
    return found
