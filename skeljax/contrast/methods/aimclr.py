"""AimCLR: extreme augmentations (Guo et al., arXiv 2112.03590).

An extreme view, and what is left of it once its most telling features are dropped, are asked
for the same distribution over other videos as a normal view; near others become positives.
"""

import dataclasses
from typing import ClassVar

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

from skeljax.contrast import info_nce
from skeljax.contrast.methods import skeletonclr
from skeljax.contrast.methods.skeletonclr import View
from skeljax.models import heads, pooling


def drop_salient(x, mask, *, keep: float = 0.7, smoothing: float = 1e-4):
    """Drops the most telling features of a map: the joints, then the single values.

    The energy of a value is SimAM's: `sigmoid((x - mean)^2 / (4 (variance + smoothing)) + 1/2)`,
    by channel over a person's frames and joints. A joint is dropped where the mean of its
    energies reaches `keep`, a value where its own does. What is left is scaled up to the same
    weight, video by video; the release does it for the whole batch, and divides by 0 where
    nothing is left.

    Args:
        x: float[B, M, T, V, C].
        mask: who is there when, bool[B, M, T].
        keep: energies from which on features are dropped.
        smoothing: added to the variance.

    Returns:
        float[B, M, T, V, C].
    """
    there = jnp.broadcast_to(mask[..., None, None], x.shape)
    wide = x.astype(jnp.float32)
    count = jnp.maximum(there.sum((2, 3), keepdims=True, dtype=jnp.float32), 2)
    mean = jnp.where(there, wide, 0).sum((2, 3), keepdims=True) / count
    squares = (wide - mean) ** 2
    variance = jnp.where(there, squares, 0).sum((2, 3), keepdims=True) / (count - 1)
    energy = jax.nn.sigmoid(squares / (4 * (variance + smoothing)) + 0.5)
    joint = pooling.masked_mean(energy.mean(-1, keepdims=True), mask[..., None, None], 2)
    kept = there & (energy < keep) & (joint[:, :, None] < keep)
    kept = lax.stop_gradient(kept.astype(jnp.float32))
    whole = there.sum((1, 2, 3, 4), keepdims=True, dtype=jnp.float32)
    left = jnp.maximum(kept.sum((1, 2, 3, 4), keepdims=True), 1)
    return (wide * kept * whole / left).astype(x.dtype)


class Heads(nn.Module):
    """Projects a view and, where it is the extreme one, what dropping leaves of it.

    Attributes:
        embed: size of an embedding.
        keep: as `drop_salient` takes it.
    """

    embed: int = 128
    keep: float = 0.7

    @nn.compact
    def __call__(self, features, view: str, *, train: bool):
        """Maps `pooling.Features` of a view to name -> unit vectors float32[B, D]."""
        stride = max(features.taps)
        channels = features.taps[stride][0].shape[-1]
        head = heads.GlobalHead(hidden=channels, embed_dim=self.embed, name='video')
        outputs = {'video': head(features.taps)}
        if view == 'extreme':
            left = drop_salient(features.map, features.mask, keep=self.keep)
            outputs['dropped'] = head({stride: pooling.pool_persons(left, features.mask)})
        return outputs


@dataclasses.dataclass(frozen=True)
class Host(skeletonclr.Host):
    """The method and its settings.

    Attributes:
        mine_from: share of the run from which the nearest negative of each of the three
            embeddings counts as a positive too; published: after 150 of 300 epochs.
        keep: energies from which on features are dropped.
    """

    mine_from: float = 0.5
    keep: float = 0.7

    single_logits: ClassVar[bool] = True

    @property
    def views(self) -> dict[str, View]:
        return {'query': View('query'), 'extreme': View('query'), 'key': View('key')}

    def heads(self, *, embed: int, layout: str, axis_name: str | None) -> nn.Module:
        return Heads(embed=embed, keep=self.keep)

    def terms(self, outputs: dict, negatives, progress) -> dict:
        key, extreme = outputs['key']['video'], outputs['extreme']
        query = self.logits(outputs['query']['video'], key, negatives)
        plain, dropped = (
            self.logits(extreme[name], key, negatives) for name in ('video', 'dropped')
        )
        mined = info_nce.nearest(query) | info_nce.nearest(plain) | info_nce.nearest(dropped)
        return {
            'video': info_nce.multi_nce(query, mined & (progress >= self.mine_from)),
            'extreme': info_nce.distil(query, plain) / 2,
            'dropped': info_nce.distil(query, dropped) / 2,
        }
