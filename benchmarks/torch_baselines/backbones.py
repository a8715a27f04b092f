"""The published backbones in PyTorch, by their specification and with the published names.

References for results and speed: the input is joints float[B, 3, T, V, M] as published, the output
the features of every block and the logits of a linear head on the mean over time, joints and
persons.
"""

import torch
from torch import nn

# Child and parent of each bone of NTU RGB+D, counted from 1; joint 21 is the center.
BONES = (
    (1, 2), (2, 21), (3, 21), (4, 3), (5, 21), (6, 5), (7, 6), (8, 7), (9, 21), (10, 9),
    (11, 10), (12, 11), (13, 1), (14, 13), (15, 14), (16, 15), (17, 1), (18, 17), (19, 18),
    (20, 19), (22, 23), (23, 8), (24, 25), (25, 12),
)
V = 25
WIDTH_MULTIPLES = (1, 1, 1, 1, 2, 2, 2, 4, 4, 4)


def spatial():
    """Returns the edges of the graph by partition of ST-GCN, float[3, source, target]."""
    near = torch.eye(V)
    for child, parent in BONES:
        near[child - 1, parent - 1] = near[parent - 1, child - 1] = 1
    hops = torch.full((V,), torch.inf)
    hops[near[20] > 0] = 1
    hops[20] = 0
    share = near / near.sum(0)
    subsets = torch.zeros(3, V, V)
    for source in range(V):
        for target in range(V):
            if source == target:
                k = 0
            else:
                k = 2 if hops[source] < hops[target] else 1
            subsets[k, source, target] = share[source, target]
    return subsets


def directed():
    """Returns self loops, inward and outward edges of 2s-AGCN, float[3, V, V]; columns sum to 1."""
    inward, outward = torch.zeros(2, V, V)
    for child, parent in BONES:
        inward[parent - 1, child - 1] = 1
        outward[child - 1, parent - 1] = 1
    columns = lambda edges: edges / edges.sum(0).clamp(min=1)
    return torch.stack([torch.eye(V), columns(inward), columns(outward)])


def pointwise_conv(channels, features, stride=1):
    return nn.Conv2d(channels, features, 1, (stride, 1))


def temporal_conv(channels, features, kernel=9, stride=1, dilation=1):
    return nn.Conv2d(channels, features, (kernel, 1), (stride, 1),
                     ((kernel - 1) * dilation // 2, 0), (dilation, 1))


class ConvNorm(nn.Module):
    """A temporal convolution and batch norm, named conv and bn."""

    def __init__(self, *args, **kwargs):
        super().__init__()
        self.conv = temporal_conv(*args, **kwargs)
        self.bn = nn.BatchNorm2d(self.conv.out_channels)

    def forward(self, x):
        return self.bn(self.conv(x))


class SpatialConv(nn.Module):
    """The graph convolution of ST-GCN."""

    def __init__(self, channels, features):
        super().__init__()
        self.conv = pointwise_conv(channels, 3 * features)

    def forward(self, x, adjacency):
        n, _, t, v = x.shape
        return torch.einsum('nkctv,kvw->nctw', self.conv(x).view(n, 3, -1, t, v), adjacency)


class StgcnBlock(nn.Module):
    """A block of ST-GCN: graph convolution, temporal convolution, residual."""

    def __init__(self, channels, features, stride, residual, dropout):
        super().__init__()
        self.gcn = SpatialConv(channels, features)
        self.tcn = nn.Sequential(
            nn.BatchNorm2d(features), nn.ReLU(), temporal_conv(features, features, 9, stride),
            nn.BatchNorm2d(features), nn.Dropout(dropout),
        )
        self.identity = residual and stride == 1 and channels == features
        if residual and not self.identity:
            norm = nn.BatchNorm2d(features)
            self.residual = nn.Sequential(pointwise_conv(channels, features, stride), norm)

    def forward(self, x, adjacency):
        y = self.tcn(self.gcn(x, adjacency))
        if self.identity:
            y = y + x
        elif hasattr(self, 'residual'):
            y = y + self.residual(x)
        return torch.relu(y)


class Backbone(nn.Module):
    """Parts that all backbones share: normalization of the input, pooling, head."""

    def __init__(self, channels, *, persons=1, classes=5):
        super().__init__()
        self.persons = persons
        self.data_bn = nn.BatchNorm1d(3 * V * persons)
        self.fc = nn.Linear(channels, classes)

    def normalize(self, x):
        """Maps float[B, 3, T, V, M] to normalized float[B M, 3, T, V]."""
        b, c, t, v, m = x.shape
        groups = m // self.persons
        x = x.permute(0, 4, 3, 1, 2).reshape(b * groups, self.persons * v * c, t)
        return self.data_bn(x).view(b * m, v, c, t).permute(0, 2, 3, 1)

    def blocks(self, x):
        """Yields the features of every block, [B M, C, T, V]."""
        raise NotImplementedError

    def forward(self, x):
        """Returns features [B, M, C, T', V] of every block, and logits."""
        b, m = x.shape[0], x.shape[4]
        features = [y.view(b, m, *y.shape[1:]) for y in self.blocks(self.normalize(x))]
        return features, self.fc(features[-1].mean((3, 4)).mean(1))


class Stgcn(Backbone):
    """ST-GCN (arXiv 1801.07455), with the widths of SkeletonCLR (arXiv 2104.14466) or others."""

    def __init__(self, width, features, *, dropout=0.5, importance='edge_importance.{}'):
        super().__init__(features)
        widths = [*(width * multiple for multiple in WIDTH_MULTIPLES[:-1]), features]
        self.register_buffer('A', spatial())
        self.st_gcn_networks = nn.ModuleList(
            StgcnBlock(c, d, 2 if n in (5, 8) else 1, n > 1, dropout if n > 1 else 0.0)
            for n, (c, d) in enumerate(zip([3, *widths], widths), 1)
        )
        edges = [nn.Parameter(torch.ones(3, V, V)) for _ in widths]
        self.edges = lambda: edges
        if importance.startswith('edge_importance.'):
            self.edge_importance = nn.ParameterList(edges)
        else:  # HiCLR
            for number, edge in enumerate(edges, 1):
                self.register_parameter(importance.format(number), edge)

    def blocks(self, x):
        for block, importance in zip(self.st_gcn_networks, self.edges(), strict=True):
            x = block(x, self.A * importance)
            yield x


class AdaptiveConv(nn.Module):
    """The graph convolution of 2s-AGCN (arXiv 1805.07694)."""

    def __init__(self, channels, features):
        super().__init__()
        inner = features // 4
        self.register_buffer('fixed', directed(), persistent=False)
        self.PA = nn.Parameter(torch.zeros(3, V, V))
        self.conv_a, self.conv_b = (
            nn.ModuleList(pointwise_conv(channels, inner) for _ in range(3)) for _ in range(2)
        )
        self.conv_d = nn.ModuleList(pointwise_conv(channels, features) for _ in range(3))
        self.bn = nn.BatchNorm2d(features)
        if channels != features:
            self.down = nn.Sequential(pointwise_conv(channels, features), nn.BatchNorm2d(features))

    def forward(self, x):
        n, c, t, v = x.shape
        y = 0
        for k, fixed in enumerate(self.fixed):
            theta = self.conv_a[k](x).permute(0, 3, 1, 2).reshape(n, v, -1)
            phi = self.conv_b[k](x).reshape(n, -1, v)
            attention = torch.softmax(theta @ phi / theta.shape[-1], -2)
            mixed = x.reshape(n, c * t, v) @ (fixed + self.PA[k] + attention)
            y = y + self.conv_d[k](mixed.view(n, c, t, v))
        return torch.relu(self.bn(y) + (self.down(x) if hasattr(self, 'down') else x))


class RefinedConv(nn.Module):
    """The graph convolution of CTR-GCN (arXiv 2107.12213)."""

    def __init__(self, channels, features):
        super().__init__()
        inner = 8 if channels == 3 else max(channels // 8, 1)
        self.convs = nn.ModuleList(nn.Module() for _ in range(3))
        for conv in self.convs:
            conv.conv1 = pointwise_conv(channels, inner)
            conv.conv2 = pointwise_conv(channels, inner)
            conv.conv3 = pointwise_conv(channels, features)
            conv.conv4 = pointwise_conv(inner, features)
        self.PA = nn.Parameter(directed())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.bn = nn.BatchNorm2d(features)
        if channels != features:
            self.down = nn.Sequential(pointwise_conv(channels, features), nn.BatchNorm2d(features))

    def forward(self, x):
        y = 0
        for k, conv in enumerate(self.convs):
            query, key = conv.conv1(x).mean(2), conv.conv2(x).mean(2)
            differences = torch.tanh(query[..., :, None] - key[..., None, :])
            topology = self.alpha * conv.conv4(differences) + self.PA[k]
            y = y + torch.einsum('ncuv,nctv->nctu', topology, conv.conv3(x))
        return torch.relu(self.bn(y) + (self.down(x) if hasattr(self, 'down') else x))


class MultiScaleTemporalConv(nn.Module):
    """The temporal convolution of CTR-GCN, of four branches."""

    def __init__(self, features, stride):
        super().__init__()
        few = features // 4
        norm = lambda: nn.BatchNorm2d(few)
        self.branches = nn.ModuleList(
            nn.Sequential(pointwise_conv(features, few), norm(), nn.ReLU(),
                          ConvNorm(few, few, 5, stride, dilation))
            for dilation in (1, 2)
        )
        pool = nn.MaxPool2d((3, 1), (stride, 1), (1, 0))
        self.branches.append(
            nn.Sequential(pointwise_conv(features, few), norm(), nn.ReLU(), pool, norm())
        )
        self.branches.append(nn.Sequential(pointwise_conv(features, few, stride), norm()))

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


class GcnBlock(nn.Module):
    """A block of 2s-AGCN or CTR-GCN."""

    def __init__(self, graph, temporal, channels, features, stride, residual):
        super().__init__()
        self.gcn1, self.tcn1 = graph(channels, features), temporal(features, stride)
        self.identity = residual and stride == 1 and channels == features
        if residual and not self.identity:
            self.residual = ConvNorm(channels, features, 1, stride)

    def forward(self, x):
        y = self.tcn1(self.gcn1(x))
        if self.identity:
            y = y + x
        elif hasattr(self, 'residual'):
            y = y + self.residual(x)
        return torch.relu(y)


class _GcnBackbone(Backbone):
    """A backbone of ten `GcnBlock`s."""

    def __init__(self, graph, temporal, width, down_stages, persons):
        widths = [width * multiple for multiple in WIDTH_MULTIPLES]
        super().__init__(widths[-1], persons=persons)
        for n, (c, d) in enumerate(zip([3, *widths], widths), 1):
            stride = 2 if n in down_stages else 1
            setattr(self, f'l{n}', GcnBlock(graph, temporal, c, d, stride, n > 1))

    def blocks(self, x):
        for n in range(1, 11):
            x = getattr(self, f'l{n}')(x)
            yield x


class Agcn(_GcnBackbone):
    """2s-AGCN; the input is not normalized if not `use_data_bn`, as in the release."""

    def __init__(self, width, down_stages=(5, 8), persons=1, *, use_data_bn=True):
        temporal = lambda features, stride: ConvNorm(features, features, 9, stride)
        super().__init__(AdaptiveConv, temporal, width, down_stages, persons)
        self.use_data_bn = use_data_bn

    def normalize(self, x):
        if self.use_data_bn:
            return super().normalize(x)
        b, c, t, v, m = x.shape
        return x.permute(0, 4, 1, 2, 3).reshape(b * m, c, t, v)


class Ctrgcn(_GcnBackbone):
    """CTR-GCN."""

    def __init__(self, width, persons=1):
        super().__init__(RefinedConv, MultiScaleTemporalConv, width, (5, 8), persons)
