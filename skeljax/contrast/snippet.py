"""The snippet loss: contrasts moments of a video, not whole videos (arXiv 2512.16504).

Any contrastive method can add it. Each snippet of the query view is contrasted with one snippet
of the key view of the same video, its match, and with negatives from other videos.

In the release, the match is the snippet with the most similar features, and each negative is the
time average of a video. Time-averaged negatives admit a degenerate solution: embeddings that
cancel over time are far from every average. Options of ours are `match='time'`, the snippet of the
same moment of the recording; `negatives='snippet'`, single snippets of other videos; and `min_gap`,
other snippets of the same video as negatives.
"""

import dataclasses
from typing import NamedTuple

import jax
from jax import lax
import jax.numpy as jnp

from skeljax.contrast import info_nce
from skeljax.errors import InputError

MATCHES = ('similarity', 'time', 'position', 'random')
NEGATIVES = ('average', 'snippet')


@dataclasses.dataclass(frozen=True)
class SnippetLoss:
    """The snippet loss with its options; made as `SnippetLoss(**config.pretrain.snippet)`.

    Raises:
        InputError: a value out of its range; the message names the config field.
    """

    weight: float = 1.5  # in the total loss; 0: no snippet loss
    num_snippets: int = 0  # of a view; 0: one for each time step of the encoder
    match: str = 'similarity'  # of MATCHES, see `match_snippets`
    min_gap: int = 0  # key snippets at least this far from the match are negatives; 0: none
    negatives: str = 'average'  # of NEGATIVES, see `queue_keys`
    queue_size: int = 0  # videos; 0: as many as in the queue of the method
    num_mined: int = 5  # nearest negatives that count as positives; 0: none
    mining_start: float = 1 / 3  # mining is on after this share of the run; 1: never
    views: tuple[str, str] = ('query', 'key')  # the query view and the key view

    def __post_init__(self):
        for name, known in (('match', MATCHES), ('negatives', NEGATIVES)):
            if getattr(self, name) not in known:
                self._fail(name, f'one of {", ".join(known)}')
        for name in ('weight', 'num_snippets', 'min_gap', 'queue_size', 'num_mined'):
            if not getattr(self, name) >= 0:
                self._fail(name, '0 or more')
        if not 0 <= self.mining_start <= 1:
            self._fail('mining_start', '0 to 1')
        if len(self.views) != 2:
            self._fail('views', 'two names of views')

    def _fail(self, name: str, expected: str):
        raise InputError(
            f'config.pretrain.snippet.{name} is {getattr(self, name)!r}, expected {expected}'
        )

    @property
    def mines(self) -> bool:
        """Whether negatives become positives at some time of the run."""
        return self.weight > 0 and self.num_mined > 0 and self.mining_start < 1

    def queue_keys(self, key):
        """Selects what a video contributes to the negatives of other videos.

        Args:
            key: `models.heads.SnippetFeatures` of the momentum encoder.

        Returns:
            Unit vectors float32[B · n, D], those of a video adjacent. With 'average' one time
            average each, n = 1; with 'snippet' all snippets, n = S, the average in the place
            of an empty one.
        """
        if self.negatives == 'average':
            return key.video
        filled = jnp.where(key.valid[..., None], key.embeddings, key.video[:, None])
        return filled.reshape(-1, filled.shape[-1])

    def __call__(self, query, key, negatives, *, temperature: float, context=None, progress=0.0):
        """Computes the loss of every snippet.

        Args:
            query: `models.heads.SnippetFeatures` of the trained encoder.
            key: `models.heads.SnippetFeatures` of the momentum encoder, without gradient.
            negatives: from other videos, `info_nce.Negatives`; while negatives are mined, their
                single logits are needed.
            temperature: divisor of the cosines.
            context: `MatchContext`, for a match by time or at random.
            progress: share of the run so far, float32[].

        Returns:
            float32[B, S], and the snippets that have a match, bool[B, S]. Losses of other
            snippets must not be used.
        """
        key = lax.stop_gradient(key)
        match, has_match = match_snippets(query, key, self.match, context)
        positive = jnp.take_along_axis(key.embeddings, match[..., None], axis=1)
        same_video = self._same_video_logits(query, key, match, temperature)

        def contrast():
            return info_nce.info_nce(
                query.embeddings, positive, negatives,
                temperature=temperature, extra_logits=same_video,
            )

        def contrast_with_mining():
            logits = info_nce.logits(
                query.embeddings, positive, negatives, temperature=temperature
            )
            return _mined_nce(logits, self.num_mined, same_video)

        if self.mines:
            losses = lax.cond(progress >= self.mining_start, contrast_with_mining, contrast)
        else:
            losses = contrast()
        return losses, query.valid & has_match

    def _same_video_logits(self, query, key, match, temperature):
        """Returns logits of the snippets of a video among each other, and which are negatives."""
        if not self.min_gap:
            return None
        index = jnp.arange(key.valid.shape[1])[None, None]
        distance = jnp.abs(index - match[..., None])
        logits = info_nce.pairwise_logits(
            query.embeddings, key.embeddings, temperature=temperature
        )
        return logits, (distance >= self.min_gap) & key.valid[:, None]


def _mined_nce(logits, count: int, same_video):
    """Computes InfoNCE with the nearest negatives of other videos as further positives."""
    mined = info_nce.nearest(logits, count)
    if same_video is not None:
        logits = info_nce.append_negatives(logits, *same_video)
        mined = jnp.pad(mined, [(0, 0), (0, 0), (0, same_video[0].shape[-1])])
    return info_nce.multi_positive_nce(logits, mined)


class MatchContext(NamedTuple):
    """What a match depends on besides the features.

    Attributes:
        keys: typed PRNG key of each video, [B]; for a random match.
        times: of the query and of the key snippets, two float[B, S], in frames of the window.
        max_gap: see `match_by_time`.
    """

    keys: jax.Array
    times: tuple[jax.Array, jax.Array]
    max_gap: float


def match_snippets(query, key, how: str, context: MatchContext | None):
    """Finds the positive of each query snippet.

    Args:
        query: `models.heads.SnippetFeatures`.
        key: `models.heads.SnippetFeatures`.
        how: 'similarity' (the paper), 'time', 'position' (the same index in the view) or
            'random'.
        context: for 'time' and 'random'.

    Returns:
        Index of the key snippet, int32[B, S], and whether there is a match, bool[B, S].
    """
    if how == 'time':
        return match_by_time(*context.times, key.valid, context.max_gap)
    has_match = jnp.broadcast_to(key.valid.any(1, keepdims=True), query.valid.shape)
    if how == 'similarity':
        return match_by_similarity(query.features, key.features, key.valid), has_match
    if how == 'random':
        return match_at_random(context.keys, key.valid), has_match
    assert how == 'position', how
    return jnp.broadcast_to(jnp.arange(key.valid.shape[1]), key.valid.shape), has_match


def match_by_similarity(query, key, valid):
    """Finds for each query snippet the key snippet with the largest inner product of features.

    Args:
        query: pooled backbone features, not normalized, float[B, S, C].
        key: of the key view, float[B, S, C].
        valid: key snippets that hold any frame, bool[B, S].

    Returns:
        Index of the match, int32[B, S].
    """
    similarity = jnp.einsum('bsc,btc->bst', query, key, preferred_element_type=jnp.float32)
    return jnp.where(valid[:, None], similarity, -jnp.inf).argmax(-1)


def match_by_time(times, key_times, valid, max_gap: float):
    """Finds for each query snippet the key snippet nearest in time.

    Args:
        times: of the query snippets, float[B, S], in frames of the window.
        key_times: of the key snippets, float[B, S].
        valid: key snippets that hold any frame, bool[B, S].
        max_gap: largest time difference, in frames, of a match; exclusive.

    Returns:
        Index of the match, int32[B, S], and whether there is one, bool[B, S].
    """
    gap = jnp.abs(times[:, :, None] - key_times[:, None])
    gap = jnp.where(valid[:, None], gap, jnp.inf)
    return gap.argmin(-1), gap.min(-1) < max_gap


def match_at_random(keys, valid):
    """Draws a valid key snippet for each query snippet, uniformly.

    Args:
        keys: typed PRNG key of each video, [B].
        valid: key snippets that hold any frame, bool[B, S].

    Returns:
        Index of the match, int32[B, S].
    """
    logits = jnp.where(valid, 0.0, -jnp.inf)
    draw = lambda key, row: jax.random.categorical(key, row, shape=row.shape)
    return jax.vmap(draw)(keys, logits)
