"""VICReg without negatives (Bardes et al., arXiv 2105.04906), as USDRL sums it (arXiv 2412.09220).

Views of a video are alike, every dimension varies over the videos, no two dimensions say
the same. There is no momentum encoder and no queue.
"""

import dataclasses
import itertools
from typing import ClassVar

from flax import linen as nn
import jax.numpy as jnp

from skeljax.contrast.methods import skeletonclr
from skeljax.contrast.methods.skeletonclr import View
from skeljax.errors import InputError
from skeljax.models import norms, pooling

_NAMES = ('query', 'second', 'third', 'key')
_SMALL = 1e-4  # added to variances; USDRL adds nothing and divides by 0 where nothing varies


class Heads(nn.Module):
    """Projects a view by three linear layers with batch norm between them.

    Of the deepest tap's mean over time, so that padding and length do not matter; USDRL takes the
    greatest value over tokens, of each of its two streams of tokens too, which ours do not have.

    Attributes:
        embed: size of the embedding.
        hidden: width of the layers before the last.
        axis_name: mapped axis that batch statistics are taken over, or None.
    """

    embed: int = 128
    hidden: int = 512
    axis_name: str | None = None

    @nn.compact
    def __call__(self, features, view: str, *, train: bool):
        """Maps `pooling.Features` of a view to name -> vectors float32[B, D]."""
        x, mask = features.taps[max(features.taps)]
        x = pooling.masked_mean(x, mask[..., None], 1).astype(jnp.float32)
        every = jnp.ones((len(x), 1), bool)
        for number in (1, 2):
            x = nn.Dense(self.hidden, name=f'hidden{number}')(x)
            norm = norms.MaskedBatchNorm(axis_name=self.axis_name, name=f'norm{number}')
            x = nn.relu(norm(x, every, train=train))
        return {'video': nn.Dense(self.embed, name='project')(x)}


@dataclasses.dataclass(frozen=True)
class Host(skeletonclr.Host):
    """The method and its settings.

    Attributes:
        num_views: 2 to 4; published: 4.
        hidden: width of the projector.
        similarity: weight of the distances between views.
        spread: weight of variance and covariance.
        correlation: weight of the correlation between views (Barlow Twins, arXiv 2103.03230).
    """

    num_views: int = 4
    hidden: int = 512
    similarity: float = 5.0
    spread: float = 1.0
    correlation: float = 1e-3

    queued: ClassVar[bool] = False
    whole_batch: ClassVar[bool] = True

    @property
    def views(self) -> dict[str, View]:
        names = (*_NAMES[: self.num_views - 1], _NAMES[-1])
        return {name: View('query') for name in names}

    def check(self, layout: str):
        if not 2 <= self.num_views <= len(_NAMES):
            raise InputError(f'host vicreg takes 2 to {len(_NAMES)} views, not {self.num_views}')

    def heads(self, *, embed: int, layout: str, axis_name: str | None) -> nn.Module:
        return Heads(embed=embed, hidden=self.hidden, axis_name=axis_name)

    def terms(self, outputs: dict, negatives, progress) -> dict:
        """Computes the losses of the whole batch, name -> float32[]."""
        seen = [outputs[view]['video'] for view in self.views]
        pairs = list(itertools.combinations(seen, 2))
        return {
            'similarity': self.similarity * distance(seen),
            'spread': self.spread * sum(variance(z) + covariance(z) for z in seen),
            'correlation': self.correlation * sum(cross_correlation(a, b) for a, b in pairs),
        }


def distance(seen):
    """Sums squared distances of all views but the last to it and to their own mean, float32[]."""
    *others, last = seen
    mean = sum(others) / len(others)
    return sum(((z - last) ** 2).mean() + ((z - mean) ** 2).mean() for z in others)


def variance(z, *, weight: float = 5.0):
    """Asks every dimension of float32[B, D] for a deviation of 1 over the batch, float32[]."""
    return weight * nn.relu(1 - jnp.sqrt(z.var(0, ddof=1) + _SMALL)).mean()


def covariance(z):
    """Asks every two dimensions of float32[B, D] not to vary together, float32[]."""
    centred = z - z.mean(0)
    matrix = centred.T @ centred / (len(z) - 1)
    return ((matrix**2).sum() - (jnp.diagonal(matrix) ** 2).sum()) / z.shape[1]


def cross_correlation(one, other, *, off: float = 0.005):
    """Asks dimensions of two views, float32[B, D], to agree with themselves alone, float32[]."""
    whiten = lambda z: (z - z.mean(0)) / jnp.sqrt(z.var(0) + _SMALL)
    matrix = whiten(one).T @ whiten(other) / len(one)
    own = jnp.diagonal(matrix)
    return ((1 - own) ** 2).sum() + off * ((matrix**2).sum() - (own**2).sum())
