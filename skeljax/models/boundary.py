"""A head that detects label changes, and averages of class logits between the detected changes.

The head is that of ASRF (arXiv 2007.06866) as one more output per frame; the averaging follows the
barrier pooling of BCN (Wang et al., ECCV 2020). The averages are logits of classes, so that scores
are used as those of a network without the head.
"""

import math

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

PRIOR = 0.05  # probability of a change that an untrained head predicts


class BoundaryHead(nn.Module):
    """Scores the probability of a label change near each frame: one linear layer.

    Attributes:
        width: frames near one change that are its targets: twice their radius.
        radius: frames on either side that `pool` averages; 0: `pool` changes nothing.
        strength: factor of the expected changes in the weights of `pool`.
    """

    width: int = 4
    radius: int = 15
    strength: float = 8.0

    @nn.compact
    def __call__(self, x):
        """Maps features float[B, T, C] to logits float32[B, T]."""
        prior = nn.initializers.constant(math.log(PRIOR / (1 - PRIOR)))
        score = nn.Dense(1, dtype=jnp.float32, bias_init=prior, name='score')
        return score(x.astype(jnp.float32))[..., 0]

    @property
    def receptive_field(self) -> int:
        """Frames on either side that a pooled logit depends on."""
        return max(self.radius, self.width) if self.radius else 0

    @nn.nowrap
    def pool(self, logits, boundaries, mask):
        """Averages the logits of frames between which no change is expected.

        Let c(s, t) be the number of changes expected between frames s and t: the integral of
        the probability over time (trapezoidal rule) divided by `width`. The average at frame t
        has the weight exp(-strength max(c(s, t) - m(t), 0)) for each frame s up to `radius`
        away, where m(t) is the smaller of the changes expected in the `width` frames before and
        after t. Without m a frame in the middle of a change would be averaged with no other;
        with it, it is averaged with the nearer side. Frames without a person are not averaged,
        and no frame is averaged with one beyond them.

        Args:
            logits: of classes, float32[B, T, L + 1].
            boundaries: logits of the head, float32[B, T].
            mask: frames with a person, bool[B, T].

        Returns:
            float32[B, T, L + 1].
        """
        if not self.radius:
            return logits
        changes = jnp.where(mask, jax.nn.sigmoid(boundaries), 0) / self.width
        reverse = lambda x: jnp.flip(x, -1)
        after = _integrate_changes(changes, mask, self.receptive_field)
        reversed_after = _integrate_changes(reverse(changes), reverse(mask), self.receptive_field)
        before = [reverse(x) for x in reversed_after]
        nearer = jnp.minimum(after[0][self.width - 1], before[0][self.width - 1])

        def weights(crossed, there):
            beyond = jnp.maximum(crossed[: self.radius] - nearer[None], 0)
            return jnp.where(there[: self.radius], jnp.exp(-self.strength * beyond), 0)

        ahead, behind = weights(*after), weights(*before)
        total = _weighted_sum(logits, ahead)
        total = total + jnp.flip(_weighted_sum(jnp.flip(logits, 1), reverse(behind)), 1)
        return (logits + total) / (1 + (ahead + behind).sum(0))[..., None]


def _integrate_changes(changes, mask, count: int):
    """Integrates the expected changes from each frame to those 1 to `count` frames after it.

    Args:
        changes: expected at each frame, float32[B, T].
        mask: frames with a person, bool[B, T].
        count: K.

    Returns:
        The integral, up to the first frame without a person, float32[K, B, T], and whether all
        frames up to there have a person, bool[K, B, T].
    """

    def step(carry, _):
        here, there, crossed = carry
        following, there = _next(here), _next(there) & mask
        crossed = crossed + jnp.where(there, (here + following) / 2, 0)
        return (following, there, crossed), (crossed, there)

    return lax.scan(step, (changes, mask, jnp.zeros_like(changes)), length=count)[1]


def _weighted_sum(logits, shares):
    """Sums the logits of the K frames after each, float32[B, T, L + 1], by weights [K, B, T]."""

    def add(carry, share):
        logits, total = carry
        logits = _next(logits)
        return (logits, total + share[..., None] * logits), None

    return lax.scan(add, (logits, jnp.zeros_like(logits)), shares)[0][1]


def _next(x):
    """Returns the next frame of each frame of [B, T, ...], 0 for the last."""
    return jnp.concatenate([x[:, 1:], jnp.zeros_like(x[:, :1])], axis=1)
