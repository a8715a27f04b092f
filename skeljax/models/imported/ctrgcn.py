"""Published tensors of CTR-GCN."""

import numpy as np

from skeljax.models.imported import Network
from skeljax.models.imported.kinds import (
    LINEAR,
    NORM,
    PARAMETER,
    SCALAR,
    TEMPORAL,
    Row,
    down_stages,
)

SIGN = 'l1.gcn1.convs.0.conv1.weight'
KEY_TENSORS = ('l1.gcn1.PA', 'l1.gcn1.bn.weight')
BLOCK = r'l\d+\.'
NORMALIZATION = 'ctr-gcn'
DROPOUT = 0.0
_CONVS = tuple(f'l{{n}}.gcn1.convs.{k}' for k in range(3))
_BRANCHES = tuple(f'l{{n}}.tcn1.branches.{k}' for k in range(4))
_LAST = (f'{_BRANCHES[0]}.3.bn', f'{_BRANCHES[1]}.3.bn', f'{_BRANCHES[2]}.4', f'{_BRANCHES[3]}.1')
ROWS = (
    Row('input_norm', 'data_bn', NORM),
    Row('block{n}/graph/partitions', 'l{n}.gcn1.PA', PARAMETER),
    Row('block{n}/graph/alpha', 'l{n}.gcn1.alpha', SCALAR),
    Row('block{n}/graph/query', tuple(f'{conv}.conv1' for conv in _CONVS), LINEAR),
    Row('block{n}/graph/key', tuple(f'{conv}.conv2' for conv in _CONVS), LINEAR),
    *(Row(f'block{{n}}/graph/value{k}', f'{_CONVS[k]}.conv3', LINEAR) for k in range(3)),
    *(Row(f'block{{n}}/graph/relation{k}', f'{_CONVS[k]}.conv4', LINEAR) for k in range(3)),
    Row('block{n}/graph/norm', 'l{n}.gcn1.bn', NORM),
    Row('block{n}/graph/down', 'l{n}.gcn1.down.0', LINEAR),
    Row('block{n}/graph/down_norm', 'l{n}.gcn1.down.1', NORM),
    Row('block{n}/reduce', tuple(f'{branch}.0' for branch in _BRANCHES[:3]), LINEAR),
    Row('block{n}/reduce_norm', tuple(f'{branch}.1' for branch in _BRANCHES[:3]), NORM),
    Row('block{n}/dilated1', f'{_BRANCHES[0]}.3.conv', TEMPORAL),
    Row('block{n}/dilated2', f'{_BRANCHES[1]}.3.conv', TEMPORAL),
    Row('block{n}/point', f'{_BRANCHES[3]}.0', LINEAR),
    Row('block{n}/norm', _LAST, NORM),
    Row('block{n}/residual', 'l{n}.residual.conv', LINEAR),
    Row('block{n}/residual_norm', 'l{n}.residual.bn', NORM),
)


def describe(tensors: dict[str, np.ndarray], layout) -> Network:
    """Returns the channels and the blocks that halve the temporal resolution."""
    return Network(len(tensors['l1.gcn1.bn.weight']), {'down_stages': down_stages(tensors)})
