"""CrosSCLR: streams mine positives for each other (Li et al., arXiv 2104.14466).

Every stream contrasts alone at first. Later the nearest other video of one stream is a
positive of the others, which also compare how near they both find every other video.
"""

import dataclasses
import itertools
from typing import ClassVar

import jax.numpy as jnp

from skeljax.contrast import info_nce
from skeljax.contrast.methods import skeletonclr


@dataclasses.dataclass(frozen=True)
class Host(skeletonclr.Host):
    """The method and its settings.

    Attributes:
        cross_from: share of the run from which streams mine for each other; published:
            after 150 of 300 epochs.
    """

    cross_from: float = 0.5

    least_streams: ClassVar[int] = 2  # published with joint, motion and bone
    single_logits: ClassVar[bool] = True

    def terms(self, outputs: dict, negatives, progress) -> dict:
        alone = super().terms(outputs, negatives, progress)['video']
        return {'video': jnp.where(progress < self.cross_from, alone, 0)}

    def across(self, outputs: dict, negatives: dict, progress) -> dict:
        """Computes a loss for every ordered pair of streams, name 'cross_ONE_OTHER'."""
        logits = {
            stream: self.logits(seen['query']['video'], seen['key']['video'], negatives[stream])
            for stream, seen in outputs.items()
        }
        terms = {}
        for one, other in itertools.permutations(logits, 2):
            losses = self.cross(logits[one], logits[other]) / (len(logits) - 1)
            terms[f'cross_{one}_{other}'] = jnp.where(progress < self.cross_from, 0, losses)
        return terms

    def cross(self, one, other):
        """Asks one stream for its positive and for the other stream's nearest negative.

        Its logits are lengthened by the products of both streams' similarities.

        Args:
            one: as from `loss.logits`, float32[B, 1 + N].
            other: of the other stream, the same videos, float32[B, 1 + N].

        Returns:
            float32[B].
        """
        nearest = info_nce.nearest(other)[:, 1:]
        far, theirs = one[:, 1:], other[:, 1:]
        context = jnp.where(info_nce.counted(far), far * theirs * self.temperature, far)
        mined = jnp.concatenate([jnp.zeros_like(nearest[:, :1]), nearest, nearest], 1)
        return info_nce.multi_nce(jnp.concatenate([one, context], 1), mined)

    def follows(self, stream: str, progress):
        """Published, all but motion's stand still once streams mine for each other."""
        if 'momentum_freeze' in self.faithful and stream != 'motion':
            return jnp.where(progress < self.cross_from, 1.0, 0.0)
        return 1.0
