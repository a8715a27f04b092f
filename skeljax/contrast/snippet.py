"""The snippet term: makes features differ between moments (arXiv 2512.16504).

Any host method carries it as one more named loss. Each snippet of the query
view is contrasted with the snippet of the key view that looks most alike (or, ours,
with that of the same moment of the recording), and with negatives from other videos: their time averages in the release, or their
snippets. Averages leave a way out: embeddings that cancel over time are far from
every average, whatever they say about the movement. Snippets of the same video that lie
`apart` from the match can be negatives too: without them nothing forbids that all moments
of a video look alike.
"""

from typing import NamedTuple

import jax
from jax import lax
import jax.numpy as jnp

from skeljax.contrast import info_nce

MATCHES = ('similarity', 'time', 'position', 'random')
NEGATIVES = ('average', 'snippet')


def negatives(key, kind: str):
    """Picks what the videos of a batch are to others as negatives.

    Args:
        key: `SnippetFeatures` of the momentum encoder.
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


def coincide(times, key_times, valid, reach: float):
    """Finds for each query snippet the key snippet of the same moment.

    Args:
        times: when each query snippet is, float[B, S], in frames of the recording.
        key_times: when each key snippet is, float[B, S].
        valid: key snippets that hold any frame, bool[B, S].
        reach: frames from which on two snippets have nothing in common.

    Returns:
        The index of the match, int32[B, S], and whether there is one, bool[B, S].
    """
    apart = jnp.abs(times[:, :, None] - key_times[:, None])
    apart = jnp.where(valid[:, None], apart, jnp.inf)
    return apart.argmin(-1), apart.min(-1) < reach


class Pairing(NamedTuple):
    """What a match is found by, besides the features.

    Attributes:
        keys: typed key of each video, [B]; for a random match.
        times: of query and key snippets, two float[B, S]; see `coincide`.
        reach: as there.
    """

    keys: jax.Array
    times: tuple[jax.Array, jax.Array]
    reach: float


def partners(query, key, match: str, pairing: Pairing | None):
    """Finds each query snippet's match: its index int32[B, S], and where there is one, bool[B, S]."""
    anywhere = jnp.broadcast_to(key.valid.any(1, keepdims=True), query.valid.shape)
    if match == 'similarity':
        return correspond(query.features, key.features, key.valid), anywhere
    if match == 'time':
        return coincide(*pairing.times, key.valid, pairing.reach)
    if match == 'random':
        return draw(pairing.keys, key.valid), anywhere
    return jnp.broadcast_to(jnp.arange(key.valid.shape[1]), key.valid.shape), anywhere


def term(
    query,
    key,
    negatives,
    *,
    temperature: float,
    match: str = 'similarity',
    apart: int = 0,
    mined: int = 0,
    pairing: Pairing | None = None,
):
    """Computes the loss of every snippet and which of them count.

    Args:
        query: `models.heads.SnippetFeatures` of the trained encoder.
        key: `SnippetFeatures` of the momentum encoder.
        negatives: of other videos, `loss.Negatives`; without `mined` a ring of them serves too.
        temperature: softmax temperature.
        match: 'similarity' as in the paper; 'time' (the same moment of the recording; a
            snippet without one does not count), 'position' (same place in the view) or
            'random' (any place: what the choice of a partner is worth).
        apart: snippets of the same video that are as far from the match, in steps, are
            negatives too; 0, the release, takes none.
        mined: nearest negatives of each snippet that count as positives too; the
            release takes 5 from a third of the run on.
        pairing: for a match by time or at random.

    Returns:
        float32[B, S] and the snippets that count, bool[B, S].
    """
    key = lax.stop_gradient(key)
    partner, found = partners(query, key, match, pairing)
    positive = jnp.take_along_axis(key.embeddings, partner[..., None], axis=1)
    own = None
    if apart:
        away = jnp.abs(jnp.arange(key.valid.shape[1]) - partner[..., None]) >= apart
        more = info_nce.between(query.embeddings, key.embeddings, temperature=temperature)
        own = more, away & key.valid[:, None]
    compared = query.embeddings, positive, negatives
    if mined:
        losses = _mine(info_nce.logits(*compared, temperature=temperature), mined, own)
    else:
        losses = info_nce.info_nce(*compared, temperature=temperature, more=own)
    return losses, query.valid & found


def _mine(logits, count, own):
    """Makes positives of the nearest negatives, of which the video's own are none."""
    near = info_nce.nearest(logits, count)
    if own is not None:
        logits = info_nce.join(logits, *own)
        near = jnp.pad(near, [(0, 0), (0, 0), (0, own[0].shape[-1])])
    return info_nce.multi_nce(logits, near)
