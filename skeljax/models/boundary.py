"""A head that finds label changes, and class logits that agree between those that it finds.

The head is that of ASRF (arXiv 2007.06866) as one more output a frame; the averaging follows the
barrier pooling of BCN (Wang et al., ECCV 2020). What is averaged stays logits of the classes, so
that scores are read, streamed, fused and exported as those of a network without the head.
"""

import math

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

PRIOR = 0.05  # share of frames near a change that an untrained head starts from


class BoundaryHead(nn.Module):
    """Scores how probable a label change near each frame is: one linear layer.

    Attributes:
        width: frames near one change, which the head is trained to find: twice their radius.
        radius: frames on either side that `pool` averages; 0 leaves logits as they are.
        strength: of `pool`.
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
    def reach(self) -> int:
        """Frames on either side that a pooled logit depends on."""
        return max(self.radius, self.width) if self.radius else 0

    @nn.nowrap
    def pool(self, logits, boundaries, mask):
        """Averages the logits of frames between which no change is expected.

        Let c(s, t) be the number of changes expected between frames s and t: the integral of
        the probability over time (trapezoidal rule) divided by `width`. Frame t takes each
        frame s up to `radius` away with the weight exp(-strength max(c(s, t) - m(t), 0)),
        where m(t) is the smaller one of the changes expected in the `width` frames before and
        after t. Without m a frame in the middle of a change would be averaged with no other;
        with it, it is averaged with the nearer side. Frames without a person are not averaged,
        and no frame is averaged with one beyond them.

        Args:
            logits: of classes, float32[B, T, L + 1].
            boundaries: as the head returns them, float32[B, T].
            mask: frames that show a person, bool[B, T].

        Returns:
            float32[B, T, L + 1].
        """
        if not self.radius:
            return logits
        changes = jnp.where(mask, jax.nn.sigmoid(boundaries), 0) / self.width
        turn = lambda x: jnp.flip(x, -1)
        after = _crossed(changes, mask, self.reach)
        before = [turn(x) for x in _crossed(turn(changes), turn(mask), self.reach)]
        nearer = jnp.minimum(after[0][self.width - 1], before[0][self.width - 1])

        def shares(crossed, there):
            beyond = jnp.maximum(crossed[: self.radius] - nearer, 0)
            return jnp.where(there[: self.radius], jnp.exp(-self.strength * beyond), 0)

        ahead, behind = shares(*after), shares(*before)
        total = _weighed(logits, ahead)
        total = total + jnp.flip(_weighed(jnp.flip(logits, 1), turn(behind)), 1)
        return (logits + total) / (1 + (ahead + behind).sum(0))[..., None]


def _crossed(changes, mask, count: int):
    """Integrates from each frame to those 1 to `count` frames after it.

    Args:
        changes: expected at each frame, float32[B, T].
        mask: bool[B, T].
        count: K.

    Returns:
        The integral, up to the first missing frame, float32[K, B, T], and whether there is no
        missing frame until then, bool[K, B, T].
    """

    def step(carry, _):
        here, there, crossed = carry
        following, there = _next(here), _next(there) & mask
        crossed = crossed + jnp.where(there, (here + following) / 2, 0)
        return (following, there, crossed), (crossed, there)

    return lax.scan(step, (changes, mask, jnp.zeros_like(changes)), length=count)[1]


def _weighed(logits, shares):
    """Adds the logits of the K frames after each, float32[B, T, L + 1], by shares [K, B, T]."""

    def add(carry, share):
        logits, total = carry
        logits = _next(logits)
        return (logits, total + share[..., None] * logits), None

    return lax.scan(add, (logits, jnp.zeros_like(logits)), shares)[0][1]


def _next(x):
    """Shifts [B, T, ...] by one frame, so that each is that of the next; 0 follows the last."""
    return jnp.concatenate([x[:, 1:], jnp.zeros_like(x[:, :1])], axis=1)
