"""VICReg without negatives (Bardes et al., arXiv 2105.04906), as USDRL sums it (arXiv 2412.09220).

Views of a video are similar (invariance), each dimension varies over the videos (variance), and
dimensions are not correlated (covariance). There is no momentum encoder and no queue.
"""

import dataclasses
import itertools
from typing import ClassVar

from flax import linen as nn
import jax.numpy as jnp

from skeljax.contrast.methods import View, skeletonclr
from skeljax.models import norms, pooling

_NAMES = ('query', 'second', 'third', 'key')
_EPSILON = 1e-4  # added to variances; USDRL adds nothing and divides by 0 at constant dimensions


class Heads(nn.Module):
    """Embeds a view by three linear layers with batch norm between them.

    The input is the mean over time of the deepest features, so that padding and length have no
    influence. USDRL takes the maximum over tokens, of each of its two streams of tokens, which
    these backbones do not have.

    Attributes:
        embed_dim: length of the embedding.
        hidden_dim: channels of the first two layers.
        axis_name: mapped axis of batch statistics, or None.
    """

    embed_dim: int = 128
    hidden_dim: int = 512
    axis_name: str | None = None

    @nn.compact
    def __call__(self, features, view: str, *, train: bool):
        """Maps `pooling.Features` of a view to name -> vectors float32[B, D]."""
        x, mask = features.taps[max(features.taps)]
        x = pooling.masked_mean(x, mask[..., None], 1).astype(jnp.float32)
        valid = jnp.ones((len(x), 1), bool)
        for number in (1, 2):
            x = nn.Dense(self.hidden_dim, name=f'hidden{number}')(x)
            norm = norms.MaskedBatchNorm(axis_name=self.axis_name, name=f'norm{number}')
            x = nn.relu(norm(x, valid, train=train))
        return {'video': nn.Dense(self.embed_dim, name='project')(x)}


@dataclasses.dataclass(frozen=True)
class Method(skeletonclr.Method):
    """Invariance, variance and covariance of two to four views."""

    num_views: int = 4  # 2 to 4; published: 4
    hidden_dim: int = 512  # channels of the projector
    invariance_weight: float = 5.0  # of the distances between views
    variance_weight: float = 1.0  # of the variance and covariance terms
    # Of the cross-correlation between views (Barlow Twins, arXiv 2103.03230), which USDRL adds.
    cross_correlation_weight: float = 1e-3

    uses_queue: ClassVar[bool] = False
    gathers_batch: ClassVar[bool] = True

    def __post_init__(self):
        super().__post_init__()
        in_range = 2 <= self.num_views <= len(_NAMES)
        self._check_range('num_views', in_range, f'2 to {len(_NAMES)} views')
        self._check_range('hidden_dim', self.hidden_dim >= 1, '1 or more')
        for name in ('invariance_weight', 'variance_weight', 'cross_correlation_weight'):
            self._check_range(name, getattr(self, name) >= 0, '0 or more')

    @property
    def views(self) -> dict[str, View]:
        names = (*_NAMES[: self.num_views - 1], _NAMES[-1])
        return {name: View('query') for name in names}

    def heads(self, *, embed_dim: int, layout: str, axis_name: str | None) -> nn.Module:
        return Heads(embed_dim=embed_dim, hidden_dim=self.hidden_dim, axis_name=axis_name)

    def losses(self, outputs: dict, negatives, progress) -> dict:
        embeddings = [outputs[view]['video'] for view in self.views]
        spread = sum(variance(z) + covariance(z) for z in embeddings)
        pairs = itertools.combinations(embeddings, 2)
        correlation = sum(cross_correlation(a, b) for a, b in pairs)
        return {
            'similarity': self.invariance_weight * invariance(embeddings),
            'spread': self.variance_weight * spread,
            'correlation': self.cross_correlation_weight * correlation,
        }


def invariance(embeddings):
    """Sums squared distances of all views but the last to it and to their own mean, float32[]."""
    *others, last = embeddings
    mean = sum(others) / len(others)
    return sum(((z - last) ** 2).mean() + ((z - mean) ** 2).mean() for z in others)


def variance(z, *, weight: float = 5.0):
    """Computes how far the deviations of float32[B, D] over the batch are below 1, float32[]."""
    return weight * nn.relu(1 - jnp.sqrt(z.var(0, ddof=1) + _EPSILON)).mean()


def covariance(z):
    """Computes the squared covariances of different dimensions of float32[B, D], float32[]."""
    centered = z - z.mean(0)[None]
    matrix = centered.T @ centered / (len(z) - 1)
    return ((matrix**2).sum() - (jnp.diagonal(matrix) ** 2).sum()) / z.shape[1]


def cross_correlation(one, other, *, off_diagonal: float = 0.005):
    """Computes the Barlow Twins loss of two views, float32[B, D] each, float32[]."""
    whiten = lambda z: (z - z.mean(0)[None]) / jnp.sqrt(z.var(0) + _EPSILON)[None]
    matrix = whiten(one).T @ whiten(other) / len(one)
    diagonal = jnp.diagonal(matrix)
    others = (matrix**2).sum() - (diagonal**2).sum()
    return ((1 - diagonal) ** 2).sum() + off_diagonal * others
