"""RVTCLR: relative visual tempo (Zhu et al., ICCV 2023), the method of arXiv 2512.16504's release.

A clip is similar to itself at another tempo, and more similar to itself at its own tempo. A branch
over the parts of the body learns the distribution over other videos that the whole body has.
"""

import dataclasses
from typing import ClassVar

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

from skeljax.contrast import info_nce
from skeljax.contrast.methods import View, skeletonclr
from skeljax.errors import InputError
from skeljax.models import heads, norms, pooling
from skeljax.skeletons import skeleton


class PartBranch(nn.Module):
    """Embeds a video from the parts of its body, with attention over time.

    Attributes:
        layout: name of the joint layout, which defines the parts.
        embed_dim: length of an embedding.
        axis_name: mapped axis of batch statistics, or None.
    """

    layout: str
    embed_dim: int
    axis_name: str | None

    @nn.compact
    def __call__(self, features, *, train: bool):
        """Maps `pooling.Features` to unit vectors float32[B, D]."""
        x, mask = features.map, features.mask
        channels, inner = x.shape[-1], x.shape[-1] // 2
        groups = parts(self.layout) if x.shape[3] > 1 else ((0,),)
        x = jnp.stack([x[..., list(joints), :].mean(3) for joints in groups], 3)
        linear = lambda size, name, bias=True: nn.Dense(
            size, use_bias=bias, dtype=x.dtype, name=name
        )
        x = linear(channels, 'widen', False)(nn.relu(linear(inner, 'narrow', False)(x)))
        x = x + self._attention(x, mask, linear, train)
        stride = max(features.taps)
        head = heads.GlobalHead(channels, self.embed_dim, name='head')
        return head({stride: pooling.pool_persons(x, mask)})

    def _attention(self, x, mask, linear, train):
        """Non-local attention over time, shared by all parts (Wang et al., arXiv 1711.07971)."""
        channels, inner = x.shape[-1], x.shape[-1] // 2
        mean = x.mean(3)
        theta, phi = linear(inner, 'theta')(mean), linear(inner, 'phi')(mean)
        scores = jnp.einsum('bmtc,bmsc->bmts', theta, phi, preferred_element_type=jnp.float32)
        weights = jax.nn.softmax(jnp.where(mask[:, :, None], scores, -1e9)).astype(x.dtype)
        y = jnp.einsum('bmts,bmspc->bmtpc', weights, linear(inner, 'value')(x))
        norm = norms.MaskedBatchNorm(
            axis_name=self.axis_name, scale_init=nn.initializers.zeros, name='norm'
        )
        return norm(linear(channels, 'join')(y), mask[..., None, None], train=train)


def parts(layout: str) -> tuple[tuple[int, ...], ...]:
    """Returns the joints of each part of the body that a layout has.

    Raises:
        InputError: it has less than two.
    """
    found = tuple(part for part in skeleton.get(layout).parts if part)
    if len(found) < 2:
        name = skeleton.get(layout).name
        raise InputError(
            f'config.pretrain.method rvtclr compares parts of the body; layout {name} has '
            f'{len(found)}, expected 2 or more'
        )
    return found


class Heads(nn.Module):
    """Embeds a view by its content and by its tempo, or by the parts of the body.

    Attributes:
        layout: name of the joint layout.
        embed_dim: length of an embedding.
        axis_name: mapped axis of batch statistics, or None.
    """

    layout: str
    embed_dim: int = 128
    axis_name: str | None = None

    @nn.compact
    def __call__(self, features, view: str, *, train: bool):
        """Maps `pooling.Features` of a view to name -> unit vectors float32[B, D]."""
        if view == 'parts':
            branch = PartBranch(self.layout, self.embed_dim, self.axis_name, name='parts')
            return {'parts': branch(features, train=train)}
        return {
            name: heads.GlobalHead(None, self.embed_dim, name=name)(features.taps)
            for name in ('video', 'tempo')
        }


@dataclasses.dataclass(frozen=True)
class Method(skeletonclr.Method):
    """InfoNCE with keys of both tempos, a ranking of the tempos, distillation to the parts."""

    # By which a clip is nearer to its own tempo, in cosines over the temperature.
    margin: float = 1.0
    # Share of the run from which nearest negatives are positives too. arXiv 2512.16504: 200 of 600
    # epochs; published: 150 of 300.
    mining_start: float = 1 / 3

    needs_logits: ClassVar[bool] = True

    def __post_init__(self):
        super().__post_init__()
        self._check_range('mining_start', 0 <= self.mining_start <= 1, '0 to 1')

    @property
    def views(self) -> dict[str, View]:
        return {
            'query': View('query', tempo='same'),
            'parts': View('query'),
            'key': View('key', tempo='same'),
            'other': View('key', shares_crop_with='key', tempo='other'),
        }

    def check_layout(self, layout: str):
        parts(layout)

    def heads(self, *, embed_dim: int, layout: str, axis_name: str | None) -> nn.Module:
        return Heads(layout=layout, embed_dim=embed_dim, axis_name=axis_name)

    def losses(self, outputs: dict, negatives, progress) -> dict:
        query, key, other = (outputs[view] for view in ('query', 'key', 'other'))
        same = self.logits(query['video'], key['video'], negatives)
        slower = self.logits(query['video'], other['video'], negatives)
        by_parts = self.logits(outputs['parts']['parts'], key['video'], negatives)
        mining = progress >= self.mining_start
        mined = (info_nce.nearest(same) | info_nce.nearest(by_parts)) & mining
        if 'parts_temperature' in self.faithful:  # the positive is divided only while mining
            scale = jnp.where(mining, 1.0, self.temperature)
            by_parts = by_parts.at[:, 0].multiply(scale)
        return {
            'video': info_nce.multi_positive_nce(same, mined),
            'other': info_nce.multi_positive_nce(slower, mined),
            'tempo': self.ranking_loss(query['tempo'], key['tempo'], other['tempo']),
            'parts': info_nce.distillation_loss(same, by_parts),
        }

    def ranking_loss(self, query, key, other):
        """Computes the margin ranking loss: own tempo nearer than the other, float32[B]."""
        difference = (query * lax.stop_gradient(key - other)).sum(-1)
        return nn.relu(self.margin - difference / self.temperature)

    def queue_keys(self, outputs: dict):
        return outputs['other']['video']
