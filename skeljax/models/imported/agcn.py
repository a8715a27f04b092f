"""2s-AGCN, and the variant by SnipCLR, which halves the temporal resolution once more."""

import numpy as np

from skeljax.models.imported import Network
from skeljax.models.imported.kinds import (
    LINEAR,
    NORM,
    PARAMETER,
    TEMPORAL,
    Row,
    down_stages,
)

SIGN = 'l1.gcn1.conv_a.0.weight'
KEY_TENSORS = ('l1.gcn1.PA', 'l1.gcn1.bn.weight')
BLOCK = r'l\d+\.'
NORMALIZATION = '2s-agcn'
DROPOUT = 0.0
ROWS = (
    Row('input_norm', 'data_bn', NORM),
    Row('block{n}/graph/learned', 'l{n}.gcn1.PA', PARAMETER),
    Row('block{n}/graph/theta', tuple(f'l{{n}}.gcn1.conv_a.{k}' for k in range(3)), LINEAR),
    Row('block{n}/graph/phi', tuple(f'l{{n}}.gcn1.conv_b.{k}' for k in range(3)), LINEAR),
    *(Row(f'block{{n}}/graph/value{k}', f'l{{n}}.gcn1.conv_d.{k}', LINEAR) for k in range(3)),
    Row('block{n}/graph/norm', 'l{n}.gcn1.bn', NORM),
    Row('block{n}/graph/down', 'l{n}.gcn1.down.0', LINEAR),
    Row('block{n}/graph/down_norm', 'l{n}.gcn1.down.1', NORM),
    Row('block{n}/temporal', 'l{n}.tcn1.conv', TEMPORAL),
    Row('block{n}/norm', 'l{n}.tcn1.bn', NORM),
    Row('block{n}/residual', 'l{n}.residual.conv', LINEAR),
    Row('block{n}/residual_norm', 'l{n}.residual.bn', NORM),
)


def describe(tensors: dict[str, np.ndarray], layout) -> Network:
    """Returns the options; without running statistics, the input norm was not called (release)."""
    mean, variance = (tensors.get(f'data_bn.running_{name}') for name in ('mean', 'var'))
    called = mean is not None and variance is not None and (mean.any() or (variance != 1).any())
    channels, options = len(tensors['l1.gcn1.bn.weight']), {'down_stages': down_stages(tensors)}
    return Network(channels, options, () if called else ('input_norm',))
