"""ST-GCN in PyTorch with skeljax's formulations: the same network, computed as skeljax does on CPU.

Layout (T, B, V, C), the temporal convolution as a bilinear form, graph mixing along edges only,
and dropout from one random byte per element. All of these are available to users of PyTorch; the
comparison separates what the formulation contributes to a ratio from what the framework does.
"""

import functools

import torch
from torch.nn import functional

from benchmarks.torch_baselines import backbones


class FastStgcn(backbones.Stgcn):
    """Has the parameters and the results of `backbones.Stgcn`."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        subsets = backbones.spatial() > 0
        self._forward_edges = [_edge_groups(edges) for edges in subsets]
        self._backward_edges = [_edge_groups(edges.T) for edges in subsets]

    def blocks(self, x):
        x = x.permute(2, 0, 3, 1).contiguous()
        for block, importance in zip(self.st_gcn_networks, self.edges(), strict=True):
            x = self._block(block, x, self.A * importance)
            yield x.permute(1, 3, 0, 2)

    def _block(self, block, x, adjacency):
        """Maps float[T, N, V, C] -> float[T', N, V, D]."""
        first, _, conv, second, dropout = block.tcn
        stride = conv.stride[0]
        y = torch.relu(_batch_norm(first, self._graph_conv(block.gcn.conv, x, adjacency)))
        y = _byte_dropout(_batch_norm(second, _temporal_conv(conv, y)), dropout)
        if block.identity:
            y = y + x
        elif hasattr(block, 'residual'):
            linear, norm = block.residual
            y = y + _batch_norm(norm, functional.linear(
                x[::stride], linear.weight[..., 0, 0], linear.bias
            ))
        return torch.relu(y)

    def _graph_conv(self, conv, x, adjacency):
        """Mixes joints along edges, then the channels of all subsets in one product."""
        count, channels = len(adjacency), x.shape[-1]
        edges = zip(self._forward_edges, self._backward_edges, strict=True)
        mixed = torch.cat([
            _EdgeProduct.apply(x, matrix, *groups)
            for matrix, groups in zip(adjacency, edges, strict=True)
        ], -1)
        kernel = conv.weight.view(count, -1, channels).transpose(0, 1).flatten(1)
        bias = torch.einsum('kvw,kd->wd', adjacency, conv.bias.view(count, -1))
        return functional.linear(mixed, kernel) + bias


class _EdgeProduct(torch.autograd.Function):
    """Multiplies float[T, N, V, C] by a matrix float[V, V] along the joints, only at its edges."""

    @staticmethod
    def forward(ctx, x, matrix, forward_edges, backward_edges):
        ctx.save_for_backward(x, matrix)
        ctx.edges = forward_edges, backward_edges
        return _edge_product(x, matrix, forward_edges)

    @staticmethod
    def backward(ctx, gradient):
        x, matrix = ctx.saved_tensors
        forward_edges, backward_edges = ctx.edges
        matrix_gradient = torch.zeros_like(matrix)
        for sources, targets in forward_edges:
            products = (x[:, :, sources] * gradient[:, :, targets]).sum((0, 1, 3))
            matrix_gradient[sources, targets] = products
        x_gradient = _edge_product(gradient, matrix.T, backward_edges)
        return x_gradient, matrix_gradient, None, None


def _edge_groups(edges):
    """Splits edges bool[V, V] into pairs (sources, targets) in which no target occurs twice."""
    place, found = edges.cumsum(0) * edges, []
    for number in range(1, int(place.max()) + 1):
        sources, targets = (place == number).nonzero(as_tuple=True)
        order = targets.argsort()
        found.append((sources[order], targets[order]))
    return found


def _edge_product(x, matrix, groups):
    total = None
    for sources, targets in groups:
        added = matrix[sources, targets][:, None] * x[:, :, sources]
        if len(targets) == x.shape[2]:
            total = added if total is None else total + added
        else:
            total = torch.zeros_like(x) if total is None else total
            total = total.index_add(2, targets, added)
    return total


def _batch_norm(norm, x):
    statistics = norm.running_mean, norm.running_var, norm.weight, norm.bias
    y = functional.batch_norm(x.flatten(0, -2), *statistics, norm.training, norm.momentum, norm.eps)
    return y.view(x.shape)


def _byte_dropout(x, dropout):
    """Applies dropout from one random byte per element, drawn as words of eight bytes."""
    dropped = round(dropout.p * 256)
    if not dropout.training or not dropped:
        return x
    words = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device)
    drawn = words.random_(-(2**63), None).view(torch.uint8)[: x.numel()].view(x.shape)
    return x * (drawn >= dropped) * (256 / (256 - dropped))


def _temporal_conv(conv, x):
    """Convolves float[T, N, V, C] over time: `Q((D x)(G w))`, as skeljax/models/cpu/convolve.py."""
    kernel = conv.weight[..., 0].permute(2, 1, 0)
    matrices = _matrices(len(x), len(kernel), conv.stride[0])
    d, g, q = (matrix.to(x.device, x.dtype) for matrix in matrices)
    products = (d @ x.flatten(1)).view(len(d), -1, x.shape[-1])
    products = products @ (g @ kernel.flatten(1)).view(len(g), *kernel.shape[1:])
    y = (q @ products.flatten(1)).view(len(q), *x.shape[1:-1], -1)
    return y + conv.bias


@functools.cache
def _matrices(frames: int, taps: int, stride: int):
    """Returns D [P, frames], G [P, taps] and Q [ceil(frames / stride), P] for zero padding.

    Each frequency has three rows, because a complex product takes three real ones: those of
    a + ib and c + id are (a + b) c, a (d - c) and b (c + d).
    """
    period, half = frames + taps // 2, taps // 2
    time, tap = torch.arange(frames).double(), half - torch.arange(taps).double()
    rows = [], [], []
    for frequency in range(period // 2 + 1):
        omega = 2 * torch.pi * frequency / period
        a, b = torch.cos(omega * time), -torch.sin(omega * time)
        c, d = torch.cos(omega * tap), -torch.sin(omega * tap)
        real, imaginary = a[::stride] / period, -b[::stride] / period
        if 2 * frequency in (0, period):
            new = [a], [c], [real]
        else:
            new = (
                [a + b, a, b], [c, d - c, c + d],
                [2 * (real - imaginary), -2 * imaginary, -2 * real],
            )
        for found, more in zip(rows, new, strict=True):
            found.extend(more)
    d, g, q = map(torch.stack, rows)
    return d, g, q.T.contiguous()
