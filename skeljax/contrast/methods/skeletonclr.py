"""SkeletonCLR: MoCo v2 on skeleton videos (Li et al., CrosSCLR, arXiv 2104.14466).

`Method` is also the base of the other methods; its members are documented in
`methods.ContrastiveMethod`.
"""

import dataclasses
from typing import ClassVar

from flax import linen as nn

from skeljax.contrast import info_nce
from skeljax.contrast.methods import View
from skeljax.errors import InputError
from skeljax.models import heads


class Heads(nn.Module):
    """Embeds a video by an MLP on the features' mean over time.

    Attributes:
        embed_dim: length of an embedding.
    """

    embed_dim: int = 128

    @nn.compact
    def __call__(self, features, view: str, *, train: bool):
        """Maps `pooling.Features` to name -> unit vectors float32[B, D], for all views alike."""
        channels = features.taps[max(features.taps)][0].shape[-1]
        head = heads.GlobalHead(channels, self.embed_dim, name='video')
        return {'video': head(features.taps)}


@dataclasses.dataclass(frozen=True)
class Method:
    """InfoNCE between two views of a video, against earlier videos.

    Raises:
        InputError: a value out of its range; the message names the config field.
    """

    temperature: float = 0.07  # divisor of the cosines
    faithful: tuple[str, ...] = ()  # defects of the published code to repeat, by name

    uses_queue: ClassVar[bool] = True
    gathers_batch: ClassVar[bool] = False
    needs_logits: ClassVar[bool] = False
    min_streams: ClassVar[int] = 1

    def __post_init__(self):
        self._check_range('temperature', self.temperature > 0, 'more than 0')

    def _check_range(self, name: str, holds: bool, expected: str):
        """Raises InputError that names a field's value where it does not hold."""
        if holds:
            return
        own = type(self).__module__.rpartition('.')[2]
        field = name if name == 'temperature' else f'{own}.{name}'
        raise InputError(
            f'config.pretrain.{field} is {getattr(self, name)!r}, expected {expected}'
        )

    @property
    def views(self) -> dict[str, View]:
        return {'query': View('query'), 'key': View('key')}

    def check_layout(self, layout: str):
        pass

    def heads(self, *, embed_dim: int, layout: str, axis_name: str | None) -> nn.Module:
        return Heads(embed_dim=embed_dim)

    def losses(self, outputs: dict, negatives, progress) -> dict:
        query, key = outputs['query']['video'], outputs['key']['video']
        video = info_nce.info_nce(query, key, negatives, temperature=self.temperature)
        return {'video': video}

    def cross_stream_losses(self, outputs: dict, negatives: dict, progress) -> dict:
        return {}

    def queue_keys(self, outputs: dict):
        return outputs['key']['video']

    def momentum_scale(self, stream: str, progress):
        return 1.0

    def logits(self, query, positive, negatives):
        """Computes `info_nce.logits`, float32[B, 1 + N], for methods that mine or distill."""
        return info_nce.logits(query, positive, negatives, temperature=self.temperature)
