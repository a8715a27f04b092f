"""The snippet term: makes features differ between moments (arXiv 2512.16504).

Any host method carries it as one more named loss. Each snippet of the query
view is contrasted with the snippet of the key view that looks most alike, and
with the time averages of other videos.
"""

from jax import lax
import jax.numpy as jnp

from skeljax.contrast import loss

MATCHES = ('similarity', 'position')


def correspond(query, key, valid):
    """Finds for each query snippet the key snippet it resembles most.

    Args:
        query: pooled backbone features, float[B, S, C], not normalised.
        key: float[B, S, C].
        valid: key snippets that hold any frame, bool[B, S].

    Returns:
        The index of the match, int32[B, S].
    """
    similarity = jnp.einsum('bsc,btc->bst', query, key, preferred_element_type=jnp.float32)
    return jnp.where(valid[:, None], similarity, -jnp.inf).argmax(-1)


def term(query, key, negatives, *, temperature: float, match: str = 'similarity'):
    """Computes the loss of every snippet and which of them count.

    Args:
        query: `models.heads.Snippets` of the trained encoder.
        key: `Snippets` of the momentum encoder.
        negatives: time averages of earlier key videos, float[N, D].
        temperature: softmax temperature.
        match: 'similarity' as in the paper, or 'position' (same place in time).

    Returns:
        float32[B, S] and the snippets that count, bool[B, S].
    """
    key = lax.stop_gradient(key)
    if match == 'similarity':
        partner = correspond(query.features, key.features, key.valid)
        positive = jnp.take_along_axis(key.embeddings, partner[..., None], axis=1)
    else:
        positive = key.embeddings
    losses = loss.info_nce(query.embeddings, positive, negatives, temperature=temperature)
    return losses, query.valid & key.valid.any(1, keepdims=True)
