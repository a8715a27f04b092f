"""AimCLR: extreme augmentations (Guo et al., arXiv 2112.03590).

An extreme view, and the same view without its most salient features, learn the distribution over
other videos that a normal view has. Nearest negatives become positives.
"""

import dataclasses
from typing import ClassVar

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

from skeljax.contrast import info_nce
from skeljax.contrast.methods import View, skeletonclr
from skeljax.models import heads, pooling


def drop_salient(x, mask, *, keep_rate: float = 0.7, smoothing: float = 1e-4):
    """Drops the most salient features of a map: whole joints, then single values.

    The energy of a value is that of SimAM: `sigmoid((x - mean)^2 / (4 (variance + smoothing)) +
    1/2)`, with the statistics of a channel over a person's frames and joints. A joint is dropped
    where the mean of its energies reaches `keep_rate`, a value where its own does. The rest is
    scaled up to the same total weight per video. The release scales by the whole batch, and
    divides by 0 where all is dropped.

    Args:
        x: float[B, M, T, V, C].
        mask: frames that show a person, bool[B, M, T].
        keep_rate: energy from which on features are dropped.
        smoothing: added to the variance.

    Returns:
        float[B, M, T, V, C].
    """
    valid = jnp.broadcast_to(mask[..., None, None], x.shape)
    wide = x.astype(jnp.float32)
    count = jnp.maximum(valid.sum((2, 3), keepdims=True, dtype=jnp.float32), 2)
    mean = jnp.where(valid, wide, 0).sum((2, 3), keepdims=True) / count
    squares = (wide - mean) ** 2
    variance = jnp.where(valid, squares, 0).sum((2, 3), keepdims=True) / (count - 1)
    energy = jax.nn.sigmoid(squares / (4 * (variance + smoothing)) + 0.5)
    joint = pooling.masked_mean(energy.mean(-1, keepdims=True), mask[..., None, None], 2)
    kept = valid & (energy < keep_rate) & (joint[:, :, None] < keep_rate)
    kept = lax.stop_gradient(kept.astype(jnp.float32))
    total = valid.sum((1, 2, 3, 4), keepdims=True, dtype=jnp.float32)
    num_kept = jnp.maximum(kept.sum((1, 2, 3, 4), keepdims=True), 1)
    return (wide * kept * total / num_kept).astype(x.dtype)


class Heads(nn.Module):
    """Embeds a view and, if it is the extreme one, the view after `drop_salient`.

    Attributes:
        embed_dim: length of an embedding.
        keep_rate: see `drop_salient`.
    """

    embed_dim: int = 128
    keep_rate: float = 0.7

    @nn.compact
    def __call__(self, features, view: str, *, train: bool):
        """Maps `pooling.Features` of a view to name -> unit vectors float32[B, D]."""
        stride = max(features.taps)
        channels = features.taps[stride][0].shape[-1]
        head = heads.GlobalHead(channels, self.embed_dim, name='video')
        outputs = {'video': head(features.taps)}
        if view == 'extreme':
            rest = drop_salient(features.map, features.mask, keep_rate=self.keep_rate)
            outputs['dropped'] = head({stride: pooling.pool_persons(rest, features.mask)})
        return outputs


@dataclasses.dataclass(frozen=True)
class Method(skeletonclr.Method):
    """InfoNCE with nearest neighbors mining, and distillation to the extreme views."""

    mining_start: float = 0.5  # share of the run from which nearest negatives are positives too
    # Published: after 150 of 300 epochs.
    keep_rate: float = 0.7  # see `drop_salient`

    needs_logits: ClassVar[bool] = True

    def __post_init__(self):
        super().__post_init__()
        for name in ('mining_start', 'keep_rate'):
            self._check_range(name, 0 <= getattr(self, name) <= 1, '0 to 1')

    @property
    def views(self) -> dict[str, View]:
        return {'query': View('query'), 'extreme': View('query'), 'key': View('key')}

    def heads(self, *, embed_dim: int, layout: str, axis_name: str | None) -> nn.Module:
        return Heads(embed_dim=embed_dim, keep_rate=self.keep_rate)

    def losses(self, outputs: dict, negatives, progress) -> dict:
        key = outputs['key']['video']
        query = self.logits(outputs['query']['video'], key, negatives)
        extreme = self.logits(outputs['extreme']['video'], key, negatives)
        dropped = self.logits(outputs['extreme']['dropped'], key, negatives)
        mined = info_nce.nearest(query) | info_nce.nearest(extreme) | info_nce.nearest(dropped)
        mined &= progress >= self.mining_start
        return {
            'video': info_nce.multi_positive_nce(query, mined),
            'extreme': info_nce.distillation_loss(query, extreme) / 2,
            'dropped': info_nce.distillation_loss(query, dropped) / 2,
        }
