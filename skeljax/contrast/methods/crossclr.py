"""CrosSCLR: streams mine positives for each other (Li et al., arXiv 2104.14466).

Each stream is first trained alone. Later, the nearest negative of one stream is a positive of the
others, which also compare the similarities to all negatives between streams.
"""

import dataclasses
import itertools
from typing import ClassVar

import jax.numpy as jnp

from skeljax.contrast import info_nce
from skeljax.contrast.methods import skeletonclr


@dataclasses.dataclass(frozen=True)
class Method(skeletonclr.Method):
    """Cross-view consistent knowledge mining between streams."""

    cross_start: float = 0.5  # share of the run before which streams are trained alone
    # Published: 150 of 300 epochs.

    min_streams: ClassVar[int] = 2  # published with joint, motion and bone
    needs_logits: ClassVar[bool] = True

    def __post_init__(self):
        super().__post_init__()
        self._check_range('cross_start', 0 <= self.cross_start <= 1, '0 to 1')

    def losses(self, outputs: dict, negatives, progress) -> dict:
        alone = super().losses(outputs, negatives, progress)['video']
        return {'video': jnp.where(progress < self.cross_start, alone, 0)}

    def cross_stream_losses(self, outputs: dict, negatives: dict, progress) -> dict:
        """Computes a loss for every ordered pair of streams, name 'cross_ONE_OTHER'."""
        logits = {
            stream: self.logits(views['query']['video'], views['key']['video'], negatives[stream])
            for stream, views in outputs.items()
        }
        losses = {}
        for one, other in itertools.permutations(logits, 2):
            values = self.mining_loss(logits[one], logits[other]) / (len(logits) - 1)
            losses[f'cross_{one}_{other}'] = jnp.where(progress < self.cross_start, 0, values)
        return losses

    def mining_loss(self, one, other):
        """Computes the loss of a stream whose positives another stream mines.

        Positives are the key and the other stream's nearest negative. The logits are extended by
        the products of both streams' similarities to each negative.

        Args:
            one: as from `info_nce.logits`, float32[B, 1 + N].
            other: of the other stream, the same videos, float32[B, 1 + N].

        Returns:
            float32[B].
        """
        nearest = info_nce.nearest(other)[:, 1:]
        negatives, others = one[:, 1:], other[:, 1:]
        products = negatives * others * self.temperature
        context = jnp.where(info_nce.is_valid(negatives), products, negatives)
        mined = jnp.concatenate([jnp.zeros_like(nearest[:, :1]), nearest, nearest], 1)
        return info_nce.multi_positive_nce(jnp.concatenate([one, context], 1), mined)

    def momentum_scale(self, stream: str, progress):
        """Returns 1; in the published code 0 for all streams but motion after `cross_start`."""
        if 'momentum_freeze' in self.faithful and stream != 'motion':
            return jnp.where(progress < self.cross_start, 1.0, 0.0)
        return 1.0
