"""Joins repetitions of one person into untrimmed recordings, reproducibly.

The choice of repetitions depends on SHA-256 of names and a seed, not on a random generator, so
that other code can rebuild a benchmark frame by frame. The README of the builder defines it.
"""

from collections import Counter
from collections.abc import Sequence
import hashlib

import numpy as np

from skeljax.errors import InputError
from skeljax.formats.chain import Chain, about, concatenate

SIZES = (8, 16)  # repetitions per recording
TRANSITIONS = (10, 45)  # frames between two repetitions


def number(*words) -> int:
    """Returns the first 8 bytes of SHA-256 of the words joined by '/', as a big-endian integer."""
    digest = hashlib.sha256('/'.join(map(str, words)).encode()).digest()
    return int.from_bytes(digest[:8], 'big')


def arrange(names: Sequence[str], classes: Sequence[int], seed: str) -> list[int]:
    """Orders items so that no two neighbors have the same class.

    Each position gets the item with the lowest `number(seed, 'order', name)` whose class differs
    from the previous one and whose choice leaves items that can still be ordered.

    Returns:
        Indices into `names`, each once.

    Raises:
        InputError: no such order exists (one class has more than half).
    """
    rest = sorted(range(len(names)), key=lambda i: (number(seed, 'order', names[i]), names[i]))
    counts = Counter(classes)
    before, chosen = None, []
    if not _orderable(counts, None):
        most, times = counts.most_common(1)[0]
        raise InputError(f'{seed}: class {most} is {times} of {len(names)} repetitions: no order')
    while rest:
        for index in rest:
            own = classes[index]
            if own != before and _orderable(counts - Counter([own]), own):
                break
        chosen.append(index)
        rest.remove(index)
        counts -= Counter([own])
        before = own
    return chosen


def _orderable(counts: Counter, before) -> bool:
    """Returns whether items of these classes can follow `before` without equal neighbors."""
    total = sum(counts.values())
    return all(2 * n <= total + (label != before) for label, n in counts.items())


def sizes(count: int, seed: str) -> list[int]:
    """Divides `count` repetitions among recordings of 8 to 16 each.

    Recording n gets `8 + number(seed, 'size', n) mod 9`. If fewer than 8 would remain, it gets
    all that remain (up to 16), or all but 8.

    Raises:
        InputError: fewer than 8 in total.
    """
    low, high = SIZES
    if count < low:
        raise InputError(f'{seed}: {count} repetitions, a recording needs {low}')
    parts = []
    while count:
        size = low + number(seed, 'size', len(parts)) % (high - low + 1)
        if count - size < low and count != size:
            size = count if count <= high else count - low
        parts.append(size)
        count -= size
    return parts


def pause(seed: str, before: str, after: str) -> int:
    """Returns the frames of a transition: `10 + number(seed, 'pause', before, after) mod 36`."""
    low, high = TRANSITIONS
    return low + number(seed, 'pause', before, after) % (high - low + 1)


def join(chains: Sequence[Chain], pauses: Sequence[int]) -> tuple[Chain, list[tuple[int, int]]]:
    """Joins motions of one person by interpolated transitions.

    Each motion is rotated about the vertical and moved horizontally as a whole, so that its root
    starts at the position and heading at which the previous motion ended.

    Args:
        chains: at least one.
        pauses: frames between consecutive motions.

    Returns:
        The joined motion, and the frames [start, end) of each motion in it.
    """
    pieces, spans, length = [chains[0]], [(0, len(chains[0]))], len(chains[0])
    for chain, frames in zip(chains[1:], pauses, strict=True):
        moved = _carried_on(pieces[-1], chain)
        pieces += [_transition(pieces[-1], moved, frames), moved]
        spans.append((length + frames, length + frames + len(chain)))
        length = spans[-1][1]
    return concatenate(pieces), spans


def heading(rotation) -> float:
    """Returns the direction of the root's z axis as an angle about y, radians."""
    return float(np.arctan2(rotation[0, 2], rotation[2, 2]))


def _carried_on(before: Chain, chain: Chain) -> Chain:
    """Moves `chain` rigidly so that its root continues where `before` ended; keeps heights."""
    angle = heading(before.rotations[-1, 0]) - heading(chain.rotations[0, 0])
    turn = about('y', angle)
    path = (chain.root - chain.root[0]) @ turn.T
    start = before.root[-1] * [1, 0, 1] + chain.root[0] * [0, 1, 0]
    rotations = chain.rotations.copy()
    rotations[:, 0] = turn @ rotations[:, 0]
    return Chain(path + start, chain.offsets, rotations)


def _transition(before: Chain, after: Chain, frames: int) -> Chain:
    """Interpolates from the last pose to the first pose of the next motion in `frames` frames.

    Frame i has weight (1 - cos(pi (i + 1) / (frames + 1))) / 2; rotations are interpolated along
    the shortest arc, root and offsets linearly.
    """
    weight = (1 - np.cos(np.pi * np.arange(1, frames + 1) / (frames + 1))) / 2
    blend = lambda a, b: a + (b - a) * weight.reshape(-1, *[1] * a.ndim)
    return Chain(
        blend(before.root[-1], after.root[0]),
        blend(before.offsets[-1], after.offsets[0]),
        _slerp(before.rotations[-1], after.rotations[0], weight),
    )


def _slerp(first, last, weight):
    """Interpolates rotations float64[V, 3, 3] -> float64[T, V, 3, 3]."""
    a, b = _quaternion(first), _quaternion(last)
    cosine = (a * b).sum(-1, keepdims=True)
    b, cosine = np.where(cosine < 0, -b, b), np.abs(cosine)
    angle = np.arccos(np.minimum(cosine, 1))[None]
    weight = weight[:, None, None]
    sine = np.where(angle > 1e-6, np.sin(angle), 1)
    left = np.where(angle > 1e-6, np.sin((1 - weight) * angle) / sine, 1 - weight)
    right = np.where(angle > 1e-6, np.sin(weight * angle) / sine, weight)
    return _matrix(left * a + right * b)


def _quaternion(rotation):
    """Converts float64[V, 3, 3] to unit quaternions (w, x, y, z), float64[V, 4]."""
    m = np.moveaxis(rotation, 0, -1)
    # The eigenvector of the largest eigenvalue of Bar-Itzhack's symmetric matrix.
    k = np.array(
        [
            [m[0, 0] + m[1, 1] + m[2, 2], m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], m[0, 0] - m[1, 1] - m[2, 2], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]],
            [m[0, 2] - m[2, 0], m[0, 1] + m[1, 0], m[1, 1] - m[0, 0] - m[2, 2], m[1, 2] + m[2, 1]],
            [m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], m[2, 2] - m[0, 0] - m[1, 1]],
        ]
    )
    return np.linalg.eigh(np.moveaxis(k, -1, 0))[1][..., -1]


def _matrix(quaternion):
    """Converts quaternions float64[..., 4] to rotations float64[..., 3, 3]."""
    w, x, y, z = np.moveaxis(quaternion / np.linalg.norm(quaternion, axis=-1, keepdims=True), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)
