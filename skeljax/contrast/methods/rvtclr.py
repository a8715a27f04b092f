"""RVTCLR: relative visual tempo (Zhu et al., ICCV 2023), the host of arXiv 2512.16504's release.

A clip is like itself at another tempo, but more like itself at its own; and a branch over the
parts of the body is asked for the distribution over other videos of the whole.
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
from skeljax.errors import InputError
from skeljax.models import heads, norms, pooling
from skeljax.skeletons import skeleton


class PartBranch(nn.Module):
    """Relates the parts of the body over time and embeds them.

    Attributes:
        layout: name of the joint layout, for its parts.
        embed: size of the embedding.
        axis_name: mapped axis that batch statistics are taken over, or None.
    """

    layout: str
    embed: int
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
        x = x + self._related(x, mask, linear, train)
        stride = max(features.taps)
        head = heads.GlobalHead(hidden=channels, embed_dim=self.embed, name='head')
        return head({stride: pooling.pool_persons(x, mask)})

    def _related(self, x, mask, linear, train):
        """Non-local attention over time, one for all parts (Wang et al., arXiv 1711.07971)."""
        channels, inner = x.shape[-1], x.shape[-1] // 2
        mean = x.mean(3)
        theta, phi = linear(inner, 'theta')(mean), linear(inner, 'phi')(mean)
        related = jnp.einsum('bmtc,bmsc->bmts', theta, phi, preferred_element_type=jnp.float32)
        weights = jax.nn.softmax(jnp.where(mask[:, :, None], related, -1e9)).astype(x.dtype)
        y = jnp.einsum('bmts,bmspc->bmtpc', weights, linear(inner, 'value')(x))
        norm = norms.MaskedBatchNorm(
            axis_name=self.axis_name, scale_init=nn.initializers.zeros, name='norm'
        )
        return norm(linear(channels, 'join')(y), mask[..., None, None], train=train)


def parts(layout: str) -> tuple[tuple[int, ...], ...]:
    """Lists the joints of those parts of the body that a layout has.

    Raises:
        InputError: it has less than two.
    """
    found = tuple(part for part in skeleton.get(layout).parts if part)
    if len(found) < 2:
        name = skeleton.get(layout).name
        raise InputError(f'host rvtclr compares parts of the body; layout {name} has {len(found)}')
    return found


class Heads(nn.Module):
    """Projects a view: for what it shows and for its tempo, or by the parts of the body.

    Attributes:
        layout: name of the joint layout.
        embed: size of an embedding.
        axis_name: mapped axis that batch statistics are taken over, or None.
    """

    layout: str
    embed: int = 128
    axis_name: str | None = None

    @nn.compact
    def __call__(self, features, view: str, *, train: bool):
        """Maps `pooling.Features` of a view to name -> unit vectors float32[B, D]."""
        if view == 'parts':
            branch = PartBranch(self.layout, self.embed, self.axis_name, name='parts')
            return {'parts': branch(features, train=train)}
        return {
            name: heads.GlobalHead(embed_dim=self.embed, name=name)(features.taps)
            for name in ('video', 'tempo')
        }


@dataclasses.dataclass(frozen=True)
class Host(skeletonclr.Host):
    """The method and its settings.

    Attributes:
        margin: by which a clip is nearer to itself at its own tempo, of cosines divided by
            the temperature.
        mine_from: share of the run from which the nearest negatives of the clip and of its
            parts count as positives too; published: after 150 of 300 epochs on NTU RGB+D,
            200 of 600 in arXiv 2512.16504.
    """

    margin: float = 1.0
    mine_from: float = 0.5

    single_logits: ClassVar[bool] = True

    @property
    def views(self) -> dict[str, View]:
        return {
            'query': View('query', pace='same'),
            'parts': View('query'),
            'key': View('key', pace='same'),
            'other': View('key', cut='key', pace='other'),
        }

    def check(self, layout: str):
        parts(layout)

    def heads(self, *, embed: int, layout: str, axis_name: str | None) -> nn.Module:
        return Heads(layout=layout, embed=embed, axis_name=axis_name)

    def terms(self, outputs: dict, negatives, progress) -> dict:
        query, key, other = (outputs[view] for view in ('query', 'key', 'other'))
        same = self.logits(query['video'], key['video'], negatives)
        slower = self.logits(query['video'], other['video'], negatives)
        by_parts = self.logits(outputs['parts']['parts'], key['video'], negatives)
        late = progress >= self.mine_from
        mined = (info_nce.nearest(same) | info_nce.nearest(by_parts)) & late
        if 'parts_temperature' in self.faithful:  # its positive is divided only once mining begins
            scale = jnp.where(late, 1.0, self.temperature)
            by_parts = by_parts.at[:, 0].multiply(scale)
        return {
            'video': info_nce.multi_nce(same, mined),
            'other': info_nce.multi_nce(slower, mined),
            'tempo': self.ranking(query['tempo'], key['tempo'], other['tempo']),
            'parts': info_nce.distil(same, by_parts),
        }

    def ranking(self, query, key, other):
        """Asks for a clip to be nearer to its own tempo than to the other, float32[B]."""
        nearer = (query * lax.stop_gradient(key - other)).sum(-1)
        return nn.relu(self.margin - nearer / self.temperature)

    def enqueued(self, outputs: dict):
        return outputs['other']['video']
