"""HiCLR: a chain of ever harder augmentations (Zhang et al., arXiv 2211.13466).

Each level is asked for the distribution over other videos of the level before it.
"""

import dataclasses

from skeljax.contrast import loss, skeletonclr
from skeljax.contrast.skeletonclr import View


@dataclasses.dataclass(frozen=True)
class Host(skeletonclr.Host):
    """The method and its settings.

    The joints that the last level lacks are 0; published is a learnt number that starts there.

    Attributes:
        mine_from: share of the run from which the nearest negative of each level counts as
            a positive too; published: after 150 of 300 epochs.
    """

    mine_from: float = 0.5

    @property
    def views(self) -> dict[str, View]:
        return {
            'query': View('query'),
            'extreme': View('query'),
            'masked': View('query'),
            'key': View('key'),
        }

    def terms(self, outputs: dict, negatives, progress) -> dict:
        key = outputs['key']['video']
        query, extreme, masked = (
            self.logits(outputs[view]['video'], key, negatives)
            for view in ('query', 'extreme', 'masked')
        )
        mined = loss.nearest(query) | loss.nearest(extreme) | loss.nearest(masked)
        return {
            'video': loss.multi_nce(query, mined & (progress >= self.mine_from)),
            'extreme': loss.distil(query, extreme) / 2,
            'masked': loss.distil(extreme, masked) / 2,
        }
