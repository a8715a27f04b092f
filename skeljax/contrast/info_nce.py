"""InfoNCE (arXiv 1807.03748) in the form of MoCo (arXiv 1911.05722), and losses on its logits.

`info_nce` is the loss. `Negatives` is its plain set of negatives, to read and to test against;
training uses the two replacements in `contrast.sharded`, which need less memory.
"""

from typing import NamedTuple

import jax
from jax import lax
import jax.numpy as jnp

# Logit assigned to masked negatives: its exponential is 0, and 0 times it is 0, not NaN.
MASK_VALUE = -1e9


def info_nce(query, positive, negatives, *, temperature: float, extra_logits=None):
    """Computes the cross-entropy of classifying the positive among the negatives.

    Per query: `-log(exp(p) / (exp(p) + sum_n exp(n)))`, p and n being the logits of the positive
    and of the negatives: cosines over the temperature. Positives and negatives are outputs of the
    momentum encoder; no gradient flows into them.

    Args:
        query: unit vectors, float[B, ..., D].
        positive: unit vectors, float[B, ..., D].
        negatives: `Negatives`, or any object with its method `log_sum_exp`.
        temperature: divisor of the cosines.
        extra_logits: negatives of single queries: logits float32[B, ..., M] and the mask of
            those that count, bool[B, ..., M]; None for none.

    Returns:
        float32[B, ...].
    """
    positive = positive_logit(query, positive, temperature=temperature)
    negative = negatives.log_sum_exp(query, temperature=temperature)
    if extra_logits is not None:
        values, mask = extra_logits
        extra = jax.nn.logsumexp(jnp.where(mask, values, MASK_VALUE), -1)
        negative = jnp.logaddexp(negative, extra)
    return jax.nn.softplus(negative - positive)


class Negatives(NamedTuple):
    """Unit vectors that the videos of a batch are contrasted with.

    Attributes:
        vectors: float[N, D].
        mask: bool[B, N]; mask[b, n]: vector n is a negative of video b. None for all.
    """

    vectors: jax.Array
    mask: jax.Array | None = None

    def log_sum_exp(self, query, *, temperature: float):
        """Computes the log-sum-exp of the logits of all negatives of each query.

        Any object with this method can replace `Negatives` in `info_nce`.

        Args:
            query: unit vectors, float[B, ..., D].
            temperature: divisor of the cosines.

        Returns:
            float32[B, ...].
        """
        return jax.nn.logsumexp(negative_logits(query, self, temperature=temperature), -1)


def positive_logit(query, positive, *, temperature: float):
    """Computes the logit of each query's positive, float[B, ..., D] twice to float32[B, ...]."""
    positive = lax.stop_gradient(positive)
    cosine = jnp.einsum('...d,...d->...', query, positive, preferred_element_type=jnp.float32)
    return cosine / temperature


def negative_logits(query, negatives, *, temperature: float):
    """Computes the logits of all N negatives of each query.

    Args:
        query: unit vectors, float[B, ..., D].
        negatives: `Negatives`, or `sharded.TiledNegatives`.
        temperature: divisor of the cosines.

    Returns:
        float32[B, ..., N]; `MASK_VALUE` where masked.
    """
    vectors = lax.stop_gradient(negatives.vectors)
    cosine = jnp.einsum('...d,nd->...n', query, vectors, preferred_element_type=jnp.float32)
    if negatives.mask is None:
        return cosine / temperature
    shape = (len(cosine), *(1,) * (cosine.ndim - 2), -1)
    return jnp.where(negatives.mask.reshape(shape), cosine / temperature, MASK_VALUE)


def logits(query, positive, negatives, *, temperature: float):
    """Returns the logits of the positive and of all negatives, float32[B, ..., 1 + N].

    The positive is first. Arguments as of `info_nce`, but for `negatives`: as of `negative_logits`.
    """
    first = positive_logit(query, positive, temperature=temperature)
    rest = negative_logits(query, negatives, temperature=temperature)
    return jnp.concatenate([first[..., None], rest], -1)


def pairwise_logits(query, key, *, temperature: float):
    """Computes the logits of every query with every key of its own video.

    Args:
        query: unit vectors, float[B, S, D].
        key: unit vectors, float[B, T, D].
        temperature: divisor of the cosines.

    Returns:
        float32[B, S, T].
    """
    cosine = jnp.einsum('bsd,btd->bst', query, key, preferred_element_type=jnp.float32)
    return cosine / temperature


def append_negatives(logits, extra_logits, mask):
    """Appends logits float32[..., M], masked by bool[..., M], to float32[..., 1 + N]."""
    return jnp.concatenate([logits, jnp.where(mask, extra_logits, MASK_VALUE)], -1)


def is_valid(logits):
    """Returns which logits are not masked, bool of their shape."""
    return logits > MASK_VALUE / 2


def nearest(logits, count: int = 1):
    """Finds each query's nearest negatives.

    Args:
        logits: the positive first, float32[..., 1 + N].
        count: negatives to find.

    Returns:
        bool[..., 1 + N]; never true for the positive or a masked negative.
    """
    candidates = lax.stop_gradient(logits).at[..., 0].set(MASK_VALUE)
    if count == 1:
        found = jax.nn.one_hot(candidates.argmax(-1), candidates.shape[-1], dtype=bool)
    else:
        least = lax.top_k(candidates, min(count, candidates.shape[-1]))[0][..., -1:]
        found = candidates >= least
    return found & is_valid(candidates)


def multi_positive_nce(logits, mined):
    """Computes the mean of `-log softmax` over the positive and mined negatives.

    AimCLR, arXiv 2112.03590.

    Args:
        logits: the positive first, float32[..., 1 + N].
        mined: negatives that count as positives, bool[..., 1 + N].

    Returns:
        float32[...]; the loss of `info_nce` where none is mined.
    """
    positives = mined.at[..., 0].set(True)
    total = jnp.where(positives, jax.nn.log_softmax(logits), 0).sum(-1)
    return -total / positives.sum(-1, dtype=logits.dtype)


def distillation_loss(teacher, student):
    """Computes the cross-entropy of the student's distribution under the teacher's.

    D3M of AimCLR, arXiv 2112.03590. No gradient flows into the teacher.

    Args:
        teacher: logits, float32[..., 1 + N].
        student: logits, float32[..., 1 + N].

    Returns:
        float32[...].
    """
    target = jax.nn.softmax(lax.stop_gradient(teacher))
    return -(target * jax.nn.log_softmax(student)).sum(-1)
