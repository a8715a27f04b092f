"""InfoNCE against negatives, and what host methods make of the same similarities."""

from typing import NamedTuple

import jax
from jax import lax
import jax.numpy as jnp

# In the place of a negative that does not count: its exponential is 0, its product with 0 too.
_NONE = -1e9


class Negatives(NamedTuple):
    """What the videos of a batch are contrasted with.

    Attributes:
        vectors: unit vectors, float[N, D].
        counts: which of them each video is contrasted with, bool[B, N]; None for all.
    """

    vectors: jax.Array
    counts: jax.Array | None = None


def logits(query, positive, negatives: Negatives, *, temperature: float):
    """Compares each query with its positive and with negatives shared by all.

    Positives and negatives come from the momentum encoder: no gradient flows into them.

    Args:
        query: unit vectors, float[B, ..., D].
        positive: unit vectors, float[B, ..., D].
        negatives: N of them.
        temperature: that cosines are divided by.

    Returns:
        float32[B, ..., 1 + N], the positive first.
    """
    positive, vectors = lax.stop_gradient((positive, negatives.vectors))
    f32 = jnp.float32
    near = jnp.einsum('...d,...d->...', query, positive, preferred_element_type=f32)
    far = jnp.einsum('...d,nd->...n', query, vectors, preferred_element_type=f32)
    if negatives.counts is not None:
        shape = (len(far), *(1,) * (far.ndim - 2), -1)
        far = jnp.where(negatives.counts.reshape(shape), far, _NONE * temperature)
    return jnp.concatenate([near[..., None], far], -1) / temperature


def between(query, key, *, temperature: float):
    """Compares each query with all keys of its own video.

    Args:
        query: unit vectors, float[B, S, D].
        key: unit vectors, float[B, T, D].
        temperature: that cosines are divided by.

    Returns:
        float32[B, S, T].
    """
    cosine = jnp.einsum('bsd,btd->bst', query, key, preferred_element_type=jnp.float32)
    return cosine / temperature


def join(logits, more, counts):
    """Adds negatives, of which those count where `counts` (bool of their shape) is true."""
    return jnp.concatenate([logits, jnp.where(counts, more, _NONE)], -1)


def info_nce(logits):
    """Asks for the positive among all: `-log softmax(logits)[0]`.

    van den Oord et al., arXiv 1807.03748, in the form of MoCo (arXiv 1911.05722).

    Args:
        logits: as from `logits`, float32[..., 1 + N].

    Returns:
        float32[...].
    """
    return jax.nn.softplus(jax.nn.logsumexp(logits[..., 1:], -1) - logits[..., 0])


def counted(logits):
    """Tells which logits are of negatives that count, bool of their shape."""
    return logits > _NONE / 2


def nearest(logits, count: int = 1):
    """Finds each query's nearest negatives.

    Args:
        logits: as from `logits`, float32[..., 1 + N].
        count: how many.

    Returns:
        bool[..., 1 + N], never the positive, never one that does not count.
    """
    far = lax.stop_gradient(logits).at[..., 0].set(_NONE)
    if count == 1:
        found = jax.nn.one_hot(far.argmax(-1), far.shape[-1], dtype=bool)
    else:
        found = far >= lax.top_k(far, min(count, far.shape[-1]))[0][..., -1:]
    return found & counted(far)


def multi_nce(logits, mined):
    """Asks for the positive and for mined negatives: mean of `-log softmax` over them.

    AimCLR, arXiv 2112.03590.

    Args:
        logits: as from `logits`, float32[..., 1 + N].
        mined: which negatives count as positives too, bool[..., 1 + N].

    Returns:
        float32[...]; `info_nce` where none is mined.
    """
    wanted = mined.at[..., 0].set(True)
    total = jnp.where(wanted, jax.nn.log_softmax(logits), 0).sum(-1)
    return -total / wanted.sum(-1, dtype=logits.dtype)


def distil(teacher, student):
    """Cross-entropy of the student's distribution under the teacher's.

    D3M of AimCLR, arXiv 2112.03590. No gradient flows into the teacher.

    Args:
        teacher: logits, float32[..., 1 + N].
        student: logits, float32[..., 1 + N].

    Returns:
        float32[...].
    """
    wanted = jax.nn.softmax(lax.stop_gradient(teacher))
    return -(wanted * jax.nn.log_softmax(student)).sum(-1)
