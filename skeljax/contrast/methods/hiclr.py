"""HiCLR: a chain of ever harder augmentations (Zhang et al., arXiv 2211.13466).

Each level is asked for the distribution over other videos of the level before it.
"""

import dataclasses
from typing import ClassVar

from skeljax.contrast import info_nce
from skeljax.contrast.methods import skeletonclr
from skeljax.contrast.methods.skeletonclr import View
from skeljax.errors import InputError
from skeljax.skeletons import skeleton


@dataclasses.dataclass(frozen=True)
class Host(skeletonclr.Host):
    """The method and its settings.

    The joints that the last level lacks are 0; published is a learnt number that starts there.

    Attributes:
        mine_from: share of the run from which the nearest negative of each level counts as
            a positive too; published: after 150 of 300 epochs.
        hidden: joints that the last level lacks in every frame; published: a tenth.
    """

    mine_from: float = 0.5
    hidden: int = 2

    single_logits: ClassVar[bool] = True

    @property
    def views(self) -> dict[str, View]:
        return {
            'query': View('query'),
            'extreme': View('query'),
            'masked': View('query', hidden=self.hidden),
            'key': View('key'),
        }

    def check(self, layout: str):
        joints = skeleton.get(layout).num_joints
        if not 0 <= self.hidden < joints:
            raise InputError(f'hiclr hides 0 to {joints - 1} joints of {layout}, not {self.hidden}')

    def terms(self, outputs: dict, negatives, progress) -> dict:
        key = outputs['key']['video']
        query, extreme, masked = (
            self.logits(outputs[view]['video'], key, negatives)
            for view in ('query', 'extreme', 'masked')
        )
        mined = info_nce.nearest(query) | info_nce.nearest(extreme) | info_nce.nearest(masked)
        return {
            'video': info_nce.multi_nce(query, mined & (progress >= self.mine_from)),
            'extreme': info_nce.distil(query, extreme) / 2,
            'masked': info_nce.distil(extreme, masked) / 2,
        }
