"""Fixed-shape augmentations of a batch, on the device.

Every example has its own key, derived from its place in the global batch, so
the result does not depend on the number of devices. An amplitude of 0 switches
an operation off. Definitions follow the release (arXiv 2512.16504) and AimCLR
(arXiv 2112.03590) unless a docstring says otherwise.
"""

import math

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

from skeljax.skeletons import skeleton

BLUR_TAPS = 15


def example_keys(rng, index):
    """Derives one key an example from its global index int[B] -> key[B]."""
    return jax.vmap(jax.random.fold_in, (None, 0))(rng, index)


def crop(rng, joints, mask, *, length: int, pad_ratio: int = 6, tempo: float = 0.0, labels=None):
    """Cuts `length` frames at a random place of each example.

    The span from the first frame to the last valid one is first lengthened at
    both ends by its mirror image, a `pad_ratio`-th of its length each; 0 for no
    such padding. Frames past the end come out masked.

    Args:
        rng: key[B].
        joints: float[B, T, M, V, 3].
        mask: who is there in which frame, bool[B, T, M]; a frame without anybody is not valid.
        length: frames of the result.
        pad_ratio: frames of the span per mirrored frame at either end.
        tempo: motion is played faster or slower by a factor between
            1 / (1 + tempo) and 1 + tempo, by linear interpolation (ours). Between a
            frame that shows a person and one that does not, the nearest counts.
        labels: int[B, T], cut alike (the nearest frame's), or None.

    Returns:
        joints float[B, length, M, V, 3], frames bool[B, length] and, where
        given, labels int[B, length].
    """
    keys = jax.vmap(jax.random.split)(rng)
    time = jnp.arange(length, dtype=jnp.float32)

    def place(key, seen):
        count = seen.shape[0] - jnp.argmax(seen[::-1])
        pad = count // pad_ratio if pad_ratio else jnp.zeros_like(count)
        speed = jnp.exp(jax.random.uniform(key[1], minval=-1.0) * jnp.log1p(tempo))
        last = (length - 1) * speed
        room = jnp.maximum(count + 2 * pad - jnp.ceil(last).astype(count.dtype), 1)
        start = jax.random.randint(key[0], (), 0, room) - pad
        position = start.astype(time.dtype) + speed * time
        low = jnp.floor(position).astype(jnp.int32)
        inside = (low < count + pad) & seen.any()
        ends = [_reflect(low, count), _reflect(low + 1, count)]
        return ends, position - low.astype(time.dtype), inside

    (low, high), share, inside = jax.vmap(place)(keys, mask.any(-1))
    take = jax.vmap(lambda x, i: x[i])
    nearest = jnp.where(share < 0.5, low, high)
    cut = take(joints, low)
    if tempo:
        both = take(mask, low) & take(mask, high)
        weight = jnp.where(both, share[..., None], (share >= 0.5)[..., None].astype(share.dtype))
        weight = weight[..., None, None].astype(joints.dtype)
        cut = (1 - weight) * cut + weight * take(joints, high)
    valid = inside[..., None] & take(mask, nearest)
    return (cut, valid) if labels is None else (cut, valid, take(labels, nearest))


def _reflect(position, count):
    """Folds positions beyond either end back inside [0, count)."""
    position = jnp.where(position < 0, -1 - position, position)
    position = jnp.where(position >= count, 2 * count - 1 - position, position)
    return jnp.clip(position, 0, jnp.maximum(count - 1, 0))


def relative_tempo(rng, joints, mask, *, other: bool):
    """Plays one half of each clip at its rate, or all of it at twice that (RVTCLR, ICCV 2023).

    A coin a clip decides which; `other` is the one that the coin did not choose. The release
    tosses half of a batch one way and half the other.

    Args:
        rng: key[B].
        joints: float[B, T, M, V, 3].
        mask: bool[B, T, M].
        other: takes the other tempo.

    Returns:
        joints float[B, T // 2, M, V, 3] and mask bool[B, T // 2, M]; of a single frame, that one.
    """
    half = max(joints.shape[1] // 2, 1)
    fast = jax.vmap(jax.random.bernoulli)(rng) != other

    def pick(x):
        chosen = fast.reshape(-1, *(1,) * (x.ndim - 1))
        return jnp.where(chosen, x[:, : 2 * half : 2], x[:, :half])

    return pick(joints), pick(mask)


def hide(rng, joints, count: int):
    """Zeroes `count` joints of every frame, others in each, the same ones of all persons.

    HiCLR, arXiv 2211.13466, which draws them once for a batch.

    Args:
        rng: key[B].
        joints: of any stream, float[B, T, M, V, 3].
        count: of joints.

    Returns:
        float[B, T, M, V, 3].
    """
    time, joint = joints.shape[1], jnp.arange(joints.shape[3])

    def draw(key):
        frames = jnp.broadcast_to(joint, (time, len(joint)))
        return jax.random.permutation(key, frames, axis=1, independent=True) >= count

    return jnp.where(jax.vmap(draw)(rng)[:, :, None, :, None], joints, 0)


def transform(
    rng,
    joints,
    *,
    layout: str,
    shear: float = 0.0,
    turn: float = 0.0,
    rotate: float = 0.0,
    scale: float = 0.0,
    bones: float = 0.0,
    mirror: float = 0.0,
    noise: float = 0.0,
    blur: float = 0.0,
    axis_mask: float = 0.0,
    joint_mask: int = 0,
    corrupt: int = 0,
    faithful: bool = False,
):
    """Transforms the poses of each example, one draw for all of its frames.

    Args:
        rng: key[B].
        joints: float[B, T, M, V, 3], centred; z is up after alignment.
        layout: name of the joint layout, for its mirror pairs.
        shear: six off-diagonal coefficients from U(-shear, shear).
        turn: angle about the vertical (z) from U(-turn, turn), radians.
        rotate: the release's operation 2: one axis from U(0, rotate), radians,
            the two others from U(0, rotate / 30).
        scale: size from U(1 - scale, 1 + scale).
        bones: every bone's length from U(1 - bones, 1 + bones) of its own, left
            and right alike (ours): another body makes the same movement.
        mirror: probability of exchanging left and right.
        noise: standard deviation of Gaussian noise (probability 0.5).
        blur: largest width of a Gaussian over time in frames (probability 0.5,
            width from U(0.1, blur)).
        axis_mask: probability of zeroing one coordinate axis.
        joint_mask: joints zeroed (0 for none).
        corrupt: joints that are spoilt in half of the clips, in the place of the shear: zeroed
            or all mapped by one matrix from U(-1, 1), each as often (CMD's code).
        faithful: as published: the blur's taps do not sum to 1 and mirroring
            exchanges joints without mirroring coordinates.

    Returns:
        float[B, T, M, V, 3].
    """
    keys = jax.vmap(lambda k: jax.random.split(k, 10))(rng)
    shears = jnp.full(len(keys), shear)
    if corrupt:
        joints, shears = _corrupt(keys[:, 9], joints, shears, corrupt)
    matrix = jax.vmap(lambda k, shear: _matrix(k, shear, turn, rotate, scale))(keys, shears)
    if shear or turn or rotate or scale:
        joints = _map(joints, matrix)
    if bones:
        bodies = jax.vmap(lambda k: _body(k, skeleton.get(layout), bones))(keys[:, 8])
        joints = jnp.einsum('btmvc,bwv->btmwc', joints, bodies.astype(joints.dtype))
    if mirror:
        joints = _mirror(keys[:, 4], joints, skeleton.get(layout), mirror, faithful)
    if noise:
        def draw(key):
            use, key = jax.random.split(key)
            spread = noise * jax.random.bernoulli(use).astype(joints.dtype)
            # The same numbers as of joints' shape, whose places take longer than the rest (CPU).
            drawn = jax.random.normal(key, (math.prod(joints.shape[1:]),), joints.dtype)
            return spread * drawn.reshape(joints.shape[1:])
        joints = joints + jax.vmap(draw)(keys[:, 5])
    if blur:
        joints = _blur(keys[:, 6], joints, blur, faithful)
    if axis_mask or joint_mask:
        joints = joints * jax.vmap(lambda k: _holes(k, joints.shape[-2:], axis_mask, joint_mask))(
            keys[:, 7]
        ).astype(joints.dtype)[:, None, None]
    return joints


def _map(joints, matrix):
    """Maps float[B, T, M, V, 3] by float[B, 3, 3]: sums, as a batch of such small products is slow."""
    columns = matrix[:, None, None, None].astype(joints.dtype)
    return sum(joints[..., axis, None] * columns[..., axis] for axis in range(3))


def _matrix(keys, shear, turn, rotate, scale):
    """Draws scale · rotation · turn · shear, float[3, 3]; keys is key[8]."""
    off = jax.random.uniform(keys[0], (3, 3), minval=-shear, maxval=shear)
    matrix = jnp.where(jnp.eye(3, dtype=bool), 1.0, off)
    if turn:
        angle = jax.random.uniform(keys[1], minval=-turn, maxval=turn)
        matrix = _rotation(2, angle) @ matrix
    if rotate:
        main, size = jax.random.split(keys[2])
        chosen = jnp.arange(3) == jax.random.randint(main, (), 0, 3)
        angles = jax.random.uniform(size, (3,)) * jnp.where(chosen, rotate, rotate / 30)
        for axis in range(3):
            matrix = _rotation(axis, angles[axis]) @ matrix
    if scale:
        matrix = matrix * jax.random.uniform(keys[3], minval=1 - scale, maxval=1 + scale)
    return matrix


def _corrupt(keys, joints, shears, count):
    """Spoils `count` joints of half of the clips, and takes their shear float[B] away."""
    def draw(key):
        use, zero, joint, entries = jax.random.split(key, 4)
        spoilt = jax.random.bernoulli(use)
        matrix = jax.random.uniform(entries, (3, 3), minval=-1.0)
        lost = spoilt & (jax.random.permutation(joint, joints.shape[-2]) < count)
        return spoilt, lost, jnp.where(jax.random.bernoulli(zero), 0, matrix)

    spoilt, lost, matrix = jax.vmap(draw)(keys)
    mapped = _map(joints, matrix)
    return jnp.where(lost[:, None, None, :, None], mapped, joints), jnp.where(spoilt, 0, shears)


def _rotation(axis: int, angle):
    """Rotates about one axis by `angle` radians, float[3, 3]."""
    i, j = (axis + 1) % 3, (axis + 2) % 3
    c, s = jnp.cos(angle), jnp.sin(angle)
    matrix = jnp.eye(3).at[i, i].set(c).at[j, j].set(c)
    return matrix.at[i, j].set(-s).at[j, i].set(s)


def _body(key, layout, bones):
    """Draws the change of joints to those of another body, float[V, V]."""
    count = layout.num_joints
    offset = np.eye(count)  # from joints to bones
    for parent, joint in layout.bones:
        offset[joint, parent] = -1
    chain = np.linalg.inv(offset).astype(np.float32)
    ratio = jax.random.uniform(key, (count,), minval=1 - bones, maxval=1 + bones)
    order = np.arange(count)
    for left, right in layout.mirror:
        order[left] = right
    matrix = chain @ (ratio[order][:, None] * offset.astype(np.float32))
    return matrix - matrix[np.array(layout.centre)].mean(0)


def _mirror(keys, joints, layout, probability, faithful):
    order = list(range(layout.num_joints))
    for left, right in layout.mirror:
        order[left], order[right] = right, left
    mirrored = joints[..., jnp.array(order), :]
    if not faithful:  # the shoulders lie along x after alignment
        mirrored = mirrored * jnp.array([-1, 1, 1], joints.dtype)
    chosen = jax.vmap(lambda k: jax.random.bernoulli(k, probability))(keys)
    return jnp.where(chosen[:, None, None, None, None], mirrored, joints)


def _blur(keys, joints, widest, faithful):
    """Smooths over time by a Gaussian of `BLUR_TAPS` taps, zeros beyond the ends."""
    half = BLUR_TAPS // 2

    def taps(key):
        use, key = jax.random.split(key)
        sigma = jax.random.uniform(key, minval=0.1, maxval=widest)
        offset = jnp.arange(-half, half + 1).astype(sigma.dtype)
        weights = jnp.exp(-0.5 * (offset / sigma) ** 2)
        weights = weights if faithful else weights / weights.sum()
        return jnp.where(jax.random.bernoulli(use), weights, (offset == 0).astype(weights.dtype))

    weights = jax.vmap(taps)(keys).astype(joints.dtype)
    length = joints.shape[1]
    mode = 'constant' if faithful else 'edge'
    padded = jnp.pad(joints, [(0, 0), (half, half), (0, 0), (0, 0), (0, 0)], mode=mode)

    def add(total, tap):
        piece = lax.dynamic_slice_in_dim(padded, tap, length, axis=1)
        return total + weights[:, tap, None, None, None, None] * piece, None

    return lax.scan(add, jnp.zeros_like(joints), jnp.arange(BLUR_TAPS))[0]


def _holes(key, shape, axis_mask, joint_mask):
    """Draws which joints and axes stay, bool[V, 3]."""
    use, axis, joint = jax.random.split(key, 3)
    lost_axis = (jnp.arange(3) == jax.random.randint(axis, (), 0, 3)) & jax.random.bernoulli(
        use, axis_mask
    )
    lost_joint = jax.random.permutation(joint, shape[0]) < joint_mask
    return ~(lost_axis[None, :] | lost_joint[:, None])
