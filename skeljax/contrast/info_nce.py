"""InfoNCE against negatives, and what host methods make of the same similarities."""

from typing import NamedTuple

import jax
from jax import lax
import jax.numpy as jnp

from skeljax.contrast import softmax
from skeljax.contrast.softmax import NONE


class Negatives(NamedTuple):
    """What the videos of a batch are contrasted with.

    Attributes:
        vectors: unit vectors, float[N, D].
        counts: which of them each video is contrasted with, bool[B, N]; None for all.
    """

    vectors: jax.Array
    counts: jax.Array | None = None

    def log_sum(self, query, *, temperature: float):
        """Computes the log-sum-exp of each query's logits of these negatives.

        What has this function is enough for `info_nce`, also where no device holds all
        negatives (`train.ring`). No gradient flows into the negatives.

        Args:
            query: unit vectors, float[B, ..., D].
            temperature: that cosines are divided by.

        Returns:
            float32[B, ...].
        """
        rows, keys = query.reshape(-1, query.shape[-1]), lax.stop_gradient(self.vectors)
        return softmax.log_sum(temperature, rows, keys, self.counts).reshape(query.shape[:-1])


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
    near = _near(query, positive, temperature)
    return jnp.concatenate([near[..., None], _far(query, negatives, temperature)], -1)


def _near(query, positive, temperature):
    positive = lax.stop_gradient(positive)
    cosine = jnp.einsum('...d,...d->...', query, positive, preferred_element_type=jnp.float32)
    return cosine / temperature


def _far(query, negatives, temperature):
    vectors = lax.stop_gradient(negatives.vectors)
    far = jnp.einsum('...d,nd->...n', query, vectors, preferred_element_type=jnp.float32)
    if negatives.counts is None:
        return far / temperature
    shape = (len(far), *(1,) * (far.ndim - 2), -1)
    return jnp.where(negatives.counts.reshape(shape), far / temperature, NONE)


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
    return jnp.concatenate([logits, jnp.where(counts, more, NONE)], -1)


def info_nce(query, positive, negatives, *, temperature: float, more=None):
    """Asks for the positive among all: `-log softmax` of its logit.

    van den Oord et al., arXiv 1807.03748, in the form of MoCo (arXiv 1911.05722).

    Args:
        query: unit vectors, float[B, ..., D].
        positive: unit vectors, float[B, ..., D]. No gradient flows into them.
        negatives: `Negatives`, or what else has their `log_sum`.
        temperature: that cosines are divided by.
        more: logits of negatives that each query has for itself, float32[B, ..., M], and
            which of them count, bool of that shape.

    Returns:
        float32[B, ...].
    """
    near = _near(query, positive, temperature)
    far = negatives.log_sum(query, temperature=temperature)
    if more is not None:
        values, counts = more
        far = jnp.logaddexp(far, jax.nn.logsumexp(jnp.where(counts, values, NONE), -1))
    return jax.nn.softplus(far - near)


def counted(logits):
    """Tells which logits are of negatives that count, bool of their shape."""
    return logits > NONE / 2


def nearest(logits, count: int = 1):
    """Finds each query's nearest negatives.

    Args:
        logits: as from `logits`, float32[..., 1 + N].
        count: how many.

    Returns:
        bool[..., 1 + N], never the positive, never one that does not count.
    """
    far = lax.stop_gradient(logits).at[..., 0].set(NONE)
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
        float32[...]; that of `info_nce` where none is mined.
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
