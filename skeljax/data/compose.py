"""Untrimmed recordings made of repetitions of one person, reproducibly.

What is joined to what is fixed by SHA-256 of names and a seed, never by a random
generator, so that other code can rebuild a benchmark frame for frame; the
builder's README spells it out.
"""

from collections import Counter
from collections.abc import Sequence
import hashlib

import numpy as np

from skeljax.errors import InputError
from skeljax.formats.chain import Chain, about, concatenate

SIZES = (8, 16)  # repetitions a recording
TRANSITIONS = (10, 45)  # frames between two repetitions


def number(*words) -> int:
    """Reads the first 8 bytes of SHA-256 of the words joined by '/' as a big-endian number."""
    digest = hashlib.sha256('/'.join(map(str, words)).encode()).digest()
    return int.from_bytes(digest[:8], 'big')


def arrange(names: Sequence[str], classes: Sequence[int], seed: str) -> list[int]:
    """Orders items so that no two neighbours are of one class.

    At each place stands the item of lowest `number(seed, 'order', name)` that
    differs in class from the one before and leaves a rest that can still be
    ordered.

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
    """Says whether items of these classes can follow `before` without equal neighbours."""
    total = sum(counts.values())
    return all(2 * n <= total + (label != before) for label, n in counts.items())


def sizes(count: int, seed: str) -> list[int]:
    """Cuts `count` repetitions into recordings of 8 to 16.

    The n-th has `8 + number(seed, 'size', n) mod 9`; where that would leave fewer
    than 8, it takes all of up to 16 that remain, or leaves exactly 8.

    Raises:
        InputError: fewer than 8 in all.
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
    """Draws the frames of a transition: `10 + number(seed, 'pause', before, after) mod 36`."""
    low, high = TRANSITIONS
    return low + number(seed, 'pause', before, after) % (high - low + 1)


def join(chains: Sequence[Chain], pauses: Sequence[int]) -> tuple[Chain, list[tuple[int, int]]]:
    """Joins motions of one person by interpolated transitions.

    Each motion is turned about the vertical and moved horizontally as a whole so
    that its root starts where, and headed as, the one before it ended.

    Args:
        chains: at least one.
        pauses: frames between each two.

    Returns:
        The whole, and the [start, end) frames of each motion in it.
    """
    pieces, spans, length = [chains[0]], [(0, len(chains[0]))], len(chains[0])
    for chain, frames in zip(chains[1:], pauses, strict=True):
        moved = _carried_on(pieces[-1], chain)
        pieces += [_transition(pieces[-1], moved, frames), moved]
        spans.append((length + frames, length + frames + len(chain)))
        length = spans[-1][1]
    return concatenate(pieces), spans


def heading(rotation) -> float:
    """Measures the angle about y of where the root's z axis points, radians."""
    return float(np.arctan2(rotation[0, 2], rotation[2, 2]))


def _carried_on(before: Chain, chain: Chain) -> Chain:
    """Moves `chain` rigidly so that its root goes on where `before` ended; heights stay."""
    angle = heading(before.rotations[-1, 0]) - heading(chain.rotations[0, 0])
    turn = about('y', angle)
    path = (chain.root - chain.root[0]) @ turn.T
    start = before.root[-1] * [1, 0, 1] + chain.root[0] * [0, 1, 0]
    rotations = chain.rotations.copy()
    rotations[:, 0] = turn @ rotations[:, 0]
    return Chain(path + start, chain.offsets, rotations)


def _transition(before: Chain, after: Chain, frames: int) -> Chain:
    """Blends the last pose into the first of the next over `frames` frames.

    Frame i has weight (1 - cos(pi (i + 1) / (frames + 1))) / 2; rotations follow
    the shortest arc, root and offsets a straight line.
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
    """Turns float64[V, 3, 3] into unit quaternions (w, x, y, z), float64[V, 4]."""
    m = np.moveaxis(rotation, 0, -1)
    # Bar-Itzhack's symmetric matrix; its eigenvector of the largest eigenvalue.
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
    """Turns quaternions float64[..., 4] into rotations float64[..., 3, 3]."""
    w, x, y, z = np.moveaxis(quaternion / np.linalg.norm(quaternion, axis=-1, keepdims=True), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)
