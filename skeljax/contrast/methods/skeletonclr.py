"""SkeletonCLR: MoCo v2 on skeleton videos (Li et al., CrosSCLR, arXiv 2104.14466).

A host method is a module with these names. It says what views it needs, what its
losses are and what becomes a negative of later steps; it knows nothing of snippets,
devices or checkpoints. The other methods build on this one.
"""

import dataclasses
from typing import ClassVar, NamedTuple

from flax import linen as nn

from skeljax.contrast import info_nce
from skeljax.models import heads


class View(NamedTuple):
    """How one view of a recording is made and who sees it.

    Attributes:
        encoder: 'query' (the trained one) or 'key' (the momentum encoder).
        cut: the view that this one is cut and augmented like, draw for draw; '' for itself.
        pace: '' for the whole cut; 'same' and 'other' for relative tempo: half of it at full
            rate or all of it at half the rate, one for each of the two.
        hidden: joints of every frame that no stream shows.
    """

    encoder: str
    cut: str = ''
    pace: str = ''
    hidden: int = 0


class Heads(nn.Module):
    """Projects features for the losses of this method.

    Attributes:
        embed: size of an embedding.
    """

    embed: int = 128

    @nn.compact
    def __call__(self, features, view: str, *, train: bool):
        """Maps `pooling.Features` of a view to name -> unit vectors float32[B, D]."""
        channels = features.taps[max(features.taps)][0].shape[-1]
        head = heads.GlobalHead(hidden=channels, embed_dim=self.embed, name='video')
        return {'video': head(features.taps)}


@dataclasses.dataclass(frozen=True)
class Host:
    """The method and its settings.

    Attributes:
        temperature: that similarities are divided by.
        faithful: published quirks to repeat, by name.
    """

    temperature: float = 0.07
    faithful: tuple[str, ...] = ()

    queued: ClassVar[bool] = True  # needs negatives and says what becomes one
    whole_batch: ClassVar[bool] = False  # losses look at the batch of all devices
    single_logits: ClassVar[bool] = False  # losses look at negatives one by one: to mine, to distil
    least_streams: ClassVar[int] = 1

    @property
    def views(self) -> dict[str, View]:
        """The views of a recording, by name."""
        return {'query': View('query'), 'key': View('key')}

    def check(self, layout: str):
        """Raises InputError where a joint layout lacks what the method needs."""

    def heads(self, *, embed: int, layout: str, axis_name: str | None) -> nn.Module:
        """Makes the heads; `axis_name` is the mapped axis of batch statistics."""
        return Heads(embed=embed)

    def terms(self, outputs: dict, negatives, progress) -> dict:
        """Computes the named losses of each video of one stream.

        Args:
            outputs: view -> what the heads returned for it.
            negatives: `loss.Negatives`, or a ring of them where no single logit is needed.
            progress: share of the run that is over, float32[].

        Returns:
            name -> float32[B].
        """
        query, key = outputs['query']['video'], outputs['key']['video']
        values = info_nce.info_nce(query, key, negatives, temperature=self.temperature)
        return {'video': values}

    def across(self, outputs: dict, negatives: dict, progress) -> dict:
        """Computes losses between streams; the same by stream -> arguments of `terms`."""
        return {}

    def enqueued(self, outputs: dict):
        """Picks the keys that become negatives of later steps, float[B, D]."""
        return outputs['key']['video']

    def follows(self, stream: str, progress):
        """Tells what share of its usual step the momentum encoder of a stream takes."""
        return 1.0

    def logits(self, query, positive, negatives):
        """Compares by `loss.logits` at this method's temperature."""
        return info_nce.logits(query, positive, negatives, temperature=self.temperature)
