"""Fixed-shape augmentations of a batch, on the device.

Each example has its own random key, derived from its index in the global batch, so the result
does not depend on the number of devices. An amplitude of 0 disables an operation. Definitions
follow the release of arXiv 2512.16504 and AimCLR (arXiv 2112.03590) unless noted as "ours".
"""

import math

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

from skeljax.skeletons import skeleton

BLUR_TAPS = 15


def example_keys(rng, index):
    """Returns one key per example, key[B], derived from global indices int[B]."""
    return jax.vmap(jax.random.fold_in, (None, 0))(rng, index)


def crop(rng, joints, mask, *, length: int, pad_ratio: int = 6, tempo: float = 0.0, labels=None):
    """Cuts `length` frames at a random position of each example.

    The span from the first frame to the last valid one is first extended at both ends by its
    mirror image. Frames beyond the extended span are masked.

    Args:
        rng: key[B].
        joints: float[B, T, M, V, 3].
        mask: persons present in each frame, bool[B, T, M]; a frame is valid if it has one.
        length: frames of the result.
        pad_ratio: the extension at each end is 1 / pad_ratio of the span; 0 disables it.
        tempo: playback speed is drawn from [1 / (1 + tempo), 1 + tempo], frames are
            interpolated linearly (ours). A person present in only one of two neighboring
            frames takes the pose of the nearest frame.
        labels: int[B, T], cut in the same way (nearest frame), or None.

    Returns:
        joints float[B, length, M, V, 3], mask bool[B, length, M] and, if given,
        labels int[B, length].
    """
    keys = jax.vmap(jax.random.split)(rng)
    time = jnp.arange(length, dtype=jnp.float32)

    def place(key, is_valid):
        count = is_valid.shape[0] - jnp.argmax(is_valid[::-1])
        pad = count // pad_ratio if pad_ratio else jnp.zeros_like(count)
        speed = jnp.exp(jax.random.uniform(key[1], minval=-1.0) * jnp.log1p(tempo))
        last = (length - 1) * speed
        room = jnp.maximum(count + 2 * pad - jnp.ceil(last).astype(count.dtype), 1)
        start = jax.random.randint(key[0], (), 0, room) - pad
        position = start.astype(time.dtype) + speed * time
        low = jnp.floor(position).astype(jnp.int32)
        inside = (low < count + pad) & is_valid.any()
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
    """Maps positions beyond either end into [0, count) by reflection at the end."""
    position = jnp.where(position < 0, -1 - position, position)
    position = jnp.where(position >= count, 2 * count - 1 - position, position)
    return jnp.clip(position, 0, jnp.maximum(count - 1, 0))


def relative_tempo(rng, joints, mask, *, other: bool):
    """Cuts each clip to half its frames: the first half, or every other frame (RVTCLR, ICCV 2023).

    A random bit per clip decides which; `other` inverts it. The release decides for halves of
    the batch instead. Takes key[B], float[B, T, M, V, 3] and bool[B, T, M].

    Returns:
        joints float[B, max(T // 2, 1), M, V, 3] and mask bool[B, max(T // 2, 1), M].
    """
    half = max(joints.shape[1] // 2, 1)
    fast = jax.vmap(jax.random.bernoulli)(rng) != other

    def pick(x):
        chosen = fast.reshape(-1, *(1,) * (x.ndim - 1))
        return jnp.where(chosen, x[:, : 2 * half : 2], x[:, :half])

    return pick(joints), pick(mask)


def mask_joints(rng, joints, count: int):
    """Zeroes `count` random joints of every frame, the same joints for all persons.

    HiCLR, arXiv 2211.13466, whose release draws the joints once per batch. Takes key[B] and
    float[B, T, M, V, 3] of any stream; returns the latter's shape.
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
    yaw: float = 0.0,
    rotate: float = 0.0,
    scale: float = 0.0,
    bone_scale: float = 0.0,
    mirror: float = 0.0,
    noise: float = 0.0,
    blur: float = 0.0,
    axis_mask: float = 0.0,
    mask_joints: int = 0,
    corrupt_joints: int = 0,
    faithful: bool = False,
):
    """Transforms the poses of each example by one draw that all its frames share.

    Args:
        rng: key[B].
        joints: float[B, T, M, V, 3], centered and aligned: z points up.
        layout: name of the joint layout.
        shear: six off-diagonal coefficients from U(-shear, shear).
        yaw: angle about the vertical (z) from U(-yaw, yaw), radians.
        rotate: operation 2 of the release: the angle about one random axis from U(0, rotate),
            those about the others from U(0, rotate / 30), radians.
        scale: body size from U(1 - scale, 1 + scale).
        bone_scale: length of each bone from U(1 - bone_scale, 1 + bone_scale), equal for left
            and right (ours): the same movement by another body.
        mirror: probability of exchanging left and right.
        noise: standard deviation of Gaussian noise (probability 0.5).
        blur: largest width of a temporal Gaussian, frames (probability 0.5, width from
            U(0.1, blur)).
        axis_mask: probability of zeroing one coordinate axis.
        mask_joints: number of joints zeroed in all frames.
        corrupt_joints: number of joints corrupted in half of the clips, which then get no
            shear: zeroed, or mapped by one matrix from U(-1, 1), equally often (code of CMD).
        faithful: as published: the taps of the blur do not sum to 1, and mirroring exchanges
            joints without mirroring coordinates.

    Returns:
        float[B, T, M, V, 3].
    """
    known = skeleton.get(layout)
    keys = jax.vmap(lambda k: jax.random.split(k, 10))(rng)
    shears = jnp.full(len(keys), shear)
    if corrupt_joints:
        joints, shears = _corrupt_joints(keys[:, 9], joints, shears, corrupt_joints)
    matrix = jax.vmap(lambda k, shear: _matrix(k, shear, yaw, rotate, scale))(keys, shears)
    if shear or yaw or rotate or scale:
        joints = _apply_matrix(joints, matrix)
    if bone_scale:
        bodies = jax.vmap(lambda k: _bone_scale_matrix(k, known, bone_scale))(keys[:, 8])
        joints = jnp.einsum('btmvc,bwv->btmwc', joints, bodies.astype(joints.dtype))
    if mirror:
        joints = _mirror(keys[:, 4], joints, known, mirror, faithful)
    if noise:
        def draw(key):
            use, key = jax.random.split(key)
            std = noise * jax.random.bernoulli(use).astype(joints.dtype)
            # A flat shape gives the same numbers and is faster on CPU.
            drawn = jax.random.normal(key, (math.prod(joints.shape[1:]),), joints.dtype)
            return std * drawn.reshape(joints.shape[1:])
        joints = joints + jax.vmap(draw)(keys[:, 5])
    if blur:
        joints = _blur(keys[:, 6], joints, blur, faithful)
    if axis_mask or mask_joints:
        kept = jax.vmap(lambda k: _drop_mask(k, joints.shape[-2:], axis_mask, mask_joints))
        joints = joints * kept(keys[:, 7]).astype(joints.dtype)[:, None, None]
    return joints


def _apply_matrix(joints, matrix):
    """Multiplies float[B, T, M, V, 3] by float[B, 3, 3].

    Written as a sum, because a batched product of 3 x 3 matrices is slow.
    """
    columns = matrix[:, None, None, None].astype(joints.dtype)
    return sum(joints[..., axis, None] * columns[..., axis] for axis in range(3))


def _matrix(keys, shear, yaw, rotate, scale):
    """Returns a random scale * rotation * yaw * shear, float[3, 3]; keys is key[10]."""
    off = jax.random.uniform(keys[0], (3, 3), minval=-shear, maxval=shear)
    matrix = jnp.where(jnp.eye(3, dtype=bool), 1.0, off)
    if yaw:
        angle = jax.random.uniform(keys[1], minval=-yaw, maxval=yaw)
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


def _corrupt_joints(keys, joints, shears, count):
    """Corrupts `count` joints of half of the clips and sets the shear float[B] of these to 0."""
    def draw(key):
        use, zero, joint, entries = jax.random.split(key, 4)
        is_corrupt = jax.random.bernoulli(use)
        matrix = jax.random.uniform(entries, (3, 3), minval=-1.0)
        lost = is_corrupt & (jax.random.permutation(joint, joints.shape[-2]) < count)
        return is_corrupt, lost, jnp.where(jax.random.bernoulli(zero), 0, matrix)

    is_corrupt, lost, matrix = jax.vmap(draw)(keys)
    mapped = _apply_matrix(joints, matrix)
    joints = jnp.where(lost[:, None, None, :, None], mapped, joints)
    return joints, jnp.where(is_corrupt, 0, shears)


def _rotation(axis: int, angle):
    """Returns the rotation about one axis by `angle` radians, float[3, 3]."""
    i, j = (axis + 1) % 3, (axis + 2) % 3
    c, s = jnp.cos(angle), jnp.sin(angle)
    matrix = jnp.eye(3).at[i, i].set(c).at[j, j].set(c)
    return matrix.at[i, j].set(-s).at[j, i].set(s)


def _bone_scale_matrix(key, layout, amplitude):
    """Returns float[V, V], which maps joints to those of a body with other bone lengths."""
    count = layout.num_joints
    offset = np.eye(count)  # from joints to bones
    for parent, joint in layout.bones:
        offset[joint, parent] = -1
    chain = np.linalg.inv(offset).astype(np.float32)
    ratio = jax.random.uniform(key, (count,), minval=1 - amplitude, maxval=1 + amplitude)
    order = np.arange(count)
    for left, right in layout.mirror:
        order[left] = right
    matrix = chain @ (ratio[order][:, None] * offset.astype(np.float32))
    return matrix - matrix[np.array(layout.center)].mean(0)[None]


def _mirror(keys, joints, layout, probability, faithful):
    """Exchanges left and right in a random part of the clips."""
    order = list(range(layout.num_joints))
    for left, right in layout.mirror:
        order[left], order[right] = right, left
    mirrored = joints[..., jnp.array(order), :]
    if not faithful:  # the shoulders lie along x after alignment
        sign = jnp.array([-1, 1, 1], joints.dtype)
        mirrored = mirrored * lax.broadcast_to_rank(sign, joints.ndim)
    chosen = jax.vmap(lambda k: jax.random.bernoulli(k, probability))(keys)
    return jnp.where(chosen[:, None, None, None, None], mirrored, joints)


def _blur(keys, joints, widest, faithful):
    """Smooths over time by a Gaussian of `BLUR_TAPS` taps.

    The end frames are repeated beyond the ends; if `faithful`, zeros are used.
    """
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


def _drop_mask(key, shape, axis_mask, num_joints):
    """Returns the coordinates that are kept, bool[V, 3]."""
    use, axis, joint = jax.random.split(key, 3)
    lost_axis = (jnp.arange(3) == jax.random.randint(axis, (), 0, 3)) & jax.random.bernoulli(
        use, axis_mask
    )
    lost_joint = jax.random.permutation(joint, shape[0]) < num_joints
    return ~(lost_axis[None, :] | lost_joint[:, None])
