"""Published tensors of ST-GCN, as SkeletonCLR, CrosSCLR, AimCLR, HiCLR and ActCLR have them."""

import numpy as np

from skeljax.errors import InputError
from skeljax.models.imported import Network
from skeljax.models.imported.kinds import LINEAR, NORM, PARAMETER, SUBSETS, TEMPORAL, Row
from skeljax.skeletons import graph

SIGN = 'st_gcn_networks.0.gcn.conv.weight'
KEY_TENSORS = ('A', 'st_gcn_networks.9.gcn.conv.weight')
BLOCK = r'st_gcn_networks\.|edge_importance'
NORMALIZATION = 'crossclr'
DROPOUT = 0.5
ROWS = (
    Row('input_norm', 'data_bn', NORM),
    Row('block{n}/graph', 'st_gcn_networks.{i}.gcn.conv', SUBSETS),
    Row('block{n}/graph/importance', 'edge_importance.{i}', PARAMETER),
    Row('block{n}/graph/importance', 'edge_importance{n}', PARAMETER),  # HiCLR
    Row('block{n}/graph/norm', 'st_gcn_networks.{i}.tcn.0', NORM),
    Row('block{n}/temporal', 'st_gcn_networks.{i}.tcn.2', TEMPORAL),
    Row('block{n}/norm', 'st_gcn_networks.{i}.tcn.3', NORM),
    Row('block{n}/residual', 'st_gcn_networks.{i}.residual.0', LINEAR),
    Row('block{n}/residual_norm', 'st_gcn_networks.{i}.residual.1', NORM),
)


def describe(tensors: dict[str, np.ndarray], layout) -> Network:
    """Returns the channels of the first and the last block, and the quirk of the graph."""
    width, features = (tensors[name].shape[0] // 3 for name in (SIGN, KEY_TENSORS[1]))
    for faithful in (('partition',), ()):
        expected = graph.spatial(layout, faithful=bool(faithful))
        found = tensors['A']
        if found.shape == expected.shape and np.allclose(found, expected, atol=1e-6):
            return Network(width, {'out_channels': features}, faithful)
    raise InputError(f'its graph A is not that of ST-GCN for layout {layout.name}')
