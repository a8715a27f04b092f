"""The snippet term: makes features differ between moments (arXiv 2512.16504).

Any host method carries it as one more named loss. Each snippet of the query
view is contrasted with the snippet of the key view that looks most alike, and
with negatives from other videos: their time averages in the release, or their
snippets. Averages leave a way out: embeddings that cancel over time are far from
every average, whatever they say about the movement.
"""

import jax
from jax import lax
import jax.numpy as jnp

from skeljax.contrast import loss

MATCHES = ('similarity', 'position', 'random')
NEGATIVES = ('average', 'snippet')


def negatives(key, kind: str):
    """Picks what the videos of a batch are to others as negatives.

    Args:
        key: `Snippets` of the momentum encoder.
        kind: 'average' (one time average a video, the release) or 'snippet'
            (every snippet; the video's average in the place of an empty one).

    Returns:
        Unit vectors float32[B · n, D], those of a video next to each other.
    """
    if kind == 'average':
        return key.video
    filled = jnp.where(key.valid[..., None], key.embeddings, key.video[:, None])
    return filled.reshape(-1, filled.shape[-1])


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


def draw(keys, valid):
    """Draws for each query snippet any of the key snippets, as likely as another.

    Args:
        keys: typed key of each video, [B].
        valid: key snippets that hold any frame, bool[B, S].

    Returns:
        The index of the match, int32[B, S].
    """
    chances = jnp.where(valid, 0.0, -jnp.inf)
    pick = lambda key, row: jax.random.categorical(key, row, shape=row.shape)
    return jax.vmap(pick)(keys, chances)


def term(
    query,
    key,
    negatives: loss.Negatives,
    *,
    temperature: float,
    match: str = 'similarity',
    mined: int = 0,
    keys=None,
):
    """Computes the loss of every snippet and which of them count.

    Args:
        query: `models.heads.Snippets` of the trained encoder.
        key: `Snippets` of the momentum encoder.
        negatives: of other videos.
        temperature: softmax temperature.
        match: 'similarity' as in the paper, 'position' (same place in time) or 'random'
            (any place: what the choice of a partner is worth).
        mined: nearest negatives of each snippet that count as positives too; the
            release takes 5 from a third of the run on.
        keys: typed key of each video, [B], for a random match.

    Returns:
        float32[B, S] and the snippets that count, bool[B, S].
    """
    key = lax.stop_gradient(key)
    positive = key.embeddings
    if match != 'position':
        partner = (
            draw(keys, key.valid) if match == 'random'
            else correspond(query.features, key.features, key.valid)
        )
        positive = jnp.take_along_axis(positive, partner[..., None], axis=1)
    logits = loss.logits(query.embeddings, positive, negatives, temperature=temperature)
    if mined:
        losses = loss.multi_nce(logits, loss.nearest(logits, mined))
    else:
        losses = loss.info_nce(logits)
    return losses, query.valid & key.valid.any(1, keepdims=True)
