"""HiCLR: a hierarchy of ever stronger augmentations (Zhang et al., arXiv 2211.13466).

Each level learns the distribution over other videos that the level before it has.
"""

import dataclasses
from typing import ClassVar

from skeljax.contrast import info_nce
from skeljax.contrast.methods import View, skeletonclr
from skeljax.errors import InputError
from skeljax.skeletons import skeleton


@dataclasses.dataclass(frozen=True)
class Method(skeletonclr.Method):
    """Hierarchical consistent contrastive learning.

    Masked joints of the last level are 0; in the published code they are a learned number that
    starts at 0.
    """

    mining_start: float = 0.5  # share of the run from which nearest negatives are positives too
    # Published: after 150 of 300 epochs.
    num_masked_joints: int = 2  # of every frame in the last level; published: a tenth of the joints

    needs_logits: ClassVar[bool] = True

    def __post_init__(self):
        super().__post_init__()
        self._check_range('mining_start', 0 <= self.mining_start <= 1, '0 to 1')
        self._check_range('num_masked_joints', self.num_masked_joints >= 0, '0 or more')

    @property
    def views(self) -> dict[str, View]:
        return {
            'query': View('query'),
            'extreme': View('query'),
            'masked': View('query', num_masked_joints=self.num_masked_joints),
            'key': View('key'),
        }

    def check_layout(self, layout: str):
        joints = skeleton.get(layout).num_joints
        if self.num_masked_joints >= joints:
            raise InputError(
                f'config.pretrain.hiclr.num_masked_joints is {self.num_masked_joints}, '
                f'expected 0 to {joints - 1} joints of layout {layout}'
            )

    def losses(self, outputs: dict, negatives, progress) -> dict:
        key = outputs['key']['video']
        query, extreme, masked = (
            self.logits(outputs[view]['video'], key, negatives)
            for view in ('query', 'extreme', 'masked')
        )
        mined = info_nce.nearest(query) | info_nce.nearest(extreme) | info_nce.nearest(masked)
        mined &= progress >= self.mining_start
        return {
            'video': info_nce.multi_positive_nce(query, mined),
            'extreme': info_nce.distillation_loss(query, extreme) / 2,
            'masked': info_nce.distillation_loss(extreme, masked) / 2,
        }
